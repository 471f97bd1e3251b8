#!/usr/bin/env bash
# A run's checkpoints: damage is found by whoever reads one, nothing is written from what is not finite,
# any kept one and the best can be used, and a run goes on from an earlier one. Arguments: binary, source folder.
set -uo pipefail
binary=$1
model=$2/demo/model
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
trap 'remove_folder "$work"' EXIT
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state
cd "$work" || exit 1
head -50 "$2/demo/text/problems.jsonl" >problems.jsonl
tail -15 "$2/demo/text/problems.jsonl" >other.jsonl
data=$work/problems.jsonl
failures=0
fail() {
  echo "FAILED: $*"
  tail -3 "$work/err"
  failures=$((failures + 1))
}
spectrum() { "$binary" "$@" >"$work/out" 2>"$work/err"; }
# RUN OPTION...
train() {
  local run=$1
  shift
  spectrum train "$model" --data "$data" --run "$run" --seq-len 64 --accumulate 1 --sample-tokens 0 --threads 1 "$@"
}
small=(--select last:1 --no-embeddings --no-head --eval-every 0 --eval-split 0)
# STATUS TEXT COMMAND...: it ends so, and says that
ends() {
  local wanted=$1 text=$2 status
  shift 2
  spectrum "$@"
  status=$?
  [ "$status" = "$wanted" ] || fail "$* ends with $status, not $wanted"
  grep -qF -e "$text" "$work/err" || fail "$* does not say \"$text\""
}
is_over() { [ -e "$1/result.json" ] && [ ! -e "$1/lock" ]; }
wait_for_end() { wait_until is_over "$1" || fail "$1 does not end"; }
steps_of() { ls "$1/checkpoints" | sed -n 's/^step-0*//p' | tr '\n' ' '; }
number() { grep -o "\"$1\": [0-9.]*" "$2" | head -1 | grep -o '[0-9.]*$'; }
# FILE: its last bit but some thousands is another
flip() {
  local at byte
  at=$(($(stat -c %s "$1") - 2001))
  [ "${2:-}" ] && at=$2
  byte=$(od -An -tu1 -j "$at" -N 1 "$1")
  printf '%b' "\\x$(printf %x $((byte ^ 1)))" | dd of="$1" bs=1 seek="$at" conv=notrunc status=none
}
stopped_at() {
  echo "{\"status\": \"stopped\", \"message\": \"stopped at step $2\", \"last_step\": $2, \"ended\": \"2026-01-01T00:00:00Z\"}" >"$1/result.json"
}

# --- damage ---

train whole "${small[@]}" --dtype bf16 --steps 6 --save-every 2 --keep 9 --lr 1e-3 || fail "it does not train"
for run in adapters=--method=lora coded=--optimizer=adamw-8bit; do
  train "${run%%=*}" "${run#*=}" --dtype bf16 --steps 2 --save-every 1 --keep 9 --eval-every 0 --eval-split 0 ||
    fail "$run does not train"
done
# RUN STEP: nobody reads that checkpoint any more, and everybody says why
is_found() {
  local run=$1 file=$2 step=$3 said="$2 is damaged"
  stopped_at "$run" "$step"
  ends 1 "$said" resume "$run"
  grep -qF "with --step $((step - ${4:-2})) resume" err || fail "$file: the checkpoint before is not named"
  grep -qF "$said" "$run/result.json" || fail "$file: result.json does not say so"
  ends 1 "$said" eval "$run" --data "$data"
  ends 1 "$said" export "$run" -o damaged
  [ -e damaged ] && fail "$file: an export is left"
  case $file in weights.safetensors | state.json) # all that a generation reads
    ends 1 "$said" generate "$run" --prompt x --tokens 1 ;;
  esac
}
for file in weights masters optimizer; do
  file=$file.safetensors
  for how in flip cut longer missing; do
    rm -rf hurt
    cp -r whole hurt
    at=hurt/checkpoints/step-00000006/$file
    case $how in
    flip) flip "$at" ;;
    cut) truncate -s -4 "$at" ;;
    longer) printf '\0\0\0\0' >>"$at" ;;
    missing) rm "$at" ;;
    esac
    is_found hurt "$file" 6
  done
