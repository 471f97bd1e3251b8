#!/usr/bin/env bash
# Plans, scans and exports mean what they say: what a scan says of its model, runs and plans that would
# train nothing, bases that adapters can be loaded on, what a merge costs. Arguments: binary, source folder.
set -uo pipefail
binary=$1
model=$2/demo/model
# shellcheck source=tests/folder.bash
source "$2/tests/folder.bash"
cd "$work" || exit 1
head -15 "$2/demo/text/problems.jsonl" >problems.jsonl
# train RUN OPTION...
train() {
  local run=$1
  shift
  "$binary" train "$@" --data problems.jsonl --run "$run" --steps 2 --seq-len 64 --accumulate 1 --lr 5e-3 \
    --eval-split 0 --sample-tokens 0 --threads 2 >out 2>err </dev/null || fail "$run: it does not train"
}
loss_of() {
  "$binary" eval "$1" --data problems.jsonl --seq-len 64 --dtype fp32 --json 2>err | sed 's/.*"loss": \([^,]*\).*/\1/'
}
near() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; exit !(a > 0 && d <= t && -d <= t) }'; }
number() { sed -n "s/.*\"$1\": \([0-9.e+-]*\).*/\1/p" out; }

# A scan file plans as its model, line for line.
expect 0 "" scan "$model" -o demo.json
for format in yaml json axolotl trl peft ms-swift; do
  "$binary" plan "$model" --top 40 --format $format -o a.plan 2>a.err
  "$binary" plan demo.json --top 40 --format $format -o b.plan 2>b.err
  diff <(sed "s,$model,demo.json," a.plan) b.plan >err || fail "--format $format of the file is another plan"
  diff <(grep -v ' matrices, [0-9]' a.err) b.err >err || fail "--format $format of the file says something else"
done
grep -q lm_head a.plan && fail "a tied head is named"

# A percentage may be written as one.
# By another number, and by none: the same of a model and of its scan, as many of each type, said in the file. A draw
# is that of a run that draws (--select), and another seed's is another.
for by in stable-rank gavish-donoho last first random; do
  "$binary" plan "$model" --top 25 --by $by -o a.plan 2>a.err && "$binary" plan demo.json --top 25 --by $by -o b.plan 2>b.err ||
    fail "--by $by ends badly: $(cat a.err b.err)"
  diff <(grep -v '^# spectrum' a.plan) <(grep -v '^# spectrum' b.plan) >/dev/null || fail "--by $by: the file's plan is another"
  grep -q "^# top 25 percent of each selection, by $by" a.plan || fail "--by $by: the file does not say it"
  [ "$(grep -c '^- model.layers' a.plan)" = 14 ] || fail "--by $by: it is not 2 of 8 of each type"
  cp a.plan $by.plan
done
[ "$(grep '^- model.layers' last.plan | cut -d. -f3 | sort -u | tr '\n' ' ')" = "6 7 " ] || fail "--by last takes others"
[ "$(grep '^- model.layers' first.plan | cut -d. -f3 | sort -u | tr '\n' ' ')" = "0 1 " ] || fail "--by first takes others"
"$binary" plan "$model" --by random --seed 43 -o other.plan 2>err
cmp -s other.plan random.plan && fail "another seed draws the same"
head -c 3000 "$2/demo/text/shakespeare.txt" >drawn.txt
"$binary" train "$model" --data drawn.txt --select random:25 --steps 1 --seq-len 32 --eval-split 0 --sample-tokens 0 --run drawn >out 2>err ||
  fail "a draw does not train"
diff <(grep '^-' drawn/plan.yaml) <(grep '^-' random.plan) || fail "--by random draws another plan than --select random"
echo '{"model.layers.0.mlp.down_proj": {"snr": 1, "type": "mlp.down_proj"}}' >published.json
expect 1 "no module of published.json has that number" plan published.json --by stable-rank -o none.plan
expect 2 "belongs to --by random" plan "$model" --seed 4 -o none.plan

"$binary" plan demo.json --top 40 -o number.plan 2>err && "$binary" plan demo.json --top '40 %' -o percent.plan 2>err &&
  cmp -s number.plan percent.plan || fail "40 % is not 40"
expect 2 'a number from 0 to 100, not "40%%"' plan demo.json --top 40%%
expect 2 'a number from 0 to 100, not "140%"' plan demo.json --top 140%

# A name is text to whoever reads it: in YAML, and to the shell that takes ms-swift's line.
cat >hostile.json <<'END'
{"model.layers.0.mlp.up_proj #1": {"snr": 2, "type": "u"}, "a\"; touch owned #": {"snr": 2, "type": "u"},
 "$(touch owned)": {"snr": 2, "type": "u"}, "'q' `touch owned`": {"snr": 2, "type": "u"},
 "model.layers.0.mlp.up_proj": {"snr": 1, "type": "u"}, "a": {"snr": 1, "type": "u"},
 "b": {"snr": 1, "type": "u"}, "q": {"snr": 1, "type": "u"}}
