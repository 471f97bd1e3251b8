#!/usr/bin/env bash
# The plan is kept as it changes and put back when its model is opened next (test_screen_pty.c has what
# ends a screen otherwise); writing over a file asks, and over what is of another kind is refused.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source_folder=$2
source "${BASH_SOURCE[0]%/*}/common.bash"
keeps=1
model=$work/model
plans=$XDG_STATE_HOME/spectrum/plans
cp -r "$source_folder/demo/model" "$model"
"$binary" scan "$model" -o "$work/scan.json" 2>/dev/null || fail "no scan was made"
trains() { grep -oE '[0-9]+ of [0-9]+ (matrices)?' "$work/$1" | tail -1; }
same() { [ -n "$(trains "$1")" ] && [ "$(trains "$1")" = "$(trains "$2")" ] || fail "$2 is not as $1: $(trains "$2"), not $(trains "$1")"; }
none_kept() { [ -z "$(ls -A "$plans" 2>/dev/null)" ] || fail "$1: a plan is kept: $(ls -A "$plans")"; }

# --- nothing changed, nothing kept; a mark is back, u drops it, and that is kept, too ---
play 120x30 "$model" <<'SCRIPT'
wait scan
save-screen fresh.txt
q
SCRIPT
none_kept "nothing was changed"
play 120x30 "$model" <<'SCRIPT'
wait scan
jjll Space
save-screen marked.txt
q
SCRIPT
file=$(ls -A "$plans")
[[ $file =~ ^[0-9a-f]{32}-reference\.json$ ]] || fail "the plan's name is $file"
[ "$(stat -c %a "$plans/$file")" = 600 ] || fail "others can read the plan"
play 120x30 "$model" <<'SCRIPT'
save-screen back.txt
wait scan
save-screen scanned.txt
u
save-screen dropped.txt
q
SCRIPT
says back.txt "is back, as it was left here; u undoes its last step"
cmp -s <(trains fresh.txt) <(trains marked.txt) && fail "the mark changed nothing"
same marked.txt scanned.txt
same fresh.txt dropped.txt
play 120x30 "$model" <<'SCRIPT'
wait scan
save-screen undone.txt
Ctrl-R
save-screen redone.txt
u
q
SCRIPT
same fresh.txt undone.txt
same marked.txt redone.txt

# --- a percentage leaves what was changed by hand as it is, and so does the scope; x drops it ---
play 120x30 "$model" <<'SCRIPT'
wait scan
jjll Space
save-screen hand.txt
+
save-screen more.txt
o
save-screen all-types.txt
- o x
save-screen without.txt
u u u u u
save-screen undone.txt
u
q
SCRIPT
shows hand.txt "25 % of each type, -1 by hand: trains 13 of 56 matrices"
shows more.txt "38 % of each type, -1 by hand: trains"
shows all-types.txt "38 % of all types, -1 by hand: trains"
shows without.txt "37 % of each type: trains 14 of 56 matrices"
says without.txt "1 change by hand dropped; u brings it back"
same hand.txt undone.txt
rm -r "$plans"

# --- a percentage stays one: it is chosen again, whatever is known by then; so do the switches ---
play 120x30 "$model" <<'SCRIPT'
wait scan
e
:top 60 Enter
save-screen sixty.txt
q
SCRIPT
rm -rf "$XDG_CACHE_HOME" "$XDG_STATE_HOME/spectrum/scans"
play 120x30 "$model" <<'SCRIPT'
wait scan
save-screen again.txt
SCRIPT
shows sixty.txt "60 % of each type: trains"
shows again.txt "60 % of each type: trains"
same sixty.txt again.txt
diff <(grep -oE 'params \([0-9.]* %\)' "$work/sixty.txt") <(grep -oE 'params \([0-9.]* %\)' "$work/again.txt") ||
  fail "the embeddings' switch was lost"
# --- the model's scan is the same model, and so is a copy of it somewhere else ---
cp -r "$model" "$work/copy"
for target in scan.json "$work/copy"; do
  play 120x30 "$target" <<'SCRIPT'
wait scan
save-screen elsewhere.txt
SCRIPT
  same sixty.txt elsewhere.txt
done
# --- all that trains can be nothing ---
play 120x30 "$model" <<'SCRIPT'
wait scan
:top 0 Enter
c c e H
save-screen nothing.txt
SCRIPT
play 120x30 "$model" <<'SCRIPT'
save-screen nothing-again.txt
SCRIPT
same nothing.txt nothing-again.txt
rm -r "$plans"

# --- damaged, or of another number of rows: said, and let be; a change goes beside it ---
"$binary" scan "$model" --modules 'layers\.1\.' -o "$work/part.json" 2>/dev/null
play 120x30 part.json <<'SCRIPT'
r
SCRIPT
file=$(ls "$plans")
play 120x30 scan.json <<'SCRIPT'
save-screen unfit.txt
q
SCRIPT
says unfit.txt "is not taken, and stays"
says unfit.txt "matrices"
for damage in '' '{' '{"format": "spectrum.plan", "version": 1, "train": []}' 'none'; do
  printf '%s' "$damage" >"$plans/$file"
  play 120x30 scan.json <<'SCRIPT'
