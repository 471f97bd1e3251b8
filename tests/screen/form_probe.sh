#!/usr/bin/env bash
# A probe from the form: a job measures, the form shows its time and what it counted, says when it
# is of other values, and leaves nothing behind. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=$2/demo/model
source "${BASH_SOURCE[0]%/*}/common.bash"
export OMP_NUM_THREADS=1 TMPDIR=$work/tmp
mkdir "$TMPDIR"
head -60 "$2/demo/text/problems.jsonl" >"$work/data.jsonl"
time_is() { # time_is FILE PATTERN
  grep -qE -- "time: $2" "$work/$1" || { fail "$1 has no time like \"$2\":"; cat "$work/$1"; }
}

play 100x30 "$model" <<'SCRIPT'
wait scan
t
type "data.jsonl"
field "steps"
<Ctrl-U>
field "epochs"
type "2"
field "sequence length"
type "64"
save-screen before.txt
Ctrl-T
save-screen probing.txt
wait text "time: about"
save-screen measured.txt
field "batch"
type "2"
save-screen other.txt
<Ctrl-U>
type "4"
save-screen same.txt
field "run folder"
type "runs/elsewhere"
save-screen renamed.txt
field "data"
type "none.jsonl"
Ctrl-T
save-screen wrong.txt
SCRIPT
time_is before.txt "Ctrl-T measures it"
says before.txt "2 epochs, about "
says before.txt " by the data's size"
time_is probing.txt "probing.* \.\.\."
time_is measured.txt "about [0-9.]+ (s|min)( \([0-9.]+ to [0-9.]+\))?"
time_is other.txt "Ctrl-T measures it \(before: about [0-9.]+ (s|min)\)"
time_is same.txt "about [0-9.]+ (s|min)( \(|$| )"
time_is renamed.txt "about [0-9.]+ (s|min)( \(|$| )"
says wrong.txt "data: cannot read none.jsonl"

# Steps and tokens are those of a dry run.
steps=$(cd "$work" && "$binary" train "$model" --data data.jsonl --epochs 2 --seq-len 64 --batch 4 --accumulate 1 --dry-run --json 2>/dev/null |
  grep -oP '"steps": \K[0-9]+' | head -1)
[ -n "$steps" ] && says measured.txt "$steps steps, "

# Neither a run's folder, nor an entry among the jobs, nor the probe's own folder is left.
[ ! -e "$work/runs" ] || fail "a probe made a run's folder"
"$binary" jobs 2>&1 | grep -q probe && fail "the probe is among the jobs"
[ -z "$(find "$TMPDIR" -name 'job.json')" ] || fail "a probe's folder is left: $(find "$TMPDIR")"

# One that cannot be says why; leaving the screen stops one that runs.
echo '{"colour": "red"}' >"$work/short.jsonl"
play 100x30 "$model" <<'SCRIPT'
wait scan
t
type "short.jsonl"
Ctrl-T
wait text "the probe failed: "
save-screen failed.txt
field "data"
type "data.jsonl"
field "steps"
type "100000"
Ctrl-T
wait text "probing"
SCRIPT
says failed.txt "the probe failed: "
says failed.txt "name yours with columns, as in columns " # the form's word
for _ in $(seq 100); do
  pgrep -f -- "$TMPDIR/.*probe" >/dev/null || break
  sleep 0.2
done
pgrep -f -- "$TMPDIR/.*probe" >/dev/null && fail "the probe outlives the screen"
# What a stopped one left goes with the next.
find "$TMPDIR" -name 'probe*' -exec touch -d '2 minutes ago' {} +
play 100x30 "$model" <<'SCRIPT'
wait scan
t
type "data.jsonl"
field "steps"
type "10"
Ctrl-T
wait text "time: about"
SCRIPT
[ -z "$(find "$TMPDIR" -name 'job.json')" ] || fail "a stopped probe's folder is left"

echo "$failures failed"
[ $failures -eq 0 ]
