#!/usr/bin/env bash
# Without a target: the library of models and jobs; scan files; searching; commands; wrong scripts.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
data=${SPECTRUM_SHARED_DATA:-}
[ -d "$data/models" ] || { echo "SKIPPED: no shared data"; exit 77; }
source "${BASH_SOURCE[0]%/*}/common.bash"
refuses() { # refuses STATUS TEXT [TARGET], script on standard input
  local status=$1 says=$2
  shift 2
  (cd "$work" && cat >script && "$binary" --script script "$@") 2>"$work/err"
  local got=$?
  [ $got -eq "$status" ] && grep -qF -- "$says" "$work/err" ||
    { fail "got $got, expected $status and \"$says\":"; cat "$work/err"; }
}

play 80x24 <<'SCRIPT'
save-screen empty.txt
SCRIPT
shows empty.txt "No models here"

# A model in the current folder, one in the Hugging Face cache, a scan, a file that is none.
ln -s "$data/models/stories260K-hf-f32" "$work/stories"
cp "$data/published-scans/snr_results_meta-llama-Meta-Llama-3-70B.json" "$work/snr_70b.json"
mkdir -p "$XDG_CACHE_HOME/huggingface/hub/models--someone--a-model"
printf 'no' >"$work/broken.gguf"
play 80x24 <<'SCRIPT'
save-screen library.txt
/someone Enter
save-screen cached.txt
/snr Enter
Enter
wait text "of 561 matrices"
save-screen scan.txt
q /broken Enter
Enter
save-screen broken.txt
Esc
SCRIPT
shows library.txt "stories"
shows library.txt "someone/a-model"
shows cached.txt "Hugging Face cache"
shows scan.txt "all "
shows scan.txt "n/a"
shows broken.txt "broken.gguf"

# Every job is shown, however many models and scans lie below the folder, and so is one that begins
# while the list is shown; what of the rest is not shown is counted.
job() { # job NAME
  mkdir -p "$work/jobs/$1/requests" "$XDG_STATE_HOME/spectrum/jobs"
  echo '{"format": "spectrum.job", "version": 1, "command": "train", "model": "m", "steps": 2}' \
    >"$work/jobs/$1/job.json"
  echo '{"status": "completed", "message": "completed", "last_step": 2}' >"$work/jobs/$1/result.json"
  printf '%s' "$work/jobs/$1" >"$XDG_STATE_HOME/spectrum/jobs/$1"
}
mkdir "$work/many"
touch "$work"/many/scan{1..1100}.json
job the-first
(
  for i in $(seq 300); do
    [ -f "$work/listed.txt" ] && break
    sleep 0.1
  done
  job the-second
) &
play 80x24 <<'SCRIPT'
/the-first Enter
save-screen listed.txt
wait text "the-second"
save-screen followed.txt
g
save-screen top.txt
SCRIPT
wait
shows listed.txt "the-first"
shows followed.txt "the-second"
shows top.txt "1000/1104"

# A job whose metrics are damaged says so where its graph is.
{
  echo '{"step": 1, "loss": 2}'
  head -c 6000000 /dev/zero | tr '\0' x
} >"$work/jobs/the-first/metrics.jsonl"
play 80x24 "$work/jobs/the-first" <<'SCRIPT'
save-screen damaged.txt
SCRIPT
says damaged.txt "is longer than 1048576 bytes, or has no end: it is passed over"
rm -r "$work/many" "$work/jobs"

# A plan that was made by hand is there when one comes back to it; where it cannot be kept, it is not
# thrown away unasked.
play 80x24 <<'SCRIPT'
/snr Enter
Enter
wait text "of 561 matrices"
Space
save-screen changed.txt
q /stories Enter
Enter
save-screen other.txt
q /snr Enter
Enter
save-screen kept.txt
SCRIPT
shows other.txt "of 35 matrices"
shows kept.txt "$(grep -o 'trains [0-9]* of 561' "$work/changed.txt")"
says kept.txt "is back, as it was left here"
mkdir -p "$XDG_STATE_HOME/spectrum"
rm -rf "$XDG_STATE_HOME/spectrum/plans"
touch "$XDG_STATE_HOME/spectrum/plans" # in a folder's place
keeps=1 play 80x24 <<'SCRIPT'
/snr Enter
Enter
wait text "of 561 matrices"
Space
save-screen changed.txt
q /stories Enter
Enter
save-screen asked.txt
/snr Enter
Enter
save-screen kept.txt
q /stories Enter
Enter
/stories Enter
Enter
save-screen again.txt
Enter
save-screen given-up.txt
SCRIPT
shows asked.txt "is not saved"
shows kept.txt "$(grep -o 'trains [0-9]* of 561' "$work/changed.txt")"
shows again.txt "is not saved"
shows given-up.txt "of 35 matrices"
rm "$XDG_STATE_HOME/spectrum/plans"

