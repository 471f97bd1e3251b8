#!/usr/bin/env bash
# The contract of the command line: exit status, one line of error, strict JSON, nothing written to
# the model, no control sequence from a file to the terminal.
set -uo pipefail
binary=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache
failures=0

expect() { # expect STATUS "what it says" COMMAND...
  local status=$1 says=$2 got
  shift 2
  "$@" >"$work/out" 2>"$work/err" </dev/null
  got=$?
  if [ $got -ne "$status" ] || ! grep -qF -- "$says" "$work/out" "$work/err"; then
    echo "FAILED: $* gave $got (expected $status, \"$says\"):"
    head -3 "$work/err"
    failures=$((failures + 1))
  fi
  if [ $got -ne 0 ] && [ "$(grep -vc ' matrices, ' "$work/err")" -ne 1 ]; then
    echo "FAILED: $*: an error is one line"
    failures=$((failures + 1))
  fi
  if LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f]' "$work/err"; then
    echo "FAILED: $*: a control character reached the terminal"
    failures=$((failures + 1))
  fi
}

expect 0 "spectrum " "$binary" --version
expect 0 "Commands:" "$binary" --help
expect 0 "Options:" "$binary" --script --help
for command in info scan plan; do
  expect 0 "Options:" "$binary" $command --help
  expect 2 "takes one" "$binary" $command
  expect 2 "did you mean --json" "$binary" $command x --jsom
done
expect 2 "there is no estimator" "$binary" scan x --estimator guess
expect 2 "there is no format" "$binary" plan "$work/missing" --format guess
expect 2 "--scope takes" "$binary" plan "$work/missing" --scope guess
expect 2 "missing closing parenthesis" "$binary" scan "$2/demo/model" --modules '('
expect 2 "missing closing parenthesis" "$binary" plan "$2/demo/model" --train '('
expect 1 "no such file or folder" "$binary" info "$work/missing"
expect 1 "frobnicate" "$binary" frobnicate

printf 'not a model' >"$work/short.safetensors"
expect 1 "truncated, or not a safetensors" "$binary" info "$work/short.safetensors"
printf '\x05\0\0\0\0\0\0\0{"a":' >"$work/half.safetensors"
expect 1 "not valid JSON" "$binary" scan "$work/half.safetensors"
printf 'GGUF\x09\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0' >"$work/nine.gguf"
expect 1 "GGUF version 9" "$binary" info "$work/nine.gguf"
: >"$work/empty.json"
expect 1 "is empty" "$binary" plan "$work/empty.json"
mkdir "$work/folder"
expect 1 "no .gguf file in it" "$binary" info "$work/folder"

# A header that lies: the tensor claims more than the file holds.
header='{"w":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}'
{ printf '\x39\0\0\0\0\0\0\0%s' "$header"; head -c 32 /dev/zero; } >"$work/lie.safetensors"
expect 1 "not inside the file" "$binary" info "$work/lie.safetensors"

# A name with an escape sequence is refused before anything shows it.
header='{"m.0.\u001b[2Jx.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
{ printf "\\x$(printf %02x ${#header})\0\0\0\0\0\0\0%s\0\0\0\0" "$header"; } >"$work/escape.safetensors"
expect 1 "control characters" "$binary" scan "$work/escape.safetensors"
printf '{"a\\u001b[2J": {"snr": 1, "type": "t"}}' >"$work/escape.json"
expect 1 "control characters" "$binary" plan "$work/escape.json"

# A matrix with NaN: that row says so and the scan goes on.
header='{"m.0.x.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]},'
header+='"m.1.x.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[16,32]}}'
{
  printf "\\x$(printf %02x ${#header})\0\0\0\0\0\0\0%s" "$header"
  printf '\0\0\x80\x3f\0\0\0\0\0\0\0\0\0\0\0\x40'
  printf '\0\0\xc0\x7f\0\0\0\0\0\0\0\0\0\0\0\x40'
} >"$work/odd.safetensors"
before=$(sha256sum <"$work/odd.safetensors")
expect 0 "not scored: NaN at row 0, column 0" "$binary" scan "$work/odd.safetensors" --modules .
expect 0 "m.0.x" "$binary" scan "$work/odd.safetensors" --modules .

# Not scored is said where a file is written, and by the plan, which does not select it.
expect 0 "m.1.x: not scored: NaN at row 0, column 0" "$binary" scan "$work/odd.safetensors" --modules . \
  -o "$work/odd.json"
expect 0 "m.1.x: not scored: NaN" "$binary" plan "$work/odd.json" --top 100 -o "$work/odd.yaml"
grep -q '^- m.0.x$' "$work/odd.yaml" && ! grep -q '^- m.1.x$' "$work/odd.yaml" ||
  { echo "FAILED: the plan: $(cat "$work/odd.yaml")"; failures=$((failures + 1)); }
expect 0 "parameters (without embeddings and head)" cat "$work/odd.yaml"
expect 0 '"parameters_without": ["embeddings", "head"]' "$binary" plan "$work/odd.json" --top 100 -o "$work/odd.yaml" --json
expect 0 '"parameters_without": []' "$binary" plan "$source/demo/model" -o "$work/demo.yaml" --json
expect 0 "m.1.x: not scored: NaN at row 0, column 0; the plan trains it all the same" "$binary" plan \
  "$work/odd.json" --train m.1
