#!/usr/bin/env bash
# Runs on another engine, on the screen: the form's fields and what it says of memory and time, what an engine
# cannot do, the start, the run's screen and its keys, and its rows in the lists. No engine runs here: a shell
# script answers as a Python with one would, and takes steps. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=a/model # a short path: texts that are looked for have room
source "${BASH_SOURCE[0]%/*}/common.bash"
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
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
cat >"$work/python" <<'SCRIPT'
#!/bin/bash
if [ "$1" = -c ]; then
  echo '{"python": "3.12.1", "environment": true, "torchrun": true, "packages": {"torch": "2.15.0", "transformers": "5.24.0",
    "safetensors": "0.8.0", "peft": "0.21.2"}}' | tr -d '\n'
  exit
fi
line() { echo "$1" >>metrics.jsonl; }
if [ -e stopped ]; then # a resume: the last step
  names=$(grep -oP '"trained": \[\K[^]]*' engine.json | sed 's/\("[^"]*"\)/\1: {"parameters": 1, "gradient_norm": 0.5}/g')
  echo "{\"format\": \"spectrum.proof\", \"version\": 1, \"step\": 1, \"complete\": true, \"trained\": {$names},
    \"frozen\": {\"tensors\": 1, \"parameters\": 1, \"unchanged_at_step\": 8}}" >proof.json
  line '{"step": 8, "loss": 2, "lr": 1e-4}'
  exit
fi
line '{"event": "phase", "phase": "training"}'
memory='"process_bytes": 734003200, "device_bytes": 6442450944, "device_total_bytes": 25769803776'
for step in 1 2 3 4 5 6 7; do line "{\"step\": $step, \"loss\": 3.$step, \"lr\": 1e-4, $memory}"; done
save() { [ ! -e control/checkpoint ] || { rm control/checkpoint; line '{"event": "checkpoint", "step": 7, "seconds": 1}'; }; }
until [ -e control/stop ]; do
  save
  sleep 0.05
done
save # what was asked for before the stop
touch stopped
SCRIPT
chmod +x "$work/python"

# Fields of an engine are there with one, and this program's own are not; the choice goes round.
play 160x60 "$model" <<'SCRIPT'
wait scan
t
type "data.jsonl"
save-screen here.txt
field "runs on"
Ctrl-G
save-screen here-all.txt
Right
save-screen one.txt
field "processes"
type "2"
save-screen two.txt
field "Slurm"
Right
save-screen slurm.txt
field "data"
PgUp PgDn
field "runs on"
Right Right Right Right
save-screen round.txt
Left
save-screen back.txt
SCRIPT
hides here.txt "processes "
hides here-all.txt "sbatch"
shows here.txt "memory limit"
row one.txt "▶ runs on fsdp2"
row one.txt "processes 1"
row one.txt "nodes 1"
row one.txt "Slurm no"
hides one.txt "sbatch"
hides one.txt "memory limit"
row slurm.txt "sbatch"
row round.txt "▶ runs on here"
hides round.txt "Slurm"
row back.txt "▶ runs on axolotl"
row back.txt "processes 2" # what was typed stays

# Its memory is that of its devices, nothing of this machine; how long it takes nobody knows before.
row one.txt "memory one device about "
row two.txt "memory each of 2 devices about "
row two.txt "; one device alone "
shows two.txt " a device"
hides two.txt " GiB; "
shows two.txt "time: n/a: known after the first steps"
shows two.txt "spectrum launch a/model --engine fsdp2 --processes 2"
hides two.txt "Ctrl-T"
bytes() { grep -oP "$2 \K[0-9.]+ [KMG]iB" "$work/$1" | head -1; }
[ "$(bytes two.txt 'about')" != "$(bytes one.txt 'about')" ] && [ "$(bytes two.txt 'alone')" = "$(bytes one.txt 'about')" ] ||
  fail "memory: one $(bytes one.txt about), each of two $(bytes two.txt about), one alone $(bytes two.txt alone)"

# So the map has it.
play 120x60 "$model" <<'SCRIPT'
wait scan
t
field "runs on"
Right
field "processes"
type "2"
Esc
save-screen map.txt
SCRIPT
row map.txt "memory of a device: "
row map.txt "fsdp2 × 2, rows of 256 tokens"

