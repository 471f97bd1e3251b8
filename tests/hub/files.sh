#!/usr/bin/env bash
# files.sh FOLDER: what tests/hub/hub_server serves of org/name, the same every time.
set -eu
files=$1/repo/org/name
mkdir -p "$files/additional_chat_templates" "$files/onnx" "$files/other"
printf '1234567890abcdef1234567890abcdef12345678\n' >"$1/commit"
printf '{"model_type": "llama"}\n' >"$files/config.json"
printf '{"version": "1.0"}\n' >"$files/tokenizer.json"
printf 'a b\n' >"$files/merges.txt"
: >"$files/added_tokens.json"
printf '{{ messages }}' >"$files/additional_chat_templates/tool use+%%.jinja"
# Not what a model is read from, with these weights here.
printf '# A model\n' >"$files/README.md"
printf '{}' >"$files/other/config.json"
printf 'onnx' >"$files/onnx/model.onnx"
printf 'pickle' >"$files/pytorch_model.bin"
# 300 kB of large file: it is fetched, not read.
seq 1 52000 | head -c 300000 >"$files/model.safetensors"