# What the screen plans over a published scan is what the sub-command plans.
(cd "$work" && "$binary" plan snr_70b.json --top 30 --scope global --json -o global.yaml \
  >global.json 2>/dev/null)
count=$(grep -oP '"modules": \K[0-9]+' "$work/global.json")
play 200x50 snr_70b.json <<'SCRIPT'
o
:30 Enter
save-screen global.txt
:write mine.yaml Enter
/layers.7.mlp.down Enter
save-screen found.txt
/nothing-like-it Enter
save-screen lost.txt
:nonsense Enter
save-screen nonsense.txt
t
save-screen train.txt
:theme mono Enter
save-screen mono.txt
:theme light Enter
save-screen light.svg
v l j Space
save-screen range.txt
:read mine.yaml Enter
save-screen read.txt
:read missing.yaml Enter
save-screen missing.txt
SCRIPT
shows global.txt "trains $count of 561 matrices"
diff <(grep '^- ' "$work/mine.yaml" | sort) <(grep '^- ' "$work/global.yaml" | sort) ||
  fail "the screen's plan over all types is not the sub-command's"
shows found.txt "model.layers.7.mlp.down_proj"
shows lost.txt 'no module'
shows nonsense.txt 'is not a command'
shows train.txt "training needs the model"
shows mono.txt "● trains"
shows read.txt "trains $count of 561 matrices"
shows missing.txt "missing.yaml"
grep -q '<svg' "$work/light.svg" || fail "save-screen FILE.svg is no picture"

refuses 1 "script:1: wait for scan" snr_70b.json <<'SCRIPT'
wait nothing
SCRIPT
refuses 1 "script:2: save-screen needs a FILE" snr_70b.json <<'SCRIPT'
j
save-screen
SCRIPT
# A line says nothing that is not done.
while IFS='|' read -r says line; do
  printf 'j\n%s\n' "$line" | refuses 1 "script:2: $says" snr_70b.json
done <<'LINES'
wait scan takes nothing, and "soon" follows|wait scan soon
wait step takes a step's number, not "0x5"|wait step 0x5
wait step takes a step's number, not "5 6"|wait step 5 6
wait text needs "..."|wait text
wait text "Enter: the quote is not closed|wait text "Enter
type: "k" stands after the text in quotes|type "j" k
type takes one word, or a text in quotes: "a b"|type a b
save-screen takes one word, or a text in quotes: "a.txt b.txt"|save-screen a.txt b.txt
paste knows \n, \e and \\, and not "\x"|paste "a\x41"
paste knows \n, \e and \\, and not "\"|paste "a\"
"Entr" is neither a key's name nor what a line begins with|j Entr
"save-scren" is neither a key's name nor|save-scren a.txt
"Ctrl-1" is neither a key's name nor|keys j Ctrl-1
"j<Entr>" has a "<" that no key's name|j<Entr>
"30<Entr>" has a "<" that no key's name|:top 30<Entr>
"j<Enter" has a "<" that no key's name|j<Enter
LINES
printf 'type "\377"\n' | refuses 1 "script:1: the line is not UTF-8" snr_70b.json
play 80x24 snr_70b.json <<<$'keys jj<lt>\ntype "a"\nsave-screen "two words.txt"'
[ -s "$work/two words.txt" ] || fail "a name in quotes was not saved"

refuses 1 "no such file" "$work/missing" </dev/null
refuses 2 "--size takes" --size huge snr_70b.json </dev/null
: | "$binary" "$work/stories" 2>"$work/err" && fail "a screen without a terminal"
grep -q 'needs a terminal' "$work/err" || fail "a screen without a terminal must say so"

echo "$failures failed"
[ $failures -eq 0 ]