END
expect 0 '- "model.layers.0.mlp.up_proj #1"' plan hostile.json --top 50
grep -qFx -- '- "a\"; touch owned #"' out || fail "YAML reads a name otherwise"
grep -qFx -- '- $(touch owned)' out || fail "what reads as itself is quoted"
expect 0 "" plan hostile.json --top 50 --no-embeddings --no-head --format ms-swift -o hostile.plan
printf '%s\n' --freeze_parameters_ratio 1 --trainable_parameters 'model.layers.0.mlp.up_proj #1.' \
  'a"; touch owned #.' '$(touch owned).' "'q' \`touch owned\`." >expected
sh -c "printf '%s\n' $(cat hostile.plan)" 2>&1 | diff expected - >err || fail "a shell reads ms-swift's line otherwise"
[ -e owned ] && fail "a name ran as a command"
expect 1 "has a meaning in the patterns" plan hostile.json --top 50 --format trl

# Adapters train beside the layers that a PEFT plan names; numbers read well for one.
expect 0 "parameters are in the layers beside which adapters train" plan "$model" --format peft
expect 0 '"layers.0.mlp.up_proj": 1 module' plan "$model" --train layers.0.mlp.up_proj
grep -q '1 modules' err && fail "one module is several"
expect 0 "# scores by the estimator reference, an empty noise set counts as infinity" plan demo.json

# Nothing is written over what it is made from, or over the other result, under whatever name.
cp demo.json kept.json
mkdir sub && ln -s ../demo.json sub/soft.json && ln demo.json sub/hard.json
for name in demo.json ./demo.json sub/../demo.json "$work/demo.json" sub/soft.json sub/hard.json; do
  for format in yaml json; do
    expect 1 "never written to" plan demo.json --format $format -o "$name"
  done
done
expect 1 "never written to" plan sub/soft.json -o demo.json
cmp -s demo.json kept.json || fail "the scan was written over"
for path in demo.json sub/soft.json "$work/sub/hard.json"; do
  printf 'keys :write %s Enter\nsave-screen said.txt\nkeys :save-screen %s Enter\n' "$path" "$path" >script
  "$binary" --script script --size 200x24 demo.json 2>err || fail "the screen ends with $?"
  grep -q "never written to" said.txt || fail "the screen does not say that it writes nothing"
done
cmp -s demo.json kept.json || fail "the screen wrote over its scan"
expect 0 "" plan demo.json -o sub/other.json
expect 2 "name one file" scan "$model" -o both.json --spectra ./both.json
[ -e both.json ] && fail "one of two results was written"

# What a plan would train in its target: nothing, or everything.
expect 1 "no linear layer" plan "$model" --top 0 --format peft
expect 1 "train everything" plan "$model" --top 0 --no-embeddings --no-head --format axolotl
expect 1 "train nothing" plan demo.json --freeze . --format trl
for format in yaml json ms-swift; do
  expect 1 "train nothing" plan demo.json --freeze . --format $format -o empty.$format
  expect 1 "train nothing" plan "$model" --top 0 --no-embeddings --no-head --format $format
  [ -e empty.$format ] && fail "an empty plan was written as $format"
done
printf 'unfrozen_parameters:\n' >empty.yaml
expect 1 "trains nothing" train "$model" --data problems.jsonl --run r0 --plan empty.yaml --steps 1

# A run that would train nothing, or no adapter, is refused before it trains.
expect 1 "would train none" train "$model" --data problems.jsonl --run r1 --method spectrum+lora --top 0 --steps 1
expect 1 "would train none" train "$model" --data problems.jsonl --run r2 --method spectrum+qlora --top 0 --steps 1
expect 1 "the plan trains nothing" train "$model" --data problems.jsonl --run r3 --top 0 --no-embeddings --no-head --steps 1
[ -e r1/checkpoints/step-00000001 ] && fail "a refused run trained"

