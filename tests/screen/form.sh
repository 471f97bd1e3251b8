#!/usr/bin/env bash
# The training form: fields that the window has no room for are marked, and giant numbers stay
# numbers. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=${SPECTRUM_SHARED_DATA:-}/models/stories260K-hf-f32
[ -d "$model" ] || { echo "SKIPPED: no shared data"; exit 77; }
source "${BASH_SOURCE[0]%/*}/common.bash"
hides() { # hides FILE TEXT
  grep -qF -- "$2" "$work/$1" && { fail "$1 shows \"$2\":"; cat "$work/$1"; }
}

play 80x24 "$model" <<'SCRIPT'
wait scan
t
save-screen first.txt
Up Up
save-screen last.txt
field "steps"
type "1000000000"
field "sequence length"
type "1000000"
field "batch"
type "65536"
field "accumulate"
type "65536"
save-screen giant.txt
SCRIPT
shows first.txt "↓"
hides first.txt "↑"
shows last.txt "↑"
hides last.txt "↓"
shows giant.txt "4.29e+24 tokens in all"
shows giant.txt "it does not"

play 120x60 "$model" <<'SCRIPT'
wait scan
t
save-screen tall.txt
SCRIPT
hides tall.txt "↓"
# In a window of middle height fields scroll beside the bars that they decide.
play 120x30 "$model" <<'SCRIPT'
wait scan
t
save-screen middle.txt
SCRIPT
shows middle.txt "↓"
shows middle.txt "activations"

# Checkpoints are held against their disk in each of them: beside the bars, below the memory.
for screen in tall middle; do says $screen.txt "disk: up to 4 checkpoints of "; says $screen.txt "left"; done
says first.txt "disk: up to 4 checkpoints of "

# A limit that bounds the memory is named.
if (ulimit -v $((12 << 20)) && "$binary" --version) >/dev/null 2>&1; then
  (ulimit -v $((12 << 20)) && play 120x30 "$model" <<'SCRIPT'
wait scan
t
save-screen limited.txt
SCRIPT
  exit $failures) || failures=$((failures + 1))
  grep -qE "memory .* of 1[01]\.[0-9] GiB within the limit of address space \(12.0 GiB\)" "$work/limited.txt" ||
    { fail "the form does not name the limit"; cat "$work/limited.txt"; }
else
  echo "SKIPPED: this program does not start within 12 GiB of addresses (a sanitizer's takes more)"
fi

# Defaults are the sub-command's; the demonstration's are a short run.
shows tall.txt "1 epoch"
for line in "epochs 1 " "sequence length 512 " "accumulate 8 " "learning rate auto (2e-5) " "warm-up 0.03 "; do
  grep -qF -- "$line" <<<"$(tr -s ' ' <"$work/tall.txt")" || { fail "the form has no $line"; cat "$work/tall.txt"; }
done
shared=$model model=$2/demo/model
play 120x40 "$model" <<'SCRIPT'
wait scan
t
save-screen demo.txt
SCRIPT
play 80x60 "$model" <<'SCRIPT'
wait scan
t
save-screen command.txt
SCRIPT
model=$shared
for line in "problems.jsonl" "steps 60 " "sequence length 256 " "batch 4 " "accumulate 1 " \
  "learning rate 5e-4 "; do
  grep -qF -- "$line" <<<"$(tr -s ' ' <"$work/demo.txt")" || { fail "the demo has no $line"; cat "$work/demo.txt"; }
done

# The sub-command: below the bars, in wide windows beside them.
says command.txt "--accumulate 1 --lr 5e-4 --eval-every 20 --plan PLAN"
shows demo.txt "spectrum train $2/demo/model"

# What cannot be used is marked in the field's line and said whole below; Ctrl-S goes to that field.
for i in 1 2 3; do echo "{\"text\": \"Once upon a time $i.\"}"; done >"$work/data.jsonl"
mkdir -p "$work/taken"
echo '{}' >"$work/taken/job.json"
play 80x24 "$model" <<'SCRIPT'
wait scan
t
type "data.jsonl"
field "columns"
type "demo/te"
save-screen columns.txt
Up Ctrl-S
save-screen start.txt
<Ctrl-U>
type "text=text"
save-screen right.txt
field "run folder"
type "data.jsonl/below"
save-screen run.txt
<Ctrl-U>
type "taken"
save-screen taken.txt
<Ctrl-U>
type "new/run"
field "steps"
type "5"
field "sequence length"
type "1"
save-screen range.txt
type "6"
field "warm-up"
type "6"
save-screen warmup.txt
type "<Ctrl-U>"
SCRIPT
# "~" is the home folder, once the field is left.
mkdir -p "$work/ada"
cp "$work/data.jsonl" "$work/ada/"
HOME=$work/ada play 120x30 "$model" <<'SCRIPT'
wait scan
t
type "~/data.jsonl"
Down
save-screen home.txt
SCRIPT
shows home.txt "/ada/data.jsonl"
hides home.txt "~/"

mkdir -p "$work/set/data" "$work/parts"
echo PAR1 >"$work/set/data/train-00000-of-00001.parquet"
cp "$work/data.jsonl" "$work/parts/train.jsonl"
cp "$work/data.jsonl" "$work/parts/test.jsonl"
play 80x24 "$model" <<'SCRIPT'
wait scan
t
type "set"
Ctrl-S
save-screen parquet.txt
type "parts"
save-screen parts.txt
type "/train.jsonl"
save-screen part.txt
SCRIPT
says parquet.txt "set is a data set in Parquet (data/train-00000-of-00001.parquet); convert it: python -c \"import datasets; d = datasets.load_dataset('set'); [d[s].to_json(s + '.jsonl') for s in d]\""
says parts.txt "parts has a set for evaluation (test.jsonl) beside one for training (train.jsonl); name"
shows part.txt "--data  .txt, .jsonl"
shows columns.txt "is not a KEY=NAME of text, prompt, completion,"
shows columns.txt "history, label"
shows start.txt "▶ columns           demo/te"
shows start.txt "columns: \"demo/te\" is not a KEY=NAME"
shows right.txt "text=text"
shows right.txt "--columns  for other names"
shows run.txt "data.jsonl is a file"
shows taken.txt "holds a job ("
shows range.txt "from 2 to 1048576"
shows warmup.txt "more than the steps"

echo "$failures failed"
[ $failures -eq 0 ]