save-screen damaged.txt
q
SCRIPT
  says damaged.txt "is not taken, and stays"
  [ "$(cat "$plans/$file")" = "$damage" ] || fail "a damaged plan was changed"
done
play 120x30 scan.json <<'SCRIPT'
Space
SCRIPT
[ "$(cat "$plans/$file")" = none ] || fail "what did not fit was written over"
grep -q '"freeze"' "$plans/${file%.json}.default 2.json" || fail "the new plan was not kept"
rm -r "$plans"

# --- no place to keep it: one line, once, and nothing else ---
touch "$plans"
play 120x30 "$model" <<'SCRIPT'
wait scan
Space
wait text "plans are not kept"
Space
Space
save-screen once.txt
q
save-screen asked.txt
q
SCRIPT
grep -q "plans are not kept" "$work/once.txt" && fail "it is said twice"
says asked.txt "the plan is not saved"
rm "$plans"

# --- files: "~" is the home folder, as a shell has it, in any prompt that takes a file ---
mkdir -p "$work/ada/below"
HOME=$work/ada play 120x30 scan.json <<'SCRIPT'
:write ~/mine.yaml Enter
:write ~/below/it.json Enter
:save-screen ~/screen.txt Enter
:read ~/mine.yaml Enter
save-screen read.txt
w
type "~/asked.yaml"
Enter
:write ./~name.yaml Enter
SCRIPT
for file in mine.yaml below/it.json screen.txt asked.yaml; do
  [ -s "$work/ada/$file" ] || fail "~/$file is not written"
done
[ -s "$work/~name.yaml" ] || fail "a name with ~ in it is another"
[ ! -e "$work/~" ] || fail "there is a folder that is called ~"
says read.txt "$work/ada/mine.yaml"

# --- files: what is no plan is never written over, a plan when that was answered with y ---
cat >"$work/axolotl.yml" <<'YAML'
base_model: x
unfrozen_parameters:
- ^lm_head.weight$
YAML
echo "unfrozen_parameters are what spectrum.plan is about" >"$work/notes.txt"
mkfifo "$work/unread" # nobody reads it: a screen that opened it would take no key any more
cp "$work/axolotl.yml" "$work/axolotl.kept"
cp "$work/notes.txt" "$work/notes.kept"
play 120x30 scan.json <<'SCRIPT'
:write axolotl.yml Enter
save-screen axolotl-said.txt
:write! notes.txt Enter
save-screen notes-said.txt
:save-screen notes.txt Enter
save-screen capture-said.txt
:write! unread Enter
save-screen unread-said.txt
:save-screen unread Enter
save-screen unread-captured.txt
:write! /dev/null Enter
save-screen device-said.txt
:write! Enter
save-screen nameless.txt
:write one.yaml Enter
Space
:write one.yaml Enter
save-screen own.txt
:write two.yaml Enter
Space
:write ./one.yaml Enter
save-screen question.txt
n
save-screen no.txt
SCRIPT
says axolotl-said.txt "is not a plan"
says notes-said.txt "is not a plan"
says capture-said.txt "is not a picture of the screen"
for said in unread-said unread-captured device-said; do says $said.txt "is not a file: the screen writes to files alone"; done
says nameless.txt "has no file yet"
says own.txt "plan saved to one.yaml"
says question.txt "write over it? (y/n)"
says no.txt "nothing was done"
cmp -s "$work/axolotl.yml" "$work/axolotl.kept" || fail "another tool's file was written over"
cmp -s "$work/notes.txt" "$work/notes.kept" || fail "a text was written over"
cp "$work/one.yaml" "$work/one.kept"
play 120x30 scan.json <<'SCRIPT'
r
:write one.yaml Enter
Esc
save-screen escaped.txt
SCRIPT
cmp -s "$work/one.yaml" "$work/one.kept" || fail "Esc wrote over a plan"
play 120x30 scan.json <<'SCRIPT'
:write one.yaml Enter
y
save-screen yes.txt
r
:write! Enter
save-screen bang.txt
:write !x Enter
:write! two.yaml Enter
save-screen two.txt
:save-screen captured.txt Enter
:save-screen captured.txt Enter
save-screen unasked.txt
SCRIPT
says yes.txt "plan saved to one.yaml"
cmp -s "$work/one.yaml" "$work/one.kept" && fail "y wrote nothing"
says bang.txt "plan saved to one.yaml"
[ -s "$work/!x" ] || fail "a file cannot be called !x"
says two.txt "plan saved to two.yaml"
says unasked.txt "screen saved to captured.txt"
play 120x30 scan.json <<'SCRIPT'
:save-screen captured.txt Enter
save-screen asks.txt
y
save-screen written.txt
SCRIPT
says asks.txt "captured.txt is there, a picture of the screen: write over it? (y/n)"
says written.txt "screen saved to captured.txt"

sleep 0.5 # scans that are left alone end
echo "$failures failed"
[ $failures -eq 0 ]