# A matrix without noise values: said by the scan, by plans of it, from the cache, by a run's own scan.
header='{"m.0.x.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},'
header+='"m.0.y.weight":{"dtype":"F32","shape":[1,2],"data_offsets":[16,24]},'
header+='"m.0.experts.z":{"dtype":"F32","shape":[2,1,2],"data_offsets":[24,40]},'
header+='"m.0.q.weight":{"dtype":"F8_E8M0","shape":[2,2],"data_offsets":[40,44]},'
header+='"m.0.q.weight_scale_inv":{"dtype":"F32","shape":[1,1],"data_offsets":[44,48]}}'
{
  printf "\\x$(printf %02x $((${#header} & 255)))\\x$(printf %02x $((${#header} >> 8)))\0\0\0\0\0\0%s" "$header"
  for _ in 1 2 3 4 5 6 7 8 9 10 11 12; do printf '\0\0\x80\x3f'; done
} >odd.safetensors
for _ in computed cached; do
  expect 0 "matrices, y, has an empty noise set, which counts as infinity" scan odd.safetensors -o odd.json
  grep -qF "not scanned: 1 tensor, m.0.experts.z first: experts" err || fail "experts are not named"
  grep -qF "m.0.q: not scored: the type F8_E8M0 cannot be read" err || fail "codes are not named"
  grep -q scale_inv odd.json out && fail "a scale is a row"
done
grep -q '"empty_noise": "infinity"' odd.json || fail "the file does not say its rule"
expect 0 "counts as a noise of 1" plan odd.safetensors --empty-noise one --top 100
expect 0 "not scanned: 1 tensor, m.0.experts.z" plan odd.json --top 100
expect 0 "names are those of the file" plan odd.json --top 100
expect 2 "belongs to a MODEL" plan odd.json --empty-noise one
expect 0 "has an empty noise set, which the file counts as infinity" plan odd.json --top 100
expect 0 '`spectrum scan MODEL` with --empty-noise one' plan odd.json --top 100
expect 0 "which counts as infinity, as in published scans; --empty-noise one" plan odd.safetensors --top 100
expect 2 "takes infinity or one" plan odd.safetensors --empty-noise two
expect 0 "counts as a noise of 1" scan odd.safetensors --empty-noise one -o one.json
expect 0 "counts as a noise of 1" plan one.json --top 100
expect 0 '"empty_noise": "one"' scan odd.safetensors --empty-noise one --json
echo '{"l.0.q": {"snr": Infinity, "type": "q"}}' >published.json
expect 0 "1 of 1 matrices, q, has an empty noise set" plan published.json
grep -q "does not say what its model has" err || fail "a published scan's silence is not said"
expect 2 "belongs to the scan" train "$model" --data problems.jsonl --run r4 --method lora --empty-noise one
train one "$model" --top 25 --empty-noise one
grep -q '"empty_noise": "one"' one/job.json || fail "the run does not record its rule"

# Advice that its command takes: what a scan does not score is named as such.
expect 1 'matches no scanned module, but 17 tensors that the scan does not score' plan "$model" --train norm
expect 1 'norms and biases have no score, and are added to the plan file' plan "$model" --freeze 'norm$'
expect 1 'matches no scanned module (norms' plan demo.json --train norm
expect 1 'matches no scanned module' plan "$model" --train nothing-of-it
expect 2 'an empty pattern' plan "$model" --train ''
expect 2 'an empty pattern' plan "$model" --freeze ''

# Names that the loaded model does not have are not written, unless asked for.
sed 's/m\.0\./h.0./g' odd.json >bare.json
expect 1 "--file-names" plan bare.json --top 100
expect 0 "h.0.x" plan bare.json --top 100 --file-names

# Adapters on a base that transformers loads: there already, or brought along.
train plain "$model" --method lora --rank 4 --dtype fp32
expect 0 "" export plain -o plain-peft
[ -e plain-peft/base ] && fail "a base that stands alone was copied"
grep -qF "\"base_model_name_or_path\": \"$model\"" plain-peft/adapter_config.json || fail "the base is not named"
grep -q ensure_weight_tying plain-peft/adapter_config.json && fail "nothing tied is saved"
cp -r "$model" lone && mv lone/model.safetensors lone/weights.safetensors
train lone-run lone/weights.safetensors --method lora --rank 4 --dtype fp32
train random "$model" --init --method spectrum+lora --rank 4 --dtype fp32
for run in lone-run random; do
  expect 0 '"base": "' export $run -o $run-peft --json
  [ "$(number base_bytes)" -gt 1000000 ] || fail "$run: the base has no size"
  grep -qF "\"base_model_name_or_path\": \"$(realpath $run-peft)/base\"" $run-peft/adapter_config.json ||
    fail "$run: adapter_config.json names another base"
done
cmp -s lone-peft/base/model.safetensors "$model/model.safetensors" ||
  near "$(loss_of lone-run-peft/base)" "$(loss_of "$model")" 1e-9 || fail "the base is another model"
near "$(loss_of random-peft/base)" "$(loss_of random/base)" 1e-9 || fail "the run's own base is another model"
grep -q '"ensure_weight_tying": true' random-peft/adapter_config.json || fail "a tied embedding is saved untied"
grep -q "rope-scaling" err && fail "a run without a scaling has one"