done
for at in 60 400 -3; do # a number of the state, a name, its own digest
  rm -rf hurt
  cp -r whole hurt
  state=hurt/checkpoints/step-00000006/state.json
  [ "$at" -lt 0 ] && at=$(($(stat -c %s "$state") - 9))
  flip "$state" "$at"
  is_found hurt state.json 6
done
rm -rf hurt
cp -r whole hurt
rm hurt/checkpoints/step-00000006/state.json
is_found hurt state.json 6
flip adapters/checkpoints/step-00000002/weights.safetensors
is_found adapters weights.safetensors 2 1
flip coded/checkpoints/step-00000002/optimizer.safetensors
is_found coded optimizer.safetensors 2 1
# Nothing went back by itself; --step does, and gives the same run.
rm -rf hurt
cp -r whole hurt
flip hurt/checkpoints/step-00000006/masters.safetensors
stopped_at hurt 6
spectrum resume hurt --step 4 || fail "it does not go on from the checkpoint before"
wait_for_end hurt
for file in weights masters optimizer; do
  cmp -s {whole,hurt}/checkpoints/step-00000006/$file.safetensors || fail "going back gives another $file"
done
# One of an earlier version has no digests: that is said, and it goes on.
rm -rf hurt
cp -r whole hurt
rm -r hurt/checkpoints/step-00000006
sed -i 's/, "files": .*$/}/' hurt/checkpoints/step-00000004/state.json
stopped_at hurt 4
spectrum resume hurt || fail "one without digests does not resume"
wait_for_end hurt
grep -q 'has no SHA-256' hurt/log.txt || fail "it does not say that there are no digests"
cmp -s {whole,hurt}/checkpoints/step-00000006/weights.safetensors || fail "one without digests is another run"

# --- which one ---

