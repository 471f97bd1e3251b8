#!/usr/bin/env bash
# A job on the screen: from the form to the live graph, pause, stop; killed and resumed; left alone
# when its terminal goes away (through tmux). Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=${SPECTRUM_SHARED_DATA:-}/models/stories260K-gguf/stories260K-BF16.gguf
[ -f "$model" ] || { echo "SKIPPED: no shared data"; exit 77; }
source "${BASH_SOURCE[0]%/*}/common.bash"
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
socket=spectrum-test-$$
cleanup() {
  tmux -L $socket kill-server 2>/dev/null
  for lock in "$work"/runs/*/lock; do # only jobs that this test started
    [ -f "$lock" ] && kill -TERM "$(holder pid "${lock%/lock}")" 2>/dev/null
  done
  sleep 0.3
  remove_folder "$work"
}
trap cleanup EXIT
export OMP_NUM_THREADS=1
steps() { grep -c '"loss"' "$run/metrics.jsonl" 2>/dev/null || true; }
await() { wait_until "$@" || fail "waited in vain for: $*"; }
more_steps_than() { [ "$(steps)" -gt "$1" ]; }
is_over() { [ -f "$run/result.json" ]; }

for i in $(seq 1 20); do
  printf '{"prompt": "Once upon a time there was a dog %s.", "completion": " It ran and ran."}\n' $i
done >"$work/data.jsonl"

# The form, a look at the data, start; the graph while it runs; leave it and come back; pause.
# Upwards from the first field is the last, the device: the plain one, slow enough to be watched.
play 80x24 "$model" <<'SCRIPT'
wait scan
t
type "dat"
Tab
save-screen form.txt
Ctrl-D
wait text "supervised"
save-screen data.txt
Esc
field "steps"
type "4000"
field "sequence length"
type "16"
field "accumulate"
type "1"
field "device"
Left
save-screen filled.txt
Ctrl-S Ctrl-S
wait step 3
save-screen running.txt
q
save-screen back.txt
W
wait step 5
p
wait text "paused"
save-screen paused.txt
q
save-screen left-paused.txt
W
p
wait text "running"
S
save-screen stops.txt
Esc
save-screen no.txt
c
q
save-screen left.txt
c
save-screen toggled.txt
SCRIPT
run=$(echo "$work"/runs/*)
shows form.txt "data.jsonl"
shows data.txt "20 records"
shows data.txt "It ran and ran."
shows filled.txt "reference"
shows running.txt "● running"
shows running.txt "of 4000"
shows running.txt "◆ eval"
shows running.txt "gradient norm"
shows back.txt "job running, step"
shows paused.txt "● paused"

# A no to a question leaves the screen where it is; that the next key is another screen's is said, and
# so is what it does there.
shows stops.txt "stop the training run? the same key again stops it"
shows no.txt "as it was"
shows no.txt "● running"
shows left.txt "the training run ${run##*/} goes on"
says left-paused.txt "${run##*/} is paused: p on its screen lets it go on, and so does \`spectrum resume ${run##*/}\`"
shows toggled.txt "all of layer 0 toggled: u takes it back"

# What the form says of memory is what the trainer takes.
bytes() { grep -oP "$2 \K[0-9.]+ ([KMG]i)?B" "$work/$1" | head -1; }
[ -n "$(bytes filled.txt memory)" ] && [ "$(bytes filled.txt memory)" = "$(bytes running.txt "memory [^ ]+( [KMG]?i?B)? of")" ] ||
  fail "memory: the form says $(bytes filled.txt memory), the job $(bytes running.txt "memory [^ ]+( [KMG]?i?B)? of")"

# The screen is gone, the job is not.
is_over && { fail "the job ended with the screen"; cat "$run/log.txt" "$run/result.json"; }
await more_steps_than "$(steps)"

# What the screen shows is what the file says.
step=$(steps)
play 200x50 "$run" <<SCRIPT
wait step $step
save-screen all.txt
S S
wait text "stopped"
save-screen stopped.txt
r
wait text "running"
SCRIPT
shows all.txt "of 4000"
shows stopped.txt "● stopped at step"
shows stopped.txt "spectrum export $run -o DIR"
grep -qF "it stops after" "$work/stopped.txt" && fail "a message outlives what it says"

# kill -9 of the worker: the screen says so, and resumes.
worker=$(holder worker "$run")
before=$(steps)
await more_steps_than "$before"
kill -9 $worker
await is_over
play 80x24 "$run" <<SCRIPT
wait text "killed by signal 9"
save-screen killed.txt
r
wait text "running"
SCRIPT
shows killed.txt "at step"
await more_steps_than "$(steps)"

# Through tmux: the terminal closes, the job goes on; attaching again shows the whole curve.
if command -v tmux >/dev/null; then
  tmux -L $socket -f /dev/null new-session -d -x 80 -y 24 "$binary '$run'"
  tmux_shows() { tmux -L $socket capture-pane -p 2>/dev/null | grep -qF -- "$1"; }
  await tmux_shows "● running"
  await tmux_shows "of 4000"
  tmux -L $socket kill-server
  await more_steps_than "$(steps)"
  is_over && fail "the job ended with its terminal"
  step=$(steps)
  tmux -L $socket -f /dev/null new-session -d -x 200 -y 50 "$binary '$run'"
  await tmux_shows "● running"
  tmux -L $socket send-keys S
  await tmux_shows "again stops it"
  tmux -L $socket send-keys S
  await tmux_shows "● stopped at step"
  tmux -L $socket send-keys q
  await bash -c "! tmux -L $socket has-session 2>/dev/null"
fi
echo "$failures failed"
[ $failures -eq 0 ]
