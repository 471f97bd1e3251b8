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

# --- how far it is: on a terminal, whose line is written over ---

spectrum train "$model" --data data.jsonl --run quantised --steps 1 --seq-len 64 --eval-every 0 --eval-split 0 \
  --sample-tokens 0 --method qlora --rank 4 --threads 2 || fail "qlora does not train"
if command -v script >/dev/null; then
  script -qec "'$binary' export quantised -o merged --merge" /dev/null </dev/null >out 2>&1 || fail "no merge"
  tr '\r' '\n' <out >lines
  grep -qE 'saving [0-9.]+ ([KM]i)?B of 6\.38 MiB' lines || fail "how far the weights are written is not said"
  grep -qE 'evaluating [0-9]+ of [0-9]+ batches' lines || fail "how far the loss is measured is not said"
  grep -q 'merged: the model after step 1' lines || fail "what was written is not said"
fi

# --- GGUF: test_job_gguf has the files themselves ---

# shellcheck source=tests/waiting.bash
source "$2/tests/waiting.bash"
spectrum export run --to gguf -o demo.gguf && fail "a tokenizer that llama.cpp does not know is named"
grep -q 'llama.cpp knows no tokenizer' err && [ ! -e demo.gguf ] || fail "why there is no file is not said"
spectrum export run -o demo --type f16
[ $? -eq 2 ] && grep -q 'add --to gguf' err && [ ! -e demo ] || fail "a type of a folder"
spectrum export run --to gguf -o sized.gguf --shard-size 5MB
[ $? -eq 2 ] && grep -q "writes one file" err && [ ! -e sized.gguf ] || fail "shards of one file"
spectrum export run --to gguf -o demo
[ $? -eq 2 ] && grep -q 'ends in .gguf' err || fail "a folder as GGUF"

# A model with SentencePiece's file: what is in GGUF is the run, to its loss.
mkdir base
cp "$2"/tests/data/job/gguf/pieces/* base
cat >base/config.json <<'END'
{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 400, "hidden_size": 64,
 "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
 "max_position_embeddings": 256, "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "hidden_act": "silu",
 "tie_word_embeddings": true, "initializer_range": 0.05, "bos_token_id": 1, "eos_token_id": 2}
END
spectrum train base --init --data data.jsonl --run small --steps 3 --seq-len 64 --lr 1e-2 --eval-every 0 \
  --eval-split 0 --sample-tokens 0 --dtype fp32 --method full --threads 2 || fail "it does not train"
spectrum export small -o small-folder || fail "a folder of it"
grep -q '"rope_theta":[[:space:]]*10000\.0,' small-folder/config.json || fail "a real number of config.json is written as a whole one"
spectrum export small --to gguf -o small.gguf --json || fail "GGUF"
grep -q '"file": "small.gguf"' out && grep -q '"weight_files": 1' out || fail "--json of a file"
[ -n "$(loss_of small)" ] && [ "$(loss_of small)" = "$(loss_of small.gguf)" ] || fail "GGUF has another loss"
[ "$(loss_of small-folder)" = "$(loss_of small.gguf)" ] || fail "the folder has another loss"
spectrum export small --to gguf --type q8_0 -o q8.gguf || fail "Q8_0"
spectrum info q8.gguf && grep -q Q8_0 out || fail "Q8_0 is not said"
before=$(cksum <small.gguf)
spectrum export small --to gguf -o small.gguf && fail "a file was written over"
grep -q 'is there' err && [ "$before" = "$(cksum <small.gguf)" ] || fail "what was there is gone"

# A GGUF base is a base; its export has what it had, and what was trained.
spectrum train small.gguf --data data.jsonl --run again --steps 2 --seq-len 64 --lr 1e-3 --eval-every 0 \
  --eval-split 0 --sample-tokens 0 --dtype fp32 --method lora --rank 2 --threads 2 || fail "GGUF does not train"
spectrum export again --to gguf -o again.gguf || fail "GGUF of a GGUF base"
[ -n "$(loss_of again.gguf)" ] || fail "GGUF of a GGUF base is not read"
grep -q tokenizer.model err && fail "a GGUF base is taken for a folder without scores"
spectrum train small.gguf --data data.jsonl --run marked --steps 1 --seq-len 64 --lr 1e-3 --eval-every 0 \
  --eval-split 0 --sample-tokens 0 --template chatml --add-tokens --method full --threads 2 || fail "tokens are not added"
spectrum export marked --to gguf -o marked.gguf || fail "GGUF of added tokens"
for text in 'one <|im_end|> two' '<|im_start|>user'; do
  spectrum tokens marked --text "$text" --json && cp out run.json || fail "tokens of a run"
  spectrum tokens marked.gguf --text "$text" --json || fail "tokens of its file"
  cmp run.json out && grep -q '"<.im_' out || fail "added tokens are others in the file"
done

# One that is killed leaves nothing under the name, and the next one clears what it left.
is_begun() { compgen -G '.killed.gguf.*.tmp' && [ -s "$(compgen -G '.killed.gguf.*.tmp' | head -1)" ]; }
sed -i 's/"vocab_size": 400/"vocab_size": 120000/; s/"hidden_size": 64/"hidden_size": 512/' base/config.json
spectrum train base --init --data data.jsonl --run large --steps 1 --seq-len 32 --eval-every 0 --eval-split 0 \
  --sample-tokens 0 --dtype bf16 --method spectrum --top 10 --threads 2 || fail "the large one does not train"
"$binary" export large --to gguf -o killed.gguf >out 2>err &
worker=$!
wait_until is_begun || fail "it does not begin"
kill -KILL $worker
wait $worker 2>/dev/null
[ ! -e killed.gguf ] || fail "half a file, or the kill came too late"
spectrum export large --to gguf -o killed.gguf || fail "it cannot be done again"
compgen -G '.killed.gguf.*' && fail "what was left stays"
[ -s killed.gguf ] || fail "no file"

[ $failures -eq 0 ]