ends 1 'has no checkpoint of step 3; there are those of 2, 4, 6' export whole --step 3 -o none
ends 1 'there are those of 2, 4, 6' resume whole --step 5
ends 2 'exclude one another' eval whole --step 2 --best --data "$data"
ends 2 'exclude one another' resume whole --step 2 --best
for command in "eval --data $data" "generate --prompt x" "export -o none"; do
  for choice in "--step 2" --best; do
    # shellcheck disable=SC2086
    ends 2 "is a model, not a run" ${command%% *} "$model" ${command#* } $choice
    # shellcheck disable=SC2086
    ends 2 "is one checkpoint already" ${command%% *} whole/checkpoints/step-00000002 ${command#* } $choice
  done
done
ends 1 'no evaluation after a step' export whole --best -o none
for way in "whole --step 2" whole/checkpoints/step-00000002 whole/checkpoints/step-00000002/; do
  # shellcheck disable=SC2086
  spectrum eval $way --data "$data" --seq-len 64 --json || fail "eval $way"
  [ "$(number step out)" = 2 ] || fail "eval $way takes another step"
  losses="${losses:-} $(number loss out)"
  # shellcheck disable=SC2086
  spectrum generate $way --prompt x --tokens 2 || fail "generate $way"
done
spectrum export whole --step 2 -o second --json || fail "export --step 2"
grep -q '"step": 2' out || fail "it exports another step"
spectrum eval second --data "$data" --seq-len 64 --dtype bf16 --json
[ "$(printf '%s\n' $losses "$(number loss out)" | sort -u | wc -l)" = 1 ] || fail "the export of step 2 is not step 2"

# --- the best ---

# Warm-up's first step changes nothing, those behind it go too far.
train rising --seq-len 256 --select last:1 --no-embeddings --no-head --dtype fp32 --steps 3 --lr 0.1 --warmup 1 --schedule constant \
  --eval-data other.jsonl --eval-every 1 --save-every 2 --keep 1 || fail "it does not train"
[ "$(steps_of rising)" = "1 3 " ] || fail "the best is not kept beside the last: $(steps_of rising)"
spectrum export rising -o last || fail "export"
grep -qE '^--best exports step 1, whose evaluation loss was [0-9.]+; this is step 3, with [0-9.]+$' err ||
  fail "it does not say that there is a better one"
spectrum export rising -o last-json --json
grep -q '"evaluated": {"step": 3, "eval_loss": .*"best": {"step": 1, "eval_loss": ' out || fail "nor as JSON: $(cat out)"
spectrum export rising --best -o best || fail "export --best"
grep -q 'after step 1;' err || fail "it exports another"
grep -q -e '--best exports' err && fail "it says so where it was asked for"
spectrum eval rising --best --data other.jsonl --json --threads 1
[ "$(number step out)" = 1 ] || fail "eval --best takes another"
# In the run's own rows, unless others are asked for, it is what the run said.
said=$(sed -n 's/^{"step": 1, "eval_loss": \([0-9.]*\).*/\1/p' rising/metrics.jsonl)
awk -v a="$said" -v b="$(number loss out)" 'BEGIN { d = a - b; exit !(a > 0 && d < 1e-5 && d > -1e-5) }' ||
  fail "the run said $said: $(cat out)"
# It is known to whoever goes on from there, and stays; there, that run's last is 3 again.
cp -r rising rising-again
spectrum resume rising-again --best || fail "resume --best"
wait_for_end rising-again
[ "$(steps_of rising-again)" = "1 3 " ] || fail "resumed from the best, it keeps $(steps_of rising-again)"
grep -q '"event": "resume", "step": 1}' rising-again/metrics.jsonl || fail "the event does not name the step"
cmp -s {rising,rising-again}/checkpoints/step-00000003/weights.safetensors || fail "resumed from the best it is another"
# One that was saved for its evaluation alone takes no place of --keep, and goes when there is a better one.
train falling --seq-len 256 --select last:1 --no-embeddings --no-head --dtype fp32 --steps 7 --lr 1e-3 --warmup 0 --schedule constant \
  --eval-split 0.2 --eval-every 1 --save-every 3 --keep 2 || fail "it does not train"
[ "$(grep -c '"checkpoint"' falling/metrics.jsonl)" = 7 ] || fail "not every better evaluation was saved"
[ "$(steps_of falling)" = "6 7 " ] || fail "it keeps $(steps_of falling)"

# --- going back ---

train long "${small[@]}" --dtype fp32 --steps 200 --save-every 50 --keep 9 || fail "it does not train"
cp -r long back
ends 1 'there is nothing to resume' resume back
ends 1 'there is nothing to resume after step 200' resume back --step 200
spectrum resume back --step 50 || fail "a complete run does not go on from an earlier step"
kill -9 "$(number worker back/lock)" || fail "nothing to kill"
wait_for_end back
[ -d back/checkpoints/step-00000200 ] || fail "later checkpoints did not stay"
# What it stands at is on the new line: 50, or 100 where it got that far; the old one's is there by its name.
spectrum export back -o line --json || fail "export of the new line"
case $(number step out) in 50 | 100 | 150) ;; *) fail "killed behind step 50, the old line counts: $(cat out)" ;; esac
spectrum export back --step 200 -o old --json || fail "the old line's checkpoint cannot be used"
# Where it is not known what was left, the old line does not come back by itself.
for how in flip empty cut longer folder; do
  rm -rf hurt
  cp -r back hurt
  left=hurt/checkpoints/left.json
  case $how in
  flip) flip "$left" 90 ;;
  empty) : >"$left" ;;
  cut) truncate -s -4 "$left" ;;
  longer) echo >>"$left" ;;
  folder)
    rm "$left"
    mkdir "$left"
    ;;
  esac
  for command in resume "eval --data $data" "generate --prompt x" "export -o none"; do
    # shellcheck disable=SC2086
    ends 1 "left.json is damaged" ${command%% *} hurt $([ "$command" = resume ] || echo "${command#* }")
    grep -qE -e '--step takes one of 50(, [0-9]+)*, 200$' err || fail "$how, $command: the checkpoints are not named"
  done
  grep -q 'left.json is damaged' hurt/result.json || fail "$how: result.json does not say so"
  spectrum eval hurt --step 50 --data "$data" || fail "$how: eval --step"
  spectrum generate hurt/checkpoints/step-00000050 --prompt x --tokens 1 || fail "$how: generate of a checkpoint"
