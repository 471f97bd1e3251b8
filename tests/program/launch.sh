#!/bin/bash
# A training run on another engine: its folder, its start, requests, ends and resumes. No engine runs here
# (script/test-engines has them): a shell script answers as a Python with one would, and does what it is told
# to in place of the training.
# Arguments: the binary, the source folder.
set -eu
spectrum=$1 source=$2
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
trap 'remove_folder "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
cd "$work"
fail() {
  echo "$1" >&2
  tail -n 20 said runs/*/log.txt runs/*/result.json runs/*/engine.log >&2 2>/dev/null || true
  exit 1
}
# A run has ended so, and whoever ran it is gone.
ended() { # ended RUN STATUS
  wait_until grep -q "\"status\": \"$2\"" "$1/result.json" || fail "$1 is not $2"
  wait_until test ! -e "$1/lock" || fail "$1 is held by somebody"
}
has() { grep -qF -- "$2" "$1" || fail "$1 has no \"$2\""; }

# What launch.sh starts. DOES is a file, so that a resume can do something else.
cat >python <<'SCRIPT'
#!/bin/bash
if [ "$1" = -c ]; then
  case $2 in *devices*) [ ! -e look ] || { cat look; exit; } ;; esac
  echo '{"python": "3.12.1", "environment": true, "torchrun": true, "packages": {"torch": "2.15.0", "transformers": "5.24.0",
    "safetensors": "0.8.0", "peft": "0.21.2", "accelerate": "1.15.0", "deepspeed": "0.19.8", "trl": "1.16.0",
    "datasets": "5.2.0", "axolotl": "0.21.0"}}' | tr -d '\n'
  exit
fi
echo "started: $*"
line() { echo "$1" >>metrics.jsonl; }
prove() { # prove STEP
  names=$(grep -oP '"trained": \[\K[^]]*' engine.json | sed 's/\("[^"]*"\)/\1: {"parameters": 1, "gradient_norm": 0.5}/g')
  echo "{\"format\": \"spectrum.proof\", \"version\": 1, \"step\": 1, \"complete\": true, \"trained\": {$names},
    \"frozen\": {\"tensors\": 1, \"parameters\": 1, \"unchanged_at_step\": $1}}" >proof.json
}
does=$(cat DOES)
case $does in
complete | goes_back)
  [ $does = complete ] || line '{"event": "resume", "step": 0}'
  line '{"event": "phase", "phase": "training"}'
  for step in 1 2 3; do line "{\"step\": $step, \"loss\": $((4 - step)).5, \"lr\": 1e-4}"; done
  prove 3
  ;;
lies)
  for step in 1 2 3; do line "{\"step\": $step, \"loss\": 2.5}"; done
  prove 3
  sed -i 's/"gradient_norm": 0.5/"gradient_norm": 0/' proof.json
  ;;
waits)
  line '{"step": 1, "loss": 3.5}'
  until [ -e control/stop ]; do
    [ ! -e control/checkpoint ] || { rm control/checkpoint; line '{"event": "checkpoint", "step": 1, "seconds": 1}'; }
    sleep 0.05
  done
  line '{"step": 2, "loss": 2.5}'
  ;;
refuses)
  echo "spectrum: the first step's loss is 9 here, 3.5 in spectrum's own trainer: the forward pass is another" >&2
  exit 3
  ;;
dies) kill -9 $$ ;;
esac
SCRIPT
chmod +x python
model=$source/demo/model
options=(--data "$source/demo/text/problems.jsonl" --python "$work/python" --dtype fp32 --steps 3 --batch 1 --accumulate 2 --seq-len 64)
launch() { # launch STATUS RUN ARGUMENT...
  local wanted=$1 run=$2 status=0
  shift 2
  "$spectrum" launch "$model" --run "$run" "${options[@]}" "$@" >out 2>said || status=$?
  [ $status = "$wanted" ] || fail "spectrum launch $* ended with $status, not with $wanted"
}

# A dry run writes the folder and starts nothing; it stands alone, and a resume starts it.
launch 0 runs/dry --engine fsdp2 --processes 2 --dry-run
for file in engine.json rows.safetensors plan.yaml train.py spectrum_run.py spectrum_rows.py launch.sh requirements.txt README.md; do
  [ -s "runs/dry/$file" ] || fail "there is no $file"
done
has runs/dry/launch.sh "--nproc-per-node=2"
has runs/dry/launch.sh "$work/python"
has runs/dry/engine.json '"world": 2'
has runs/dry/plan.yaml '- ^model.layers.0.'
grep -qE '\\\.' runs/dry/plan.yaml && fail "dots of the plan are escaped: Axolotl would match nothing"
has said "memory: each of 2 devices"
has said "first step's loss here is"
for script in runs/dry/*.py; do
  [ "$(wc -l <"$script")" -lt 200 ] || fail "$script has 200 lines or more"
done
echo complete >runs/dry/DOES
"$spectrum" resume runs/dry >out 2>said || fail "the resume did not start it"
ended runs/dry completed
rm runs/dry/DOES

# It is there for a start, so another dry run does not take its place.
launch 0 runs/json --engine fsdp2 --dry-run --json
has out '"format": "spectrum.launch-summary"'
has out '"status": "not started"'
launch 1 runs/json --engine deepspeed --dry-run
has said "holds a job already"

# The first loss is that of this program's trainer.
"$spectrum" train "$model" --run runs/here --data "$source/demo/text/problems.jsonl" --dtype fp32 --steps 1 --batch 1 \
  --accumulate 2 --seq-len 64 --sample-tokens 0 --eval-every 0 >/dev/null 2>said || fail "the run here failed"
own=$(grep -oP '^\{"step": 1, "time_s.*"loss": \K[^,]*' runs/here/metrics.jsonl)
theirs=$(grep -oP '"first_loss": \K[^,]*' runs/dry/engine.json)
awk "BEGIN { d = $own / $theirs - 1; exit !(d < 1e-6 && d > -1e-6) }" || fail "first loss $theirs, here $own"

# In the terminal: lines, the end, what it leaves.
mkdir -p runs/whole && echo complete >DOES
start() { # start RUN WHAT ARGUMENT...: detached, doing WHAT
  local run=$1
  echo "$2" >what
  shift 2
  launch 0 "$run" "$@" --dry-run
  cp what "$run/DOES"
  "$spectrum" resume "$run" >out 2>said || [ "$(cat what)" = refuses ] || [ "$(cat what)" = dies ] || fail "$run did not start: $(cat said)"
}
rm -rf runs/whole DOES
start runs/whole complete --engine deepspeed --processes 2
ended runs/whole completed
[ -s runs/whole/deepspeed.json ] || fail "there is no deepspeed.json"
"$spectrum" attach runs/whole >lines 2>said
has lines "step 3/3  loss 1.5000"
"$spectrum" jobs --json >jobs
has jobs '"command": "launch"'

# A mixture of experts is not computed here and can be launched: what trains has the loaded model's names, and what a
# checkpoint has of it the files'.
cp -r "$source/tests/data/engine/mixtral" mixtral
cp "$model"/tokenizer*.json mixtral
"$spectrum" launch mixtral --run runs/mixture "${options[@]}" --engine fsdp2 --top 100 --dry-run >out 2>said ||
  fail "a mixture is not launched"
has said "trains 8 tensors"
has said "first loss is not compared"
has runs/mixture/engine.json '"model.layers.0.mlp.experts.down_proj": ["model.layers.0.block_sparse_moe.experts.0.w2.weight", "model.'
grep -q '"trained": .*"model.layers.0.mlp.experts.gate_up_proj"' runs/mixture/engine.json || fail "the experts do not train as they are loaded"
grep -qE 'memory: each of 1 device about .*gathered [1-9]' said || fail "the memory of a mixture is not counted"

# Its help is its own.
"$spectrum" launch --help >out 2>said
has out "Usage: spectrum launch MODEL|RUN --engine ENGINE"
"$spectrum" launch >out 2>said && fail "nothing is launched"
has said "launch takes one MODEL"

# It runs what lies in its folder: that very folder was approved by its start, and no copy of it; where others can
# write in it no approval lasts.
asks() { # asks RUN WORDS
  if "$spectrum" resume "$1" >out 2>said; then fail "$1 was started without a question"; fi
  has said "it would run the launch.sh and the Python of its folder"
  has said "$2"
}
umask 022
launch 0 runs/own --engine fsdp2 --dry-run
echo complete >runs/own/DOES
cp -r runs/own runs/copy
mv runs/own runs/moved
cp -r runs/moved runs/shared
asks runs/copy "was not started by you here"
chmod g+w runs/moved/train.py
asks runs/moved "has files that others may write"
"$spectrum" resume runs/moved --trust >out 2>said || fail "--trust does not start it"
ended runs/moved completed
sed -i 's/completed/stopped/' runs/moved/result.json
asks runs/moved "has files that others may write"
chmod g-w runs/moved/train.py
"$spectrum" resume runs/moved >out 2>said || fail "one's own run that was moved asks: $(cat said)"
ended runs/moved completed
chmod 777 runs/shared/checkpoints
asks runs/shared "has files that others may write"

# What --log names gets the engine's lines, once each, over both sittings.
start runs/logged waits --engine fsdp2 --log csv,tensorboard
wait_until grep -q '"step": 1' runs/logged/metrics.jsonl || fail "no step came"
"$spectrum" stop runs/logged >out 2>said || fail "it could not be stopped"
ended runs/logged stopped
echo goes_back >runs/logged/DOES
"$spectrum" resume runs/logged >out 2>said || fail "it could not be resumed"
ended runs/logged completed
[ "$(cut -d, -f1,2 runs/logged/metrics.csv | tr '\n' ' ')" = "step,loss 1,3.5 2,2.5 3,1.5 " ] ||
  fail "metrics.csv has other rows: $(cat runs/logged/metrics.csv)"
[ "$(ls runs/logged | grep -c tfevents)" = 2 ] || fail "there is not one file of TensorBoard a sitting"

# A proof that lacks a gradient is no success.
start runs/lies lies --engine fsdp2
ended runs/lies failed
has runs/lies/result.json "trains and had no gradient"

# While processes of a start live, as after their worker was killed, no other starts.
start runs/held waits --engine fsdp2
wait_until grep -q '"step": 1' runs/held/metrics.jsonl || fail "no step came"
bash runs/held/launch.sh 2>said && fail "it was started twice"
has said "processes of an earlier start still train in this folder; kill -- -$(cat runs/held/engine.lock) ends them"
kill -9 "$(grep -oP '"worker": \K[0-9]+' runs/held/lock)"
ended runs/held killed
"$spectrum" resume runs/held >out 2>said || true
wait_until grep -q '"refused": ".*earlier start' runs/held/result.json || fail "a second start is not refused: $(cat runs/held/result.json)"
kill -- "-$(cat runs/held/engine.lock)"
echo complete >runs/held/DOES
wait_until test ! -e runs/held/lock || fail "it is held"
"$spectrum" resume runs/held >out 2>said || fail "it could not be resumed: $(cat said)"
ended runs/held completed

# Steered: a checkpoint, no pause, a stop; resumed where that was.
start runs/steered waits --engine trl --processes 2
wait_until grep -q '"step": 1' runs/steered/metrics.jsonl || fail "no step came"
"$spectrum" checkpoint runs/steered >out 2>said || fail "no checkpoint could be asked for"
wait_until grep -q '"event": "checkpoint"' runs/steered/metrics.jsonl || fail "no checkpoint came"
if "$spectrum" pause runs/steered 2>said; then fail "it was paused"; fi
has said "launched run"
if "$spectrum" jobs delete runs/steered --yes >out 2>said; then fail "it was deleted while it ran"; fi
"$spectrum" stop runs/steered >out 2>said || fail "it could not be stopped"
ended runs/steered stopped
echo complete >runs/steered/DOES
"$spectrum" resume runs/steered >out 2>said || fail "it could not be resumed"
ended runs/steered completed
if "$spectrum" resume runs/steered --more 3 2>said; then fail "it went on beyond its end"; fi
has said "goes on from its newest checkpoint to its end"

# What ended it is said: by its own check, by a signal.
start runs/refused refuses --engine axolotl
ended runs/refused failed
has runs/refused/result.json "the first step's loss is 9 here, 3.5 in spectrum's own trainer"
has runs/refused/axolotl.yml '- ^model.layers.0.'
start runs/died dies --engine fsdp2
ended runs/died failed
grep -q 'signal 9\|killed' runs/died/result.json || fail "that it was killed is not said"

# Gone with all that was written, and nothing else.
rm runs/died/DOES
"$spectrum" jobs delete runs/died --yes >out 2>said || fail "it cannot be deleted"
[ ! -e runs/died ] || fail "something of it is left: $(ls runs/died)"

# Refused by name, with what to do, and nothing is left.
refused() { # refused STATUS WORDS ARGUMENT...
  local status=$1 words=$2
  shift 2
  launch "$status" runs/none "$@"
  has said "$words"
  [ ! -e runs/none ] || fail "a refused start left a folder"
}
refused 2 "launch needs --engine" --processes 2
refused 2 "--engine fsdp2 has no --neftune" --engine fsdp2 --neftune 5
refused 2 "--engine trl does not have --method qlora" --engine trl --method qlora
refused 2 "--optimizer lion is of --engine here alone" --engine fsdp2 --optimizer lion
refused 2 "--sbatch belongs to --slurm" --engine fsdp2 --sbatch --time=1:00
refused 2 "--engine trl has no --offload" --engine trl --offload
refused 2 "takes --device auto" --engine fsdp2 --device reference
refused 1 "--engine axolotl starts one process where PyTorch finds no GPU" --engine axolotl --processes 2
echo '{"devices": [{"name": "A", "memory": 1}]}' >look
refused 1 "--processes 2 is more than the 1 GPU that PyTorch finds here" --engine fsdp2 --processes 2
rm look
refused 1 "is not a program" --engine fsdp2 --python "$work/nowhere"
"$spectrum" train "$model" --data "$source/demo/text/problems.jsonl" --processes 2 2>said && fail "processes without an engine"
has said "--processes belongs to --engine"
