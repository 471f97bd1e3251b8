#!/usr/bin/env bash
# `spectrum export` of a small run: as one file, as shards, as GGUF. Arguments: binary, source folder.
set -uo pipefail
binary=$1
model=$2/demo/model
# shellcheck source=tests/folder.bash
source "$2/tests/folder.bash"
cd "$work" || exit 1
head -20 "$2/demo/text/problems.jsonl" >data.jsonl
spectrum() { "$binary" "$@" >out 2>err; }
loss_of() {
  "$binary" eval "$1" --data data.jsonl --seq-len 64 --dtype fp32 --json 2>err | sed 's/.*"loss": \([^,]*\).*/\1/'
}
spectrum train "$model" --data data.jsonl --run run --steps 2 --seq-len 64 --lr 1e-3 --eval-every 0 --eval-split 0 \
  --sample-tokens 0 --dtype bf16 --method spectrum --top 30 --threads 2 || fail "it does not train"

# --- shards ---

spectrum export run -o one || fail "export"
[ -f one/model.safetensors ] && [ ! -e one/model.safetensors.index.json ] || fail "a small model is not one file"
spectrum export run -o many --shard-size 500KB --json || fail "shards"
grep -q '"weight_files": 15' out || fail "--json does not say how many files"
ls many | grep -c '^model-000[01][0-9]-of-00015\.safetensors$' | grep -qx 15 || fail "not 15 files"
[ -e many/model.safetensors ] && fail "shards and the whole beside one another"
ls -A many | grep -q tmp && fail "a temporary file is left"
grep -q '"total_size": 6691200' many/model.safetensors.index.json || fail "total_size"
# The embedding alone is larger; no other file is.
find many -name 'model-*.safetensors' -size +550k | grep -qx many/model-00001-of-00015.safetensors || fail "sizes"
[ -n "$(loss_of one)" ] && [ "$(loss_of one)" = "$(loss_of many)" ] || fail "the shards are another model"
grep -aoh '"model\.[a-z0-9._]*weight":{' many/*.safetensors | sort -u | wc -l | grep -qx 74 || fail "not 74 tensors"
# An older export is not written over, whatever shards it has.
spectrum export run -o many --shard-size 2MiB && fail "an export was written over"
grep -q 'not an empty folder' err || fail "why not is not said"
ls many | grep -q of-00015 || fail "what was there is gone"
spectrum export run -o none --shard-size 5XB
[ $? -eq 2 ] && grep -q 8GB err || fail "a size that is none"

[ $failures -eq 0 ]