done
rm -rf hurt
cp -r back hurt
: >hurt/checkpoints/left.json
spectrum resume hurt --step 50 || fail "left.json is not needed with --step"
wait_for_end hurt
cmp -s {long,hurt}/checkpoints/step-00000200/weights.safetensors || fail "gone back without left.json, it is another run"
spectrum export hurt -o hurt-out || fail "its left.json is not whole again"
spectrum resume back || fail "the new line does not resume"
wait_for_end back
grep -o '"resume", "step": [0-9]*' back/metrics.jsonl | tail -1 | grep -qE ' (50|100|150)$' || fail "it went on from the old line"
[ -e back/checkpoints/left.json ] && [ "$(steps_of back)" = "50 100 150 200 " ] || fail "it has $(steps_of back)"
cmp -s {long,back}/checkpoints/step-00000200/weights.safetensors || fail "gone back and killed, it is another run"
spectrum export back -o line-end --json
[ "$(number step out)" = 200 ] || fail "what the new line has written counts as the old one's"
[ "$(grep -c '"step": 200, "time_s"' back/metrics.jsonl)" = 2 ] || fail "metrics.jsonl has not both lines"

# --- what is not finite ---

grow=(--lr 10 --lr-factor .=1e38 --warmup 0 --eval-every 0 --eval-split 0)
# NAME OPTION...: fails at the step whose update overflows, and leaves no checkpoint of it
overflows() {
  local run=$1
  shift
  train "$run" "${grow[@]}" "$@" && fail "$run: it does not fail"
  grep -q 'step 1: .* has NaN or Inf; no checkpoint was written from it' err || fail "$run: it does not say where"
  grep -q '"status": "failed", "message": "step 1: ' "$run/result.json" || fail "$run: result.json: $(cat "$run/result.json")"
  [ -z "$(steps_of "$run")" ] || fail "$run: a checkpoint is left: $(steps_of "$run")"
}
overflows last-step --method full --steps 1
overflows two-steps --method full --steps 2 --clip 0 --dtype bf16 --optimizer adamw-bf16
overflows backward --method full --steps 1 --clip 0 --dtype bf16 --master none --optimizer adamw-8bit
overflows thin --method lora --steps 1
overflows quantised --method qlora --steps 1 --dtype bf16
ends 1 'has no training checkpoint' export thin -o none
train evaluated --method full --steps 3 --lr 10 --lr-factor .=1e19 --warmup 1 --schedule constant --dtype fp32 --save-every 1 \
  --eval-split 0.2 --eval-every 1 && fail "an overflow in the evaluation"
grep -qE 'step [23]: .*not finite.* the last good one is that of step [12], which eval, generate and export take' err ||
  fail "the last good checkpoint is not named"
spectrum export evaluated -o good --json || fail "the last good checkpoint is not exported"
# One of an earlier version that has NaN in it is refused by name.
rm -rf hurt
cp -r whole hurt
state=hurt/checkpoints/step-00000006
sed -i 's/, "files": .*$/}/' "$state/state.json"
printf '\377\377' | dd of="$state/weights.safetensors" bs=1 seek=$(($(stat -c %s "$state/weights.safetensors") - 2)) conv=notrunc status=none
ends 1 'has NaN or Inf' eval hurt --data "$data"
ends 1 'has NaN or Inf' generate hurt --prompt x
ends 1 'has NaN or Inf' export hurt -o none

# So is one whose base is another by now.
cp -r "$model" moved
chmod -R u+w moved
spectrum train moved --data "$data" --run on-moved "${small[@]}" --steps 1 --accumulate 1 --seq-len 64 --sample-tokens 0 ||
  fail "it does not train"
flip moved/model.safetensors
ends 1 'other weights than those that on-moved began from' eval on-moved --data "$data"
ends 1 'other weights than those that on-moved began from' export on-moved -o none

