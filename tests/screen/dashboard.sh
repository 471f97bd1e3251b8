#!/usr/bin/env bash
# The watch screen of a run: what is shown of which steps, with the numbers that its file has; the
# log, samples over time, the best checkpoint. No training but one of four steps.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
export OMP_NUM_THREADS=1
hides() { ! grep -qF -- "$2" "$work/$1" || { fail "$1 shows \"$2\":"; cat "$work/$1"; }; }

# A run as a job's folder has it: 2000 steps, an evaluation and a sample every 500.
job=$work/run
mkdir -p "$job/requests" "$job/checkpoints"
echo '{"command": "train", "model": "m", "method": "spectrum", "steps": 2000}' >"$job/job.json"
echo '{"status": "completed", "last_step": 2000}' >"$job/result.json"
LC_ALL=C awk 'BEGIN {
  for (s = 1; s <= 2000; s++) {
    printf "{\"step\": %d, \"tokens\": %d, \"loss\": %.4f, \"lr\": 1e-05, \"grad_norm\": %s, ", s, 64 * s, 2 + 300 / (100 + s), s == 700 ? 77 : 1.25
    printf "\"tokens_per_s\": 512, \"step_s\": 0.125, \"memory_bytes\": {\"weights\": 4194304, \"masters\": 0, \"gradients\": 2097152, \"optimizer\": 4194304, \"activations\": 8388608, \"workspace\": 1048576}, "
    printf "\"resident_bytes\": {\"weights\": 4194304, \"masters\": 0, \"gradients\": 2097152, \"optimizer\": 3145728, \"activations\": 8388608, \"workspace\": 524288}, \"process_bytes\": 33554432}\n"
    if (s % 500 == 0) {
      printf "{\"step\": %d, \"eval_loss\": %.4f}\n", s, 2 + 400 / (100 + s)
      printf "{\"event\": \"sample\", \"step\": %d, \"text\": \"a sample of step %d\"}\n", s, s
    }
  }
}' >"$job/metrics.jsonl"
{
  for i in $(seq 1 60); do echo "step $i/2000  loss 4.0"; done
  echo "warning: the room on the disk is not known"
  printf 'a line with \033[31mcolour\033[0m and a bell \007\n'
  echo "spectrum: it could not go on"
} >"$job/log.txt"

for size in 60x16 80x24 132x43 200x60; do
  play $size run <<'SCRIPT'
save-screen all.txt
+
save-screen half.txt
h
save-screen cross.txt
Esc
0
N
type "100"
Enter
save-screen last.txt
x X
save-screen log.txt
0 m
save-screen memory.txt
m L
save-screen said.txt
k k
save-screen scrolled.txt
L s k
save-screen sample.txt
k k k
save-screen first.txt
SCRIPT
  for file in all half cross last log memory said scrolled sample first; do
    [ "$(wc -L <"$work/$file.txt")" -le "${size%x*}" ] || fail "$file.txt: a line is too wide at $size"
  done
  shows all.txt "loss 2.143"
  shows all.txt "gradient norm 1.25"
  shows all.txt "tokens/s 512"
  grep -qE "tokens/s 512, 0\\.12 s( a step|/step)" "$work/all.txt" || fail "a step's time is cut at $size"
  shows all.txt "memory 17.5 of 19.0 MiB" # of the arena; the process has more
  shows all.txt "all steps"
  shows half.txt "the last 1000 steps"
  shows cross.txt "at step 19" # a column is dozens of steps
  shows last.txt "the last 100 steps"
  shows log.txt "the last 100 steps · both log"
  shows memory.txt "memory, MiB"
  shows said.txt "! warning: the room on the disk is not known"
  shows said.txt "✗ spectrum: it could not go on"
  shows said.txt "a line with ?[31mcolour?[0m and a bell ?"
  shows scrolled.txt "log, 2 lines further down"
  hides scrolled.txt "it could not go on"
  shows sample.txt "the model then, step 1500:"
  shows sample.txt "a sample of step 1500"
  shows first.txt "a sample of step 500"
  shows first.txt "no earlier sample"
done
shows memory.txt "held       plan"
shows memory.txt "optimizer    3.00 MiB   4.00 MiB"
shows memory.txt "workspace     512 KiB   1.00 MiB"

# The numbers at the cross-hair are those of the line of its step: of every step, by h from the last
# of few; and a spike of one step is on the screen of all of them.
play 80x24 run <<'SCRIPT'
:last-steps 20 Enter
h h h
save-screen near.txt
:last-steps nothing Enter
save-screen none.txt
:smooth 0 Enter
0
save-screen plain.txt
SCRIPT
step=$(grep -oP '^at step \K[0-9]+' "$work/near.txt")
loss=$(grep -oP "^\{\"step\": $step, .*\"loss\": \K[0-9.]+" "$job/metrics.jsonl")
shows near.txt "loss $(LC_ALL=C awk "BEGIN {printf \"%.4g\", $loss}")"
[ "$step" -lt 2000 ] && [ "$step" -ge 1980 ] || fail "the cross-hair is at step $step"
shows near.txt "eval 2.25" # of step 1500, the last before it
shows none.txt 'A number above 0, not "nothing"'
shows none.txt "the last 20 steps"
hides plain.txt "half-life"
shows plain.txt "50┤"

# Which of the losses a number is stands beside it: the step's own, the smoothed one with its curve's
# sign, the evaluation with its own; the half-life where there is room.
smoothed=$(grep -oP '● (smoothed )?\K[0-9.]+' "$work/all.txt")
for size in 60x16 80x24 132x43 200x60; do
  play $size run <<<'save-screen named.txt'
  grep -qE "loss 2\.143 +● (smoothed )?$smoothed.* ◆ (eval |evaluation )?2\.19" "$work/named.txt" || {
    fail "losses at $size"
    sed -n 5p "$work/named.txt"
  }