# Adapters as MODEL: of what they are, and what to do.
for command in "eval plain-peft --data problems.jsonl" "generate plain-peft --prompt a" "info plain-peft" \
  "plan plain-peft" "train plain-peft --data problems.jsonl --run r5"; do
  # shellcheck disable=SC2086
  expect 1 "plain-peft holds adapters of the base $model, and no model" $command
  grep -qF -- "--merge" err || fail "$command does not say what to do"
done
printf '{' >plain-peft/adapter_config.json
expect 1 "plain-peft holds adapters, and no model" info plain-peft
mkdir nothing
expect 1 "no model.safetensors" info nothing

# The base beside them computes positions as the run did.
train turned "$model" --init --method lora --rank 4 --dtype fp32 --rope-scaling linear:2
expect 0 "their base as transformers loads it" export turned -o turned-peft
grep -q "rope-scaling" err && fail "a base that has the scaling needs no advice"
grep -q '"linear"' turned-peft/base/config.json || fail "the base has no scaling"

# A new or an empty folder, outside of every job's.
before=$(find plain lone-run | sort)
mkdir -p full empty some/below && ln -s plain link && echo kept >full/note && echo '{"format": "x"}' >some/job.json
for out in plain plain/checkpoints plain/new plain/a/../b lone-run/new link/new; do
  expect 1 "in the folder of a job" export plain -o $out
done
for out in full plain-peft problems.jsonl some; do
  expect 1 "not an empty folder" export plain --merge -o $out
done
[ "$before" = "$(find plain lone-run | sort)" ] || fail "a run's folder has other files"
[ "$(ls full)" = note ] || fail "a folder that was refused has other files"
expect 0 "" export plain -o empty/
expect 0 "" export plain -o some/below

stories=${SPECTRUM_SHARED_DATA:-}/models/stories260K-gguf/stories260K-BF16.gguf
if [ -f "$stories" ]; then
  train gguf "$stories" --method lora --rank 4 --dtype fp32
  expect 0 "their base as transformers loads it" export gguf -o gguf-peft
  near "$(loss_of gguf-peft/base)" "$(loss_of "$stories")" 1e-6 || fail "the GGUF's base is another model"
else
  echo "SKIPPED: $stories is not here"
fi

# What the base's own weights cost a model that was trained beside them in 4 bits.
train four "$model" --method qlora --rank 4 --dtype fp32
expect 0 '"run_loss": ' export four --merge -o four-merged --json
near "$(number run_loss)" "$(loss_of four)" 1e-4 || fail "the run's loss is another: $(cat out)"
near "$(number merged_loss)" "$(loss_of four-merged)" 1e-4 || fail "the merged loss is another: $(cat out)"
near "$(number run_loss)" "$(number merged_loss)" 1e-9 && fail "4 bits cost nothing"
train frozen "$model" --select last:2 --frozen-dtype nf4 --dtype fp32
expect 0 "loss of the run" export frozen -o frozen-model
expect 0 "were in fewer bits" export four -o four-peft
grep -qF 'bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True' err || fail "how to load the base in 4 bits"
train eight "$model" --method lora --rank 4 --frozen-dtype int8
expect 0 "nothing else loads a base" export eight -o eight-peft
grep -q BitsAndBytes err && fail "bitsandbytes has no such 8 bits"

# On which data, and not on other data than the run's.
expect 0 "tokens of the training data" export four --merge -o four-training
expect 0 '"loss_data": "training"' export eight --merge -o eight-training --json
head -3 problems.jsonl >held.jsonl
"$binary" train "$model" --method qlora --rank 4 --data problems.jsonl --eval-data held.jsonl --run held --steps 2 \
  --seq-len 64 --accumulate 1 --sample-tokens 0 >out 2>err </dev/null || fail "held: it does not train"
expect 0 "tokens of the evaluation data" export held --merge -o held-model
sed 1d problems.jsonl >changed.jsonl
cp problems.jsonl as-it-was.jsonl
cp changed.jsonl problems.jsonl
expect 0 "was not measured: $work/problems.jsonl has changed since the run" export four --merge -o four-changed
expect 0 "tokens of the evaluation data" export held --merge -o held-again
cp changed.jsonl held.jsonl
expect 0 "held.jsonl has changed since the run" export held --merge -o held-changed
cp as-it-was.jsonl problems.jsonl
expect 0 "tokens of the training data" export four --merge -o four-unchanged
mv problems.jsonl elsewhere.jsonl
expect 0 "was not measured: " export four --merge -o four-again
expect 0 '"loss_not_measured": "' export four --merge -o four-json --json
expect 0 "" export plain --merge -o plain-merged
grep -q loss err && fail "a merge into the run's own weights has a cost"

echo "$failures failed"
[ $failures -eq 0 ]
