#!/usr/bin/env bash
# Every method of `spectrum train` on the demo's model: resuming from its checkpoint gives the
# uninterrupted run's state to the bit, its export is what it evaluates, only what the proof names has
# changed. Arguments: binary, source folder.
set -uo pipefail
binary=$1
model=$2/demo/model
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
trap 'remove_folder "$work"' EXIT
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state
cd "$work" || exit 1
head -40 "$2/demo/text/problems.jsonl" >problems.jsonl
data=$work/problems.jsonl
failures=0
fail() {
  echo "FAILED: $*"
  tail -3 "$work/err"
  failures=$((failures + 1))
}
spectrum() { "$binary" "$@" >"$work/out" 2>"$work/err"; }
loss_of() {
  "$binary" eval "$1" --data "$data" --seq-len 64 --dtype fp32 --json 2>"$work/err" |
    sed 's/.*"loss": \([^,]*\).*/\1/'
}
# near A B TOLERANCE
near() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; exit !(a > 0 && d <= t && -d <= t) }'; }

# NAME DTYPE OPTION...: the run NAME of six steps, and its resumed twin.
check() {
  local name=$1 dtype=$2 file
  shift 2
  spectrum train "$model" --data "$data" --run "$name" --steps 6 --save-every 3 --keep 3 --seq-len 64 \
    --accumulate 2 --lr 1e-3 --eval-every 0 --eval-split 0 --sample-tokens 0 --dtype "$dtype" \
    --threads 2 "$@" || { fail "$name: it does not train"; return; }
  cp -r "$name" "$name-again"
  rm -rf "$name-again/checkpoints/step-00000006"
  sed -i 's/completed/stopped/' "$name-again/result.json"
  spectrum resume "$name-again" || fail "$name: resume"
  wait_until grep -qs completed "$name-again/result.json"
  for file in "$name"/checkpoints/step-00000006/*.safetensors; do
    cmp -s "$file" "$name-again/checkpoints/step-00000006/${file##*/}" ||
      fail "$name: resumed, ${file##*/} is another"
  done
}

# RUN OPTION...: what is exported evaluates as the run does.
export_equals_run() {
  local run=$1 own
  shift
  spectrum export "$run" -o "$run-export" "$@" || { fail "$run: export"; return; }
  own=$(loss_of "$run")
  near "$own" "$(loss_of "$run-export")" 2e-6 || fail "$run: the export's loss is not $own"
}

check full fp32 --method full
export_equals_run full
check spectrum bf16 --method spectrum --top 30 --optimizer adamw-8bit
check eight fp32 --method full --optimizer adamw-8bit
check rounded bf16 --method spectrum --select last:2 --master none --optimizer adamw-bf16
check first fp32 --select first:1 --no-embeddings --neftune 5 --z-loss 1e-3
check random fp32 --select random:20 --frozen-dtype int8
check factors fp32 --select last:1 --no-embeddings --no-head --lr-factor 'mlp=0.5' --lr-factor 'down_proj=0.1' --spike-guard 4
check changing fp32 --top 30 --reselect 2 --keep 9 --lr 5e-2 --lr-factor "_proj=0.9"
check changing-bf16 bf16 --top 30 --reselect 4 --keep 9 --lr 5e-2 --frozen-dtype nf4
export_equals_run changing
check lora fp32 --method lora --rank 4
export_equals_run lora --merge
check qlora bf16 --method qlora --rank 4
check spectrum+lora fp32 --method spectrum+lora --top 25 --rank 8 --alpha 8
export_equals_run spectrum+lora --merge
check spectrum+qlora bf16 --method spectrum+qlora --top 25 --no-embeddings --no-head --optimizer adamw-8bit

check lion bf16 --method full --optimizer lion --lr 1e-4
check constants bf16 --method full --beta1 0.8 --beta2 0.95 --epsilon 1e-6 --min-lr 1e-5
tr -d ' ' <constants/job.json |
    grep -q '"min_lr":1e-05.*"beta1":0.8,"beta2":0.95,"epsilon":1e-06' || fail "job.json has other constants"
check muon fp32 --method full --optimizer muon --weight-decay 0.1
export_equals_run muon
check muon-lora bf16 --method spectrum+qlora --top 25 --rank 4 --optimizer muon --master none
check changing-muon fp32 --top 30 --reselect 2 --keep 9 --lr 5e-2 --optimizer muon
# Another optimiser refuses what it has not made.
cp -r muon muon-as-lion
rm -rf muon-as-lion/checkpoints/step-00000006
sed -i 's/completed/stopped/' muon-as-lion/result.json
sed -i 's/"--optimizer", *"muon"/"--optimizer","lion"/; s/"optimizer": *"muon"/"optimizer": "lion"/' muon-as-lion/job.json
spectrum resume muon-as-lion --trust
wait_until grep -qsE 'failed|refused' muon-as-lion/result.json
grep -q 'made with --optimizer muon, not lion' muon-as-lion/result.json || fail "lion goes on from muon's state"