# And one whose configuration or tokenizer is another, by everybody; spelled otherwise they are the same.
cp -r "$model" given
chmod -R u+w given
# RUN OPTION...: a run that can be resumed, and an adapter beside it whose export does not read the base
on_given() {
  spectrum train given --data "$data" --run "$@" --steps 4 --save-every 2 --keep 9 --accumulate 1 --seq-len 64 --sample-tokens 0 \
    --eval-every 0 --eval-split 0 --threads 1 --dtype fp32 || fail "$1 does not train"
  rm -r "$1/checkpoints/step-00000004"
  stopped_at "$1" 2
}
on_given on-given --select last:1 --no-embeddings --no-head
on_given lora-given --method lora --rope-scaling linear:2
on_given init-given --init --method full
# WHAT RUN: refused by name, and nothing is written
is_another() {
  local said="the base's $1" run=$2
  ends 1 "$said" eval "$run" --data "$data"
  ends 1 "$said" generate "$run" --prompt x --tokens 1
  ends 1 "$said" generate "$run/checkpoints/step-00000002" --prompt x --tokens 1
  ends 1 "$said" export "$run" -o none
  ends 1 "$said" resume "$run"
  grep -qF "$said" "$run/result.json" || fail "$run: result.json does not say so"
  [ -e none ] && fail "$run: an export is left"
}
# FILE SED: another given/FILE
edit() {
  cp "$model/$1" "given/$1"
  sed -i "$2" "given/$1"
  cmp -s "$model/$1" "given/$1" && fail "$1 is the same: $2"
}
edit config.json 's/"rms_norm_eps": 1e-05/"rms_norm_eps": 0.001/'
is_another 'configuration (config.json) is not what the run began with' on-given
is_another configuration lora-given
edit config.json 's/"rope_theta": 10000.0/"rope_theta": 20000/'
is_another configuration on-given
edit config.json 's/"torch_dtype": "bfloat16"/"torch_dtype":"float16", "use_cache": false/; s/1e-05/0.000010/; s/: /:   /'
swap='s/"Ġm":265,"Ġw":266/"Ġm":266,"Ġw":265/'
edit tokenizer.json "$swap"
is_another 'tokenizer (tokenizer.json' on-given
is_another tokenizer lora-given
cp "$model/tokenizer.json" given
edit tokenizer_config.json 's/"model_max_length": 512/"model_max_length": 1024/'
for run in on-given lora-given; do
  spectrum eval "$run" --data "$data" || fail "$run: the same, spelled otherwise, is refused"
  spectrum export "$run" -o "$run-out" || fail "$run: the same, spelled otherwise, is not exported"
  spectrum resume "$run" || fail "$run: the same, spelled otherwise, does not resume"
  wait_for_end "$run"
  grep -q completed "$run/result.json" || fail "$run: $(cat "$run/result.json")"
done
chmod u+w init-given/base/*
sed -i 's/"rms_norm_eps": *[^,]*/"rms_norm_eps": 0.001/' init-given/base/config.json
is_another configuration init-given
sed -i 's/"rms_norm_eps": *[^,]*/"rms_norm_eps": 1e-05/' init-given/base/config.json
sed -i "$swap" init-given/base/tokenizer.json
is_another tokenizer init-given
# A state of an earlier version does not say, and is let pass.
stopped_at on-given 2
rm -rf on-given/checkpoints/step-00000004
edit config.json 's/"rms_norm_eps": 1e-05/"rms_norm_eps": 0.001/'
sed -i 's/, "configuration": "[0-9a-f]*", "tokenizer": "[0-9a-f]*"//; s/, "files": .*$/}/' on-given/checkpoints/step-00000002/state.json
spectrum eval on-given --data "$data" || fail "a state of an earlier version is refused"
# Which of the data is another.
for which in train:again evaluate:other; do
  rm -rf two
  cp problems.jsonl again.jsonl
  train two "${small[@]}" --data again.jsonl --eval-data other.jsonl --eval-every 0 --dtype fp32 --steps 2 --save-every 1 ||
    fail "it does not train"
  cp other.jsonl kept.jsonl
  head -12 kept.jsonl >"${which#*:}.jsonl"
  rm -r two/checkpoints/step-00000002
  stopped_at two 1
  ends 1 "other data to ${which%:*} on" resume two
  cp kept.jsonl other.jsonl
done

# --- what an export says of its type ---