# Only processes on this CPU are held against what is free here; more than that do not start.
play 100x40 "$model" <<'SCRIPT'
wait scan
t
type "data.jsonl"
field "runs on"
Right
field "processes"
type "1000"
field "sequence length"
type "500000"
Ctrl-T
save-screen time.txt
field "device"
Right
save-screen cpu.txt
Ctrl-S
save-screen too-large.txt
field "Slurm"
Right
save-screen elsewhere.txt
SCRIPT
says time.txt "how long a step of another engine takes is known when some were taken"
hides time.txt "does not fit"
shows cpu.txt "it does not fit"
says too-large.txt "it does not start: it takes "
says too-large.txt "fewer processes, needs less"
hides elsewhere.txt "does not fit"
[ ! -e "$work/runs" ] || fail "a job was made that has no room"

# What the engine cannot do is said at its field, and stops the start; presets leave the engine as it is.
play 100x40 "$model" <<'SCRIPT'
wait scan
t
type "data.jsonl"
field "runs on"
Right
field "optimizer"
Right
save-screen optimizer.txt
Ctrl-S
save-screen refused.txt
field "optimizer"
Left
Ctrl-P
/QLoRA Enter
Enter
field "method"
save-screen qlora.txt
field "runs on"
save-screen engine.txt
Ctrl-P
/Spectrum-50 Enter
Enter
field "runs on"
save-screen preset.txt
SCRIPT
row optimizer.txt "▶ optimizer adamw-bf16 not by this engine"
says optimizer.txt "engine fsdp2 steps with AdamW in fp32"
says refused.txt "engine fsdp2 steps with AdamW in fp32: optimizer adamw-bf16 is of engine here alone"
row refused.txt "▶ runs on fsdp2 not by this engine"
row qlora.txt "▶ method qlora not by this engine"
row engine.txt "▶ runs on fsdp2 not by this engine"
row preset.txt "▶ runs on fsdp2 ✓"
row preset.txt "top 50"

# The start, and the run's screen: who trains it, the largest process and device, no pause, a checkpoint, a stop
# and going on after it.
launch='wait scan
t
type "data.jsonl"
field "runs on"
Right
field "processes"
type "2"
field "python"
type "python"
field "steps"
type "8"
field "evaluate every"
type "0"
Ctrl-S
wait step 7'
for size in 80x24 132x43; do
  rm -rf "$work/runs"
  play $size "$model" <<SCRIPT
$launch
save-screen watch-$size.txt
m
save-screen memory-$size.txt
p
save-screen pause-$size.txt
c
wait text "after the current step"
S S
wait text "stopped at step 7"
save-screen stopped-$size.txt
r
wait text "completed"
save-screen ended-$size.txt
SCRIPT
  row watch-$size.txt "fsdp2 x 2 · "
  row watch-$size.txt "step 7 of 8"
  row watch-$size.txt "memory of a process 700 MiB"
  row watch-$size.txt "device 6.00 of 24.0 GiB"
  shows memory-$size.txt "memory, MiB"
  says pause-$size.txt "it is a launched run, and cannot pause"
  shows stopped-$size.txt "stopped at step 7"
  shows ended-$size.txt "completed"
  wait_until grep -q '"completed"' "$work/runs/model-1/result.json" || fail "it did not go on to its end"
  grep -qF '"event": "checkpoint"' "$work/runs/model-1/metrics.jsonl" || fail "no checkpoint was made"
done
grep -qF '"engine": "fsdp2"' "$work/runs/model-1/job.json" || fail "job.json does not name the engine"

# Its rows: on the screen, narrow and wide, and in the list.
for size in 80x24 160x24; do
  (cd "$work" && printf 'wait text "model-1"\nwait text "completed"\nG\nsave-screen rows-%s.txt\n' $size >script &&
    "$binary" --script script --size $size) 2>"$work/err" || fail "the library of $size did not open"
done
shows rows-80x24.txt "launched run, fsdp2 x 2, completed"
row rows-160x24.txt "spectrum fsdp2 x 2"
"$binary" jobs >"$work/jobs.txt"
shows jobs.txt "fsdp2 x 2, "
"$binary" jobs --json >"$work/jobs.json"
for member in '"engine": "fsdp2"' '"processes": 2' '"nodes": 1'; do shows jobs.json "$member"; done

echo "$failures failed"
[ $failures -eq 0 ]
