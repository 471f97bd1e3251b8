#!/usr/bin/env bash
# What ends a text, which template a run keeps, and tokens that the embedding has no row for, through
# the whole program. Arguments: binary, source folder.
set -uo pipefail
binary=$1
demo=$2/demo
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state OMP_NUM_THREADS=1
failures=0
fail() {
  echo "FAILED: $*"
  cat out err
  failures=$((failures + 1))
}
# Runs the program and holds its status, and a pattern that one line of what it says must have.
expect() {
  local status=$1 pattern=$2
  shift 2
  "$binary" "$@" >out 2>err
  local got=$?
  [ $got -eq "$status" ] || fail "spectrum $*: status $got, not $status"
  grep -q -- "$pattern" out err || fail "spectrum $*: nothing says $pattern"
}
cp -r "$demo/model" m
chmod -R u+w m

# The demo model goes on with 326 86 14 201 behind "hello".
greedy=(generate m --prompt hello --tokens 4 --json --dtype fp32)
expect 0 '"ids": \[326, 86, 14, 201\]' "${greedy[@]}"
echo '{"eos_token_id": [0, 86]}' >m/generation_config.json
expect 0 '"ids": \[326, 86\]' "${greedy[@]}"
echo '{"eos_token_id": 14}' >m/generation_config.json
sed -i 's/"eos_token_id": 0/"eos_token_id": [0, 326]/' m/config.json
expect 0 '"ids": \[326, 86, 14\]' "${greedy[@]}"
rm m/generation_config.json
expect 0 '"ids": \[326\]' "${greedy[@]}"
sed -i 's/"eos_token_id": \[0, 326\]/"eos_token_id": "<|endoftext|>"/' m/config.json
expect 1 '"eos_token_id" is' "${greedy[@]}"
sed -i 's/"eos_token_id": "<|endoftext|>"/"eos_token_id": 0/' m/config.json

# What the model's files would have done otherwise is said; the options decide.
echo '{"do_sample": true, "temperature": 0.7, "repetition_penalty": 1.1}' >m/generation_config.json
expect 0 'm/generation_config.json: do_sample, temperature and repetition_penalty are ignored; the options decide' \
  "${greedy[@]}"
echo '{"do_sample": false, "temperature": 0.7, "repetition_penalty": 1.0}' >m/generation_config.json
expect 0 '"ids": \[326, 86, 14, 201\]' "${greedy[@]}"
grep -q 'not obeyed' err && fail "keys that change nothing are said"
rm m/generation_config.json

# Special tokens that transformers would cut as text.
cp -r m cut
sed -i 's/"model_max_length"/"split_special_tokens": true, "model_max_length"/' cut/tokenizer_config.json
for command in "tokens cut --text a" "generate cut --prompt a" "eval cut --data m/config.json"; do
  # shellcheck disable=SC2086
  expect 1 'cut/tokenizer_config.json: "split_special_tokens" is not false' $command
done
sed -i 's/"split_special_tokens": true/"split_special_tokens": false/' cut/tokenizer_config.json
expect 0 '' tokens cut --text a

# Drawing.
expect 2 'top-p.*temperature' "${greedy[@]}" --top-p 0.5
expect 2 'min-p.*temperature' "${greedy[@]}" --min-p 0.5
expect 2 'top-k.*temperature' "${greedy[@]}" --top-k 5
expect 2 'seed.*temperature' "${greedy[@]}" --seed 5
expect 2 'top-p' "${greedy[@]}" --temperature 1 --top-p 1.5
expect 2 'min-p' "${greedy[@]}" --temperature 1 --min-p -0.1
expect 0 '"ids": \[326, 86, 14, 201\]' "${greedy[@]}" --temperature 9 --top-p 0
expect 0 '"ids": \[326, 86, 14, 201\]' "${greedy[@]}" --temperature 9 --min-p 1
expect 0 '"ids": \[326, 86, 14, 201\]' "${greedy[@]}" --temperature 9 --top-k 1

# A token that tokenizer_config.json adds, behind the embedding's 2048 rows.
cp -r m wide
sed -i 's/"pad_token": "<|endoftext|>"/"pad_token": "<extra>"/' wide/tokenizer_config.json
printf '{"text": "so far <extra> so good"}\n{"text": "and on"}\n' >wide.jsonl
printf '{"text": "so far so good"}\n{"text": "and on"}\n' >plain.jsonl
short=(--select last:1 --steps 1 --accumulate 1 --seq-len 64 --eval-split 0)
expect 0 '2048' tokens wide --text 'so <extra>'
expect 1 'the prompt: "<extra>" is the tokenizer.s token 2048, but the model has 2048' \
  generate wide --prompt 'so <extra>' --tokens 2
expect 1 'the prompt: "<extra>" is' generate wide --chat --prompt '<extra>' --tokens 2
expect 1 '"<extra>" is the tokenizer.s token 2048' eval wide --data wide.jsonl
expect 1 '"<extra>" is the tokenizer.s token 2048' train wide --data wide.jsonl "${short[@]}" --run no
expect 1 '"<extra>" is the tokenizer.s token 2048' \
  train wide --data plain.jsonl --eval-data wide.jsonl "${short[@]::8}" --run no