expect 0 "note: no scanned module trains" "$binary" plan "$2/demo/model" --top 0
many='"m.1.y": {"snr": 1, "type": "y"}'
for i in {1..12}; do many+=", \"m.$i.x\": {\"snr\": NaN, \"type\": \"x\", \"reason\": \"\\u001b[2J\"}"; done
echo "{$many}" >"$work/many.json"
expect 0 "m.10.x: not scored: ?[2J" "$binary" plan "$work/many.json"
expect 0 "and 2 more without a score" "$binary" plan "$work/many.json"
expect 0 '"snr_kind": "nan"' "$binary" scan "$work/odd.safetensors" --modules . --json
grep -qE ': (NaN|-?Infinity)' "$work/out" && { echo "FAILED: --json is not strict"; failures=$((failures + 1)); }
[ "$before" = "$(sha256sum <"$work/odd.safetensors")" ] || failures=$((failures + 1))
expect 1 "cannot write" "$binary" scan "$work/odd.safetensors" --modules . -o "$work/missing/scan.json"
expect 1 "matches" "$binary" scan "$work/odd.safetensors" --modules zzz
# A type that is not known has no size: the size is absent, not 0.
{
  printf 'GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0'
  printf '\x08\0\0\0\0\0\0\0a.weight\x01\0\0\0\x20\0\0\0\0\0\0\0\x28\0\0\0\0\0\0\0\0\0\0\0'
  head -c 64 /dev/zero
} >"$work/type40.gguf"
expect 0 "size on disk n/a" "$binary" info "$work/type40.gguf"
expect 0 '"parameters": 32' "$binary" info "$work/type40.gguf" --json
grep -q '"bytes"' "$work/out" && { echo "FAILED: an unknown size is there"; failures=$((failures + 1)); }

# A folder is the one .gguf file in it; of several, one is to be named. Cut short, it says so.
cp "$work/type40.gguf" "$work/folder/a.gguf"
expect 0 "size on disk n/a" "$binary" info "$work/folder"
cp "$work/type40.gguf" "$work/folder/$(printf 'b\033[2J.gguf')"
expect 1 "holds 2 .gguf files; name one of them: a.gguf, b?[2J.gguf" "$binary" info "$work/folder"
head -c 60 "$work/type40.gguf" >"$work/cut.gguf"
expect 1 "cut.gguf is truncated" "$binary" info "$work/cut.gguf"

# A head of its own stays one where the configuration ties it, as in transformers 5, and that is said.
cp -r "$source/tests/data/train/llama_untied" "$work/stored"
"$binary" info "$work/stored" --json >"$work/untied"
sed -i 's/"tie_word_embeddings": *false/"tie_word_embeddings": true/' "$work/stored/config.json"
all=$(head -1 "$work/untied" | grep -o '"parameters": [0-9]*' | grep -o '[0-9]*$')
expect 0 "\"parameters\": $all, " "$binary" info "$work/stored" --json
expect 0 "lm_head.weight and model.embed_tokens.weight are not equal" "$binary" info "$work/stored"

# Nothing is written over the model, under whatever name.
ln -s odd.safetensors "$work/soft.json"
ln "$work/odd.safetensors" "$work/hard.json"
for out in odd.safetensors soft.json hard.json; do
  expect 1 "never written to" "$binary" scan "$work/odd.safetensors" --modules . -o "$work/$out"
  expect 1 "never written to" "$binary" scan "$work/odd.safetensors" --modules . --spectra "$work/$out"
done
[ "$before" = "$(sha256sum <"$work/odd.safetensors")" ] ||
  { echo "FAILED: the model was written to"; failures=$((failures + 1)); }
cp -r "$source/tests/data/train/llama_tied" "$work/tiny"
expect 1 "never written to" "$binary" plan "$work/tiny" -o "$work/tiny/model.safetensors"
[ ! -e /dev/full ] || {
  "$binary" info "$work/odd.safetensors" >/dev/full 2>"$work/err"
  [ $? -eq 1 ] || { echo "FAILED: a full disk went unnoticed"; failures=$((failures + 1)); }
}

# tokens: one MODEL, and a text or a chat; the ids are the tokenizer's own.
expect 2 "either --text TEXT or --chat FILE" "$binary" tokens "$work/odd.safetensors"
expect 2 "either --text TEXT or --chat FILE" "$binary" tokens "$work/odd.safetensors" --text a --chat b
model=${SPECTRUM_SHARED_DATA:-}/models/stories15M-hf-bf16
if [ -d "$model" ]; then
  expect 0 '"ids": [1, 9038, 2501, 263, 931]' "$binary" tokens "$model" --text 'Once upon a time' --json
  printf '{"prompt": "Once upon", "completion": " a time"}\n' >"$work/pair.jsonl"
  expect 0 '"mask": [0, 0, 0, 1, 1, 1]' "$binary" tokens "$model" --chat "$work/pair.jsonl" --json
  expect 1 "missing.jsonl" "$binary" tokens "$model" --chat "$work/missing.jsonl"
else
  echo "SKIPPED: tokens of stories15M (no shared data)"
fi
echo "$failures failed"
[ $failures -eq 0 ]
