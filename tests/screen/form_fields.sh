#!/usr/bin/env bash
# The form's groups, presets, lists, candidates and history, and that it is kept: what was typed is
# back in another sitting. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=a/model # a short path, whatever the clone is called: texts that are looked for have room
source "${BASH_SOURCE[0]%/*}/common.bash"
hides() { # hides FILE TEXT
  grep -qF -- "$2" "$work/$1" && { fail "$1 shows \"$2\":"; cat "$work/$1"; }
}
row() { # row FILE TEXT, whatever blanks are in it
  grep -qF -- "$2" <<<"$(tr -s ' ' <"$work/$1")" || { fail "$1 has no \"$2\":"; cat "$work/$1"; }
}
export OMP_NUM_THREADS=1
mkdir "$work/a"
ln -s "$2/demo/model" "$work/a/model"
head -30 "$2/demo/text/problems.jsonl" >"$work/data.jsonl"
mkdir "$work/more"
cp "$work/data.jsonl" "$work/more/second.jsonl"
cp "$work/data.jsonl" "$work/more/third.jsonl"

# Groups: the usual fields, all of them, none; a closed one says what was set in it.
play 80x24 "$model" <<'SCRIPT'
wait scan
t
type "data.jsonl"
save-screen usual.txt
Ctrl-G
save-screen all.txt
Ctrl-G
save-screen closed.txt
PgDn
save-screen next.txt
PgUp
Enter
save-screen open.txt
field "rate factor"
save-screen rare.txt
SCRIPT
row usual.txt "─ 3 more: Ctrl-G"
hides usual.txt "document mark"
shows all.txt "document mark"
row closed.txt "▶ Data data data.jsonl"
hides closed.txt "columns"
row next.txt "▶ run folder"
shows open.txt "columns"
row rare.txt "▶ rate factor"

# The first key takes the place of a value; an undo brings it back, and the hint says so.
play 80x24 "$model" <<'SCRIPT'
wait scan
t
field "steps"
type "70"
Down Up
type "5"
save-screen replaced.txt
Ctrl-_
save-screen undone.txt
SCRIPT
row replaced.txt "▶ steps 5"
says replaced.txt "Ctrl-_ undoes."
row undone.txt "▶ steps 70"
hides undone.txt "Ctrl-_"

# By its name, which Tab completes.
play 80x24 "$model" <<'SCRIPT'
wait scan
t
Ctrl-O
type "warm"
Tab
save-screen proposed.txt
Enter
save-screen found.txt
SCRIPT
shows proposed.txt "field NAME: warm-up"
row found.txt "▶ warm-up"

# A field that is none, or that does nothing beside the others, is said; a script ends there.
for name in "colour:no field" "rank:does nothing beside"; do
  printf 'wait scan\nt\nfield "%s"\n' "${name%%:*}" >"$work/script"
  (cd "$work" && "$binary" --script script --size 80x24 "$model") 2>"$work/err" &&
    fail "field ${name%%:*} was found"
  grep -qF "script:3: " "$work/err" && grep -qF "${name#*:}" "$work/err" ||
    { fail "${name%%:*}:"; cat "$work/err"; }
done

# A preset says what it would set, and asks before it replaces what was typed.
play 80x50 "$model" <<'SCRIPT'
wait scan
t
Ctrl-P
/Spectrum-50 Enter
save-screen top.txt
g
/QLoRA Enter
save-screen preset.txt
Enter
save-screen said.txt
field "rank"
save-screen taken.txt
type "4"
Ctrl-P
/Spectrum-25+QLoRA Enter
save-screen typed.txt
Enter
save-screen asked.txt
n
save-screen kept.txt
Enter
y
field "rank"
save-screen replaced.txt
Ctrl-P
/Spectrum-50 Enter
Enter
field "optimizer"
save-screen again.txt
Ctrl-P
save-screen own-presets.txt
Esc
Ctrl-D
save-screen own-data.txt
SCRIPT
row preset.txt "QLoRA changes 3 fields"
row top.txt "top the plan of the map → 50" # as the form calls it
row preset.txt "method spectrum → qlora"
row preset.txt "optimizer adamw → adamw-8bit"
row taken.txt "▶ rank 16"
row taken.txt "learning rate 5e-4" # AdamW's in 8 bits, too
says said.txt "QLoRA: method qlora, alpha 32, optimizer adamw-8bit"
row taken.txt "method qlora"
row typed.txt "rank 4 → 16 typed by hand: asked about first"
says asked.txt "takes the place of what was typed by hand (rank 4): y"
row kept.txt "rank 4 → 16"
row replaced.txt "▶ rank 16"
row replaced.txt "top 25"
row again.txt "top 50"
row again.txt "method spectrum "
row again.txt "▶ optimizer adamw "
for screen in again own-presets own-data; do shows $screen.txt "not the plan of the map: trains "; done