done
shows named.txt "● smoothed $smoothed, half-life 40  ◆ evaluation 2.19"

# Esc closes what was opened on the screen, one thing at a time, before it would leave.
play 80x24 run <<'SCRIPT'
L h
save-screen both.txt
Esc
save-screen one.txt
Esc
save-screen none-open.txt
s
save-screen samples.txt
q
save-screen read.txt
SCRIPT
shows both.txt "Esc ends it"
hides one.txt "Esc ends it"
shows one.txt "it could not go on"
hides none-open.txt "it could not go on"
shows samples.txt "k earlier"
hides read.txt "k earlier"
shows read.txt "completed at step 2000"

# Evaluations are signs that no colour can hide; without colours the curves are signs, too.
evaluations() { grep -o '◆' "$work/$1" | wc -l; }
[ "$(evaluations all.txt)" -eq 5 ] || fail "$(evaluations all.txt) signs, not 4 and the legend's"
NO_COLOR=1 play 80x24 run <<<'save-screen mono.txt'
[ "$(evaluations mono.txt)" -eq 5 ] || fail "without colour $(evaluations mono.txt) signs"
shows mono.txt "●"

# A device's memory and utilisation have their panels where lines have them: this run's none has. A
# value that is none of its kind is not known, and a file that has such values alone has no panel.
hides memory.txt "device"
device() { # device BYTES TOTAL USE, as awk has it
  mkdir -p "$work/card/requests" "$work/card/checkpoints"
  cp "$job/job.json" "$job/result.json" "$work/card"
  LC_ALL=C awk "BEGIN {
    for (s = 1; s <= 2000; s++)
      printf \"{\\\"step\\\": %d, \\\"loss\\\": 2.5, \\\"device_bytes\\\": %s, \\\"device_total_bytes\\\": %s, \\\"device_utilization\\\": %s}\\n\", s, $1, $2, $3
  }" >"$work/card/metrics.jsonl"
  for size in 80x24 132x43 200x60; do
    play $size card <<<'save-screen device-'$size.txt
    [ "$(wc -L <"$work/device-$size.txt")" -le "${size%x*}" ] || fail "a line is too wide at $size"
  done
}
device 's < 1000 ? "12884901888" : "19327352832"' '"25769803776"' 's % 2 ? 0.5 : 0.815'
for size in 80x24 132x43 200x60; do
  shows device-$size.txt "device 18.0 of 24.0 GiB"
  shows device-$size.txt "device used 82 %"
done
grep -qE "device 18.0 of 24.0 GiB +· total 24" "$work/device-132x43.txt" || fail "no mark at the total"
grep -qE " 100┤" "$work/device-132x43.txt" || fail "the utilisation's axis does not go to 100"
play 132x43 card <<'SCRIPT'
h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h
h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h
save-screen then.txt
SCRIPT
shows then.txt "device 12.0 of 24.0 GiB"
device '"19327352832"' '"\"much\""' '"null"'
shows device-80x24.txt "device 18.0 GiB"
hides device-80x24.txt "device used"
device '"25769803776"' '"12884901888"' '"1e999"' # more than there is: as the line has it
shows device-80x24.txt "device 24.0 of 12.0 GiB"
hides device-80x24.txt "device used"
device '-5' '-1' '1.5'
hides device-80x24.txt "device"
device '"NaN"' '"\"x\""' '-0.5'
hides device-80x24.txt "device"

# A run that began from another one is called by that one's name, and not by its own folder's "base".
mkdir -p "$work/after/requests"
echo '{"command": "train", "model": "/w/after/base", "steps": 9, "start": {"run": "/w/before/", "step": 40}}' >"$work/after/job.json"
echo '{"step": 1, "loss": 2}' >"$work/after/metrics.jsonl"
play 80x24 after <<<'save-screen after.txt'
shows after.txt "train before at step 40"
echo '{"command": "train", "model": "/w/after/base", "steps": 9, "init": true}' >"$work/after/job.json"
play 80x24 after <<<'save-screen after.txt'
shows after.txt "train random weights"

# What is shown as the best is what --best takes, and what it is doing stands beside its state.
printf 'Once upon a time there was a dog. %.0s' $(seq 1 200) >"$work/data.txt"
"$binary" train "$2/demo/model" --data "$work/data.txt" --run "$work/real" --steps 4 --seq-len 16 \
  --batch 1 --accumulate 1 --eval-every 2 --save-every 2 2>"$work/err" || { fail "training: $?"; cat "$work/err"; }
for line in '"step": 0, "eval_loss"' '"step": 4, "eval_loss"' '"event": "sample", "step": 2' '"event": "checkpoint", "step": 4'; do
  grep -qE "$line.*\"seconds\": [0-9.e-]*[1-9]" "$work/real/metrics.jsonl" || fail "no line $line says how long it took"
done
best=$(grep -oP '"best": ?\{"step": ?\K[0-9]+' "$work/real/checkpoints/step-00000004/state.json")
play 80x24 real <<<'save-screen best.txt'
shows best.txt "best checkpoint: step $best, evaluation "
rm -r "$work/real/checkpoints/step-0000000$best"
if [ "$best" -ne 4 ]; then
  play 80x24 real <<<'save-screen gone.txt'
  shows gone.txt "best checkpoint (gone): step $best"
fi
echo "$failures failed"
[ $failures -eq 0 ]