# The controls choose what they say.
grep -q '^- model\.layers\.0\.' first/plan.yaml || fail "first:1 has nothing of the first block"
grep -q '^- model\.layers\.[1-9]' first/plan.yaml && fail "first:1 has more than the first block"
[ "$(grep -c 'q_proj$' random/plan.yaml)" -eq 1 ] || fail "random:20 of eight has not one q_proj"
# Moments in 8 bits, but for the embeddings; a checkpoint that has theirs in another type is not read as if it had not.
moments() { head -c 20000 "$1/checkpoints/step-00000003/optimizer.safetensors" | grep -aqF "$2"; }
moments eight '"model.embed_tokens.weight.exp_avg":{"dtype":"F32","shape":[2048,192]' || fail "the embeddings' moments are not fp32"
moments eight '"model.embed_tokens.weight.exp_avg.absmax"' && fail "the embeddings' moments have scales"
moments eight '"model.layers.0.mlp.up_proj.weight.exp_avg":{"dtype":"U8"' || fail "a matrix's moments are not 8-bit"
cp -r eight older
rm -rf older/checkpoints/step-00000006
sed -i 's/, "files": .*$/}/' older/checkpoints/step-00000003/state.json # there were no digests then
sed -i 's/completed/stopped/' older/result.json
sed -i 's/\("model.embed_tokens.weight.exp_avg":{"dtype":\)"F32","shape":\[2048,192\]/\1"U8", "shape":[2048,768]/' \
  older/checkpoints/step-00000003/optimizer.safetensors
spectrum resume older
wait_until grep -qsE 'failed|refused' older/result.json
grep -q 'embed_tokens.weight.exp_avg is kept as U8, here as F32' older/result.json || fail "an older checkpoint is not refused by name: $(cat older/result.json)"
# Frozen weights in 4 bits change the loss, by little.
plain=$(loss_of "$model")
four=$(sed -n 's/^{"step": 1,.*"loss": \([^,]*\).*/\1/p' qlora/metrics.jsonl)
[ -n "$four" ] || fail "qlora has no loss"
# A name that nothing has is no factor.
spectrum train "$model" --data "$data" --run nowhere --steps 1 --select last:1 --lr-factor q_prj=2 &&
  fail "a factor of nothing"
grep -q 'nothing that trains has such a name' "$work/err" || fail "a factor of nothing is not named"
# What trains was chosen again, and something changed; what trained once is in the export.
grep -q '"event": "reselect", "step": 2, "begin": [1-9]' changing/metrics.jsonl || fail "nothing was chosen again"
cmp -s changing/plan.yaml changing-again/plan.yaml || fail "resumed, it chose otherwise"
cp -r changing changing-between
rm -rf changing-between/checkpoints/step-0000000[456]
sed -i 's/completed/stopped/' changing-between/result.json
spectrum resume changing-between || fail "resume between two choices"
wait_until grep -qs completed changing-between/result.json
cmp -s changing/checkpoints/step-00000006/weights.safetensors \
  changing-between/checkpoints/step-00000006/weights.safetensors || fail "resumed between two choices it is another"
# The spike guard leaves out what stands above: with a limit of nearly nothing, some steps of thirty.
spectrum train "$model" --data "$data" --run spikes --steps 30 --seq-len 64 --accumulate 1 --eval-every 0 \
  --eval-split 0 --sample-tokens 0 --select last:1 --dtype fp32 --spike-guard 0.5 --clip 0 ||
  fail "it does not train with a spike guard"
grep -q '"event": "spike"' spikes/metrics.jsonl || fail "no step was left out"
# Adapters alone: a PEFT folder, and nothing without adapters to merge.
spectrum export lora -o lora-peft || fail "the adapters are not exported"
[ -s lora-peft/adapter_config.json ] && [ -s lora-peft/adapter_model.safetensors ] || fail "no PEFT folder"
[ -e lora-peft/model.safetensors ] && fail "a PEFT folder with a model in it"
spectrum export full -o full-merged --merge && fail "a run without adapters was merged"
[ $? -eq 0 ] || grep -q 'no adapters' "$work/err" || fail "it does not say why: $(cat "$work/err")"
spectrum resume lora --help >/dev/null || fail "resume --help"
# Options that do nothing, or cannot be, are refused.
for wrong in "--method lora --top 5" "--method full --rank 4" "--method lasso" "--select last:99" \
  "--select middle:2" "--reselect 5 --method full" "--reselect 5 --select last:1" "--lr-factor q_proj" "--lr-factor q_proj=0" "--method full --frozen-dtype nf4" "--lr-factor (=2" "--lr-factor =2" "--top 5 --select last:1" "--frozen-dtype fp4" "--optimizer sgd" \
  "--dtype fp32 --master none" "--reselect 3 --steps 3"; do
  # shellcheck disable=SC2086
  "$binary" train "$model" --data "$data" --run "$work/refused" $wrong >"$work/out" 2>"$work/err"
  [ $? -eq 2 ] || fail "$wrong ended with another status"
done

echo "$failures failed"
[ $failures -eq 0 ]