# The plan of a file, or a percentage, in the place of the map's; which keeps its own numbers.
play 120x60 "$model" <<'SCRIPT'
wait scan
:write mine.yaml Enter
:top 75 Enter
t
field "plan"
type "mine.yaml"
save-screen file.txt
type "x"
save-screen missing.txt
<Ctrl-U>
field "top"
type "75"
save-screen percent.txt
Esc
save-screen map.txt
SCRIPT
memory() { grep -oP 'memory \K[0-9.]+ [KMG]iB' "$work/$1" | tail -1; }
says file.txt "--plan mine.yaml"
shows file.txt "not the plan of the map: trains 1.1M params"
row missing.txt "cannot open mine.yamlx"
says percent.txt "--top 75"
[ -n "$(memory map.txt)" ] && [ "$(memory percent.txt)" = "$(memory map.txt)" ] &&
  [ "$(memory file.txt)" != "$(memory map.txt)" ] ||
  fail "memory: the map $(memory map.txt), a file $(memory file.txt), 75 % $(memory percent.txt)"

# A rate that nobody typed is one optimiser's: lion gets its own. One that was typed stays.
play 80x30 "$model" <<'SCRIPT'
wait scan
t
field "optimizer"
save-screen adamw.txt
Right Right Right
save-screen lion.txt
field "data"
<Ctrl-U>
Esc
t
field "learning rate"
save-screen opened-again.txt
field "learning rate"
type "1e-6"
field "optimizer"
Left Left Left
save-screen typed-rate.txt
SCRIPT
row adamw.txt "learning rate 5e-4"
row lion.txt "optimizer lion"
row opened-again.txt "learning rate auto (2e-6)"
row lion.txt "learning rate auto (2e-6)"
row typed-rate.txt "learning rate 1e-6"

# What is no number stays where it was typed, marked as wrong: no key leaves the form for it, and no
# character of it is lost. Keys that the form has not say what the field takes.
play 80x30 "$model" <<'SCRIPT'
wait scan
t
field "batch"
type "12xq"
save-screen letters.txt
field "learning rate"
type "1,5"
save-screen comma.txt
field "memory limit"
type "8 G"
save-screen blank.txt
<Ctrl-U>
field "learning rate"
<Ctrl-U>
field "batch"
type "4"
field "top"
type "130"
save-screen top-wrong.txt
<Ctrl-U>
field "accumulate"
save-screen right.txt
<Ctrl-U>
save-screen emptied.txt
Esc
save-screen emptied-map.txt
t
field "method"
type "x"
save-screen turned.txt
field "steps"
type "x"
save-screen key.txt
type "k"
save-screen up.txt
SCRIPT
row letters.txt "▶ batch 12xq a whole number, please"
row comma.txt "▶ learning rate 1,5 a number, please"
row blank.txt "▶ memory limit 8 G bytes, as in 8G or 500M"
says top-wrong.txt "60 steps, 61,440 tokens in all" # it is not by how long a run is
says top-wrong.txt "memory n/a of"
shows top-wrong.txt "not the plan of the map: trains n/a params"
says right.txt "60 steps, 61,440 tokens in all"
says emptied.txt "steps n/a: accumulate: a whole number, please"
says emptied.txt "memory n/a of"
says emptied-map.txt "memory the form's accumulate: a whole number, please"
says turned.txt "method: Space, Right and Left go through its names"
says key.txt "steps takes a whole number"
row key.txt "▶ steps 60"
hides up.txt "▶ steps"

# Several data files, with weights; one is taken out again. Tab lists what there is to choose from.
play 200x60 "$model" <<'SCRIPT'
wait scan
t
type "data.jsonl"
Down
type "mo"
Tab
save-screen completed.txt
Tab
save-screen listed.txt
Tab
Enter
save-screen chosen.txt
Down
type "more/second.jsonl"
field "data weight"
Down
type "0.25"
Down
type "2"
save-screen weighted.txt
field "data"
Down
<Ctrl-U>
Down
save-screen removed.txt
SCRIPT
row completed.txt "▶ data 2 more/"
says listed.txt "what is there: 1 of 2; Tab chooses, Enter takes, Esc closes"
shows listed.txt "▶ more/second.jsonl"
row chosen.txt "▶ data 2 more/third.jsonl"
row weighted.txt "data weight 2 0.25"
says weighted.txt "--data data.jsonl --data more/third.jsonl --data more/second.jsonl --data-weight 1 --data-weight 0.25 --data-weight"
shows weighted.txt " 2 --run runs/model-1" # the line's next row
row removed.txt "data 2 more/second.jsonl"
row removed.txt "data weight 2 2"
hides removed.txt "third"