expect 1 'sample: "<extra>" is the tokenizer.s token 2048' \
  train wide --data plain.jsonl --sample 'so <extra>' "${short[@]}" --run no
expect 0 'done' train wide --data plain.jsonl --sample so "${short[@]}" --run yes

# A model without a template, trained with one: the run's is used, and ends texts, from then on.
cp -r m bare
sed -i '/chat_template/d; s/"model_max_length": 512,/"model_max_length": 512/' bare/tokenizer_config.json
echo '{"messages": [{"role": "user", "content": "who"}, {"role": "assistant", "content": "me"}]}' >chat.jsonl
expect 1 'no chat template' generate bare --chat --prompt who
expect 2 'for --chat' generate bare --prompt who --template chatml
expect 2 'not a chat template' generate bare --chat --prompt who --template chatty
expect 0 '"ids"' generate bare --chat --prompt who --template chatml --tokens 1 --json
expect 0 'done' train bare --data chat.jsonl --template chatml --method full --steps 30 --lr 3e-3 \
  --accumulate 1 --seq-len 64 --eval-split 0 --sample-tokens 0 --dtype fp32 --run run
expect 0 '"text": "me", "ids": \[.*, 2\]' generate run --chat --prompt who --json
expect 0 'tokens' eval run --data chat.jsonl
cp out without
expect 0 'tokens' eval run --data chat.jsonl --template chatml
cmp -s out without || fail "eval of a run takes another template than the run's"

# The export says where its texts end; what else the base said stays, to the letter.
expect 0 'after step 30' export run -o new
grep -q '"eos_token_id": \[0, 2\]' new/generation_config.json || fail "the export does not end at both"
grep -q '"bos_token_id": 0' new/generation_config.json || fail "the export lost bos"
printf '{"temperature": 0.70,\n "sub": {"eos_token_id": 9}, "eos_token_id" :\t0 , "top_k":1e1}' \
  >bare/generation_config.json
expect 0 'after step 30' export run -o changed
printf '{"temperature": 0.70,\n "sub": {"eos_token_id": 9}, "eos_token_id" : [0, 2] , "top_k":1e1}' >want
cmp -s changed/generation_config.json want || fail "$(cat changed/generation_config.json)"
printf '{"eos_token_id": [2, 0], "x": 1.0}' >bare/generation_config.json
expect 0 'after step 30' export run -o same
cmp -s same/generation_config.json bare/generation_config.json || fail "a list that says it all was changed"
printf '{}' >bare/generation_config.json
expect 0 'after step 30' export run -o filled
grep -q '"eos_token_id": \[0, 2\]' filled/generation_config.json || fail "an empty file was not filled"
expect 0 '"ids"' generate filled --prompt who --tokens 2 --json
printf '[]' >bare/generation_config.json
expect 1 'generation_config.json' export run -o refused
[ -e refused ] && fail "a folder is left of an export that failed"
mkdir kept
expect 1 'generation_config.json' export run -o kept
[ -d kept ] && [ -z "$(ls -A kept)" ] || fail "an export that failed left files, or took the folder away"

# Adapters have the tokenizer beside them, and the run's ends; their base has these where the export
# writes it, and where it is somebody's own the export says them. config.json would make a model of them.
rm bare/generation_config.json
adapt=(--data chat.jsonl --template chatml --method lora --steps 1 --accumulate 1 --seq-len 64
  --eval-split 0 --sample-tokens 0)
expect 0 'done' train bare "${adapt[@]}" --run owned
expect 0 'eos_token_id=\[0, 2\]' export owned -o owned-peft
cmp -s bare/tokenizer.json owned-peft/tokenizer.json || fail "the adapters have no tokenizer.json of the base"
grep -q '"chat_template": ".*im_start' owned-peft/tokenizer_config.json || fail "the adapters have no template of the run"
grep -q '"eos_token_id": \[0, 2\]' owned-peft/generation_config.json || fail "the adapters' folder does not end at both"
[ -e owned-peft/config.json ] && fail "a folder of adapters with a model's config.json"
expect 0 '"eos_token_id": \[0, 2\]' export owned -o owned-json --json
expect 0 'done' train bare --init "${adapt[@]}" --run made
expect 0 'their base' export made -o made-peft
grep -q 'eos_token_id' err && fail "a base that was written needs no advice"
for file in made-peft made-peft/base; do
  grep -q '"eos_token_id": \[0, 2\]' $file/generation_config.json || fail "$file does not end at both"
done
cmp -s bare/tokenizer.json made-peft/tokenizer.json || fail "the adapters have no tokenizer of the base that was made"
printf '{"eos_token_id": [2, 0]}' >bare/generation_config.json
expect 0 'as PEFT has them' export owned -o owned-said
grep -q 'eos_token_id' err && fail "a base that says it all needs no advice"

echo "$failures failed"
[ $failures -eq 0 ]