# BASE RUN-TYPE KEYS...: of a base whose config.json has what sed makes of it
names_type() {
  local keys=$1 type=$2 edit=$3 said=$4 method=$5 base=base-$RANDOM
  cp -r "$model" "$base"
  chmod -R u+w "$base"
  sed -i "$edit" "$base/config.json"
  spectrum train "$base" --data "$data" --run "$base-run" --method "$method" --dtype "$type" --steps 1 --accumulate 1 --seq-len 64 \
    --sample-tokens 0 --eval-split 0 || fail "$base does not train"
  # shellcheck disable=SC2046
  spectrum export "$base-run" -o "$base-out" $([ "$method" = lora ] && echo --merge) || fail "$base is not exported"
  for key in torch_dtype dtype; do
    case $keys in
    "$key" | both) grep -q "\"$key\":[[:space:]]*\"$said\"" "$base-out/config.json" || fail "$keys $type: no $key $said" ;;
    *) grep -q "\"$key\"" "$base-out/config.json" && fail "$keys $type: a $key that the base has not" ;;
    esac
  done
}
grep -q '"torch_dtype"' "$model/config.json" || fail "the demo's model names its type otherwise"
names_type torch_dtype fp32 '' float32 spectrum
names_type torch_dtype bf16 's/"torch_dtype": "[a-z0-9]*"/"torch_dtype": "float16"/' bfloat16 full
names_type dtype fp32 's/"torch_dtype"/"dtype"/' float32 lora
names_type both bf16 's/"torch_dtype": "[a-z0-9]*"/"other": 1/' bfloat16 spectrum
names_type both fp32 's/"torch_dtype": "[a-z0-9]*"/"other": 1/' float32 lora

# --- the type that a model is evaluated in: its configuration's fp32, and what is asked for ---

train wide-run "${small[@]}" --dtype fp32 --steps 2 --lr 1e-3 || fail "it does not train in fp32"
spectrum export wide-run -o wide-out || fail "it is not exported"
for source in wide-run wide-out; do
  spectrum eval "$source" --data "$data" --seq-len 64 --json || fail "$source is not evaluated"
  grep -q '"dtype": "fp32"' out || fail "$source is not evaluated in fp32"
  number loss out
done | sort -u | wc -l | grep -qx 1 || fail "the export of an fp32 run has another loss"
spectrum eval wide-out --data "$data" --seq-len 64 && grep -qE '^dtype +fp32$' out || fail "eval does not say fp32"
spectrum eval wide-out --data "$data" --seq-len 64 --dtype bf16 && grep -qE '^dtype +bf16$' out || fail "--dtype bf16"
spectrum eval "$model" --data "$data" --seq-len 64 --json
usual=$(grep -o '"dtype": "[a-z0-9]*"' out)
# What sed makes of config.json, and what it is evaluated in then: "dtype" before "torch_dtype", as transformers.
evaluates_in() {
  cp -r "$model" typed && chmod -R u+w typed
  sed -i "s/\"torch_dtype\": \"[a-z0-9]*\"/$1/" typed/config.json
  spectrum eval typed --data "$data" --seq-len 64 --json || fail "$1 is not evaluated"
  grep -qF "$2" out || fail "$1 is evaluated in $(grep -o '"dtype": "[a-z0-9]*"' out)"
  rm -r typed
}
evaluates_in '"dtype": "float32"' '"dtype": "fp32"'
evaluates_in '"dtype": null, "torch_dtype": "float32"' '"dtype": "fp32"'
evaluates_in '"dtype": "bfloat16", "torch_dtype": "float32"' "$usual"
evaluates_in '"torch_dtype": "float16"' "$usual"

# --- the same choice again ---

train same --method spectrum --top 25 --reselect 2 --steps 6 --eval-every 0 --eval-split 0 --save-every 1 --keep 9 ||
  fail "chosen again, it does not complete"
grep -q 'chosen again; 0 tensors begin to train, 0 end' err || fail "the choice was not the same"
train never --method spectrum --top 25 --steps 6 --eval-every 0 --eval-split 0 || fail "it does not train"
cmp -s {same,never}/checkpoints/step-00000006/weights.safetensors || fail "the same choice again is another run"
spectrum export same -o same-out || fail "its checkpoint is not exported"

[ "$failures" -eq 0 ] || exit 1