# A template is a name or a file: Tab has both.
touch "$work/chat.jinja"
play 80x24 "$model" <<'SCRIPT'
wait scan
t
field "chat template"
type "chat"
Tab
save-screen template.txt
SCRIPT
says template.txt "what is there: 1 of 2; Tab chooses"
shows template.txt "chat.jinja"
shows template.txt "chatml"

# The line editor; what is not data says why; of what is below a file nothing is completed.
play 80x24 "$model" <<'SCRIPT'
wait scan
t
type "dta.jsonl"
Home Right
type "a"
save-screen edited.txt
Ctrl-A Ctrl-K
type "/etc/passwd"
save-screen passwd.txt
Ctrl-S
save-screen refused.txt
SCRIPT
# Pasted text is the field's, in place of what one has just arrived at; of a number only a number.
play 80x24 "$model" <<'SCRIPT'
wait scan
t
paste "data.jsonl"
save-screen pasted.txt
field "sample prompt"
type "Once, "
paste "q? :twice"
save-screen prompt.txt
field "batch"
paste "12x"
save-screen letters.txt
paste "12"
save-screen number.txt
SCRIPT
row pasted.txt "▶ data data.jsonl"
row prompt.txt '▶ sample prompt Once, q? :twice'
row letters.txt "▶ batch 4"
says letters.txt "batch takes a number: nothing was pasted"
row number.txt "▶ batch 12"

row edited.txt "▶ data data.jsonl"
says passwd.txt "/etc/passwd: data files end in .txt, .jsonl or .json"
says refused.txt "data: /etc/passwd: data files end in .txt"

# What has no room does not start, and what would help is said.
play 120x30 "$model" <<'SCRIPT'
wait scan
t
field "sequence length"
type "1000000"
field "batch"
type "4096"
save-screen large.txt
Ctrl-S
save-screen too-large.txt
SCRIPT
shows large.txt "it does not fit; a lower sequence length, batch or top"
says too-large.txt "it does not start: it takes "
says too-large.txt "; a lower sequence length, batch or top, memory limit, "
[ ! -e "$work/runs" ] || fail "a job was made that has no room"

# What was typed is back in another sitting, folder and demonstration's values, too; a run's values
# are in the fields' history.
keeps=yes
rm -rf "$work/state/spectrum/forms"
play 120x60 "$model" <<'SCRIPT'
wait scan
t
type "data.jsonl"
Down
type "more"
field "method"
Right
field "steps"
type "1"
field "sequence length"
type "64"
field "batch"
type "2"
SCRIPT
grep -lF '"batch": {"by": "hand", "values": ["2"]}' "$work"/state/spectrum/forms/*.json >/dev/null ||
  { fail "the form is not kept:"; cat "$work"/state/spectrum/forms/*; }
[ "$(stat -c %a "$work"/state/spectrum/forms/*.json)" = 600 ] || fail "the form is not private"
play 120x60 "$model" <<'SCRIPT'
wait scan
t
save-screen again.txt
Ctrl-S Ctrl-S
wait text "completed"
SCRIPT
for line in "data data.jsonl" "data 2 more" "method full" "steps 1 " "sequence length 64" "batch 2"; do
  row again.txt "$line"
done
[ -s "$work/runs/model-1/result.json" ] || fail "the run of the kept form did not end"
play 120x60 "$model" <<'SCRIPT'
wait scan
t
save-screen next.txt
field "batch"
type "3"
Ctrl-R
save-screen history.txt
Enter
save-screen earlier.txt
field "method"
Ctrl-R
save-screen none.txt
SCRIPT
row next.txt "run folder runs/model-2"
says history.txt "what runs were started with: 1 of 1"
row earlier.txt "▶ batch 2"
says none.txt "no run was started with another value in this field"
[ "$(stat -c %a "$work/state/spectrum/forms/history.json")" = 600 ] || fail "the history is not private"

# "fresh" takes all back, and then nothing of the form is kept.
play 80x24 "$model" <<'SCRIPT'
wait scan
t
Ctrl-P
G
Enter
y
save-screen fresh.txt
SCRIPT
row fresh.txt "steps 60"
[ "$(ls "$work"/state/spectrum/forms)" = history.json ] || fail "a fresh form is kept"

# A form that is not one is not taken, and stays.
play 80x24 "$model" <<'SCRIPT'
wait scan
t
field "batch"
type "2"
SCRIPT
kept=$(ls "$work"/state/spectrum/forms/*.json | grep -v history)
echo '{"format": "spectrum.form", "version": 1, "fields": {"colour": {"by": "hand", "values": ["red"]}}}' >"$kept"
play 80x24 "$model" <<'SCRIPT'
wait text "kept for this model is not taken"
t
field "batch"
save-screen other.txt
type "8"
SCRIPT
row other.txt "▶ batch 4"
grep -qF colour "$kept.aside" || fail "the other form was not set aside"
grep -qF '"batch"' "$kept" || fail "the form was not kept after that"

echo "$failures failed"
[ $failures -eq 0 ]
