#!/usr/bin/env bash
# `spectrum scan --remote`: a model is read on the hub by ranges, and scores as a folder of the same files
# does, to the bit; what the hub does wrong is an error by name. Arguments: binary, source folder, build folder.
set -uo pipefail
source "$2/tests/hub/common.bash"
echo 1234567890abcdef1234567890abcdef12345678 >"$served/commit"
model=$served/repo/org/name
mkdir -p "$model" "$served/repo/org/shards" "$served/repo/org/gguf"
cp "$source"/demo/model/*.json "$source/demo/model/model.safetensors" "$model"
scan() { ends "$1" "$binary" scan "${@:2}"; }
anew() { rm -rf "$XDG_CACHE_HOME"; breaks "$@"; }
same() { # same NAME FOLDER [THREADS [OPTION...]]: the hub's and the folder's, with all that a scan says
  scan 0 "$2" --no-cache --json --spectra "$work/here.safetensors" "${@:4}"
  sed "s|$2|$1|g" "$work/out" >"$work/here.json"
  breaks
  scan 0 "$1" --remote --no-cache --json --spectra "$work/there.safetensors" --threads "${3:-2}" "${@:4}"
  cmp "$work/here.json" "$work/out" || fail "$1: the scores are others"
  cmp "$work/here.safetensors" "$work/there.safetensors" || fail "$1: the values are others"
}

# --- the same as a folder ---
same org/name "$model"
same org/name "$model" 1
same org/name "$model" 5
# Two shards, the second with what the index does not name; bytes of text are finite floats.
shard() { # shard FILE NAME...: matrices of 32x24 in F32
  local file=$1 header= at=0 name length
  shift
  for name; do
    header+="${header:+,}\"$name.weight\":{\"dtype\":\"F32\",\"shape\":[32,24],\"data_offsets\":[$at,$((at + 3072))]}"
    at=$((at + 3072))
  done
  header="{$header}"
  length=${#header}
  printf "\\x$(printf %x $((length % 256)))\\x$(printf %x $((length / 256)))\0\0\0\0\0\0%s" "$header" >"$file"
  seq $((RANDOM + 1000)) 99999 | head -c $at >>"$file"
}
shards=$served/repo/org/shards
shard "$shards/model-00001-of-00002.safetensors" model.layers.0.mlp.up_proj model.layers.0.mlp.down_proj
shard "$shards/model-00002-of-00002.safetensors" model.layers.1.mlp.up_proj model.layers.1.mlp.down_proj
cat >"$shards/model.safetensors.index.json" <<'J'
{"weight_map": {"model.layers.0.mlp.up_proj.weight": "model-00001-of-00002.safetensors",
 "model.layers.0.mlp.down_proj.weight": "model-00001-of-00002.safetensors",
 "model.layers.1.mlp.up_proj.weight": "model-00002-of-00002.safetensors"}}
J
same org/shards "$shards"
says 'model.layers.1.mlp.down_proj.weight, the first of 1 such, is in model-00002-of-00002.safetensors and not in the index'
cp "$source/tests/data/checkpoint/quantized.gguf" "$served/repo/org/gguf/a.gguf"
same org/gguf/a.gguf "$served/repo/org/gguf/a.gguf"
scan 0 "$served/repo/org/gguf" --no-cache -o "$work/here.json"
scan 0 org/gguf --remote --no-cache -o "$work/there.json" # the one .gguf
cmp "$work/here.json" "$work/there.json" || fail "org/gguf: the scores are others"
cp "$served/repo/org/gguf/a.gguf" "$served/repo/org/gguf/b.gguf"
scan 1 org/gguf --remote
says 'org/gguf holds 2 .gguf files; name one of them: a.gguf, b.gguf'

mkdir -p "$served/repo/org/folders/Q4_K_M"
cp "$served/repo/org/gguf/a.gguf" "$served/repo/org/folders/Q4_K_M"
scan 1 org/folders --remote
says 'org/folders: no model.safetensors.* in folders: name one, as org/folders/Q4_K_M/a.gguf$'
same org/folders/Q4_K_M/a.gguf "$served/repo/org/folders/Q4_K_M/a.gguf"
# A GGUF model in parts: named by its folder or by any of them.
le() { # le NUMBER BYTES
  local i
  for ((i = 0; i < $2; i++)); do printf "\\x$(printf %x $(($1 >> 8 * i & 255)))"; done
}
text() { le ${#1} 8 && printf %s "$1"; }
part() { # part FILE NUMBER COUNT TENSOR: 32x24 in F32
  local first=$(($2 == 1))
  {
    printf GGUF && le 3 4 && le 1 8 && le $((2 + 2 * first)) 8
    text split.no && le 2 4 && le $(($2 - 1)) 2
    text split.count && le 2 4 && le "$3" 2
    if [ $first = 1 ]; then
      text split.tensors.count && le 5 4 && le "$3" 4
      text general.architecture && le 8 4 && text unheard_of
    fi
    text "$4" && le 2 4 && le 24 8 && le 32 8 && le 0 4 && le 0 8
  } >"$1"
  truncate -s %32 "$1"
  seq $((1000 * $2)) 99999 | head -c 3072 >>"$1"
}
mkdir "$served/repo/org/parts"
for n in 1 2 3; do
  part "$served/repo/org/parts/m-0000$n-of-00003.gguf" $n 3 "blk.$((n - 1)).ffn_up.weight"
done
same org/parts "$served/repo/org/parts"
[ "$(grep -c '"snr":' "$work/out")" = 3 ] || fail "not all parts are scored: $(cat "$work/out")"
same org/parts/m-00002-of-00003.gguf "$served/repo/org/parts/m-00002-of-00003.gguf"
mv "$served/repo/org/parts/m-00002-of-00003.gguf" "$work"
scan 1 org/parts --remote
says 'org/parts/m-00002-of-00003.gguf: it is not there, and the model is split into 3 parts'
mv "$work/m-00002-of-00003.gguf" "$served/repo/org/parts"
# Whatever is read of a folder: codes and their scales, PyTorch's archives and their shards, GGUF in parts.
for form in fp8 fp8_shapes fp8_powers fp4 ints mlx bnb modelopt mxfp4; do
  mkdir "$served/repo/org/$form"
  cp "$source/tests/data/checkpoint/composed/$form"/{config.json,model.safetensors} "$served/repo/org/$form"
  same org/$form "$served/repo/org/$form" 3 --modules .
done
grep -q '"dtype": "MXFP4"' "$work/out" || fail "it does not say how a weight is stored"
for form in whole shards new_types; do
  mkdir "$served/repo/org/torch_$form"
  cp "$source/tests/data/checkpoint/torch/$form"/*{.bin,.json} "$served/repo/org/torch_$form"
done
same org/torch_whole "$served/repo/org/torch_whole" 2 --modules 'weight|view|^[01]'
same org/torch_shards "$served/repo/org/torch_shards" 2 --modules .
same org/torch_new_types "$served/repo/org/torch_new_types" 2 --modules scaled
mkdir "$served/repo/org/refused"
cp "$source/tests/data/checkpoint/torch/refused/runs.bin" "$served/repo/org/refused/pytorch_model.bin"
scan 1 org/refused --remote
says 'org/refused/pytorch_model.bin: it asks for __builtin__.print, .*nothing of a file is run here'

# --- nothing is kept but what is known of it ---
anew
HF_TOKEN=hf_right scan 0 org/name --remote -o "$work/first.json"
[ "$(asked 'cdn GET')" -gt 56 ] || fail "it reads nothing: $(asked 'cdn GET')"
[ ! -e "$HOME/.cache/huggingface" ] && [ ! -e "$XDG_CACHE_HOME/huggingface" ] || fail "it keeps files of the model"
[ "$(du -sk "$work" --exclude served | cut -f1)" -lt 3000 ] || fail "it keeps $(du -sk "$work" --exclude served)"
[ "$(asked 'cdn .*token=-$')" -gt 0 ] && [ "$(asked 'cdn .*token=hf')" = 0 ] || fail "the token goes to another host"
grep -rq hf_right "$work/out" "$work/err" "$work/first.json" "$XDG_CACHE_HOME" "$HOME" && fail "the token is kept"
breaks
scan 0 org/name --remote -o "$work/second.json"
cmp "$work/first.json" "$work/second.json" || fail "what is known scores otherwise"
[ "$(asked 'cdn GET')" = 2 ] && [ "$(asked .)" = 5 ] || fail "a second scan reads more than the header: $(cat "$served/log")"
# The same weights on this machine are known, too; and a matrix that changed is not.
scan 0 "$model" -o "$work/local.json" --json
cmp "$work/first.json" "$work/local.json" || fail "a folder of it scores otherwise"
cp "$model/model.safetensors" "$work/kept"
printf '\x01' | dd of="$model/model.safetensors" bs=1 seek=3000000 conv=notrunc 2>"$work/err"
breaks
scan 0 org/name --remote -o "$work/changed.json"
scan 0 "$model" --no-cache -o "$work/local.json"
cmp "$work/changed.json" "$work/local.json" || fail "what changed is taken from the cache"
cp "$work/kept" "$model/model.safetensors"

# --- what the hub and the line do ---
anew 'cut 5000 5' # five bodies end early
scan 0 org/name --remote -o "$work/there.json"
cmp "$work/first.json" "$work/there.json" || fail "cut bodies give others"
anew 'status 503 2'
scan 0 org/name --remote -o "$work/there.json"
anew 'expire 10' # an address holds for ten requests
scan 0 org/name --remote --threads 3 -o "$work/there.json"
cmp "$work/first.json" "$work/there.json" || fail "new addresses give others"
[ "$(asked 'hub HEAD')" -gt 5 ] || fail "no new address is asked for"
wrong() { # wrong WORDS FAULT...: refused, in one line
  anew "${@:2}"
  scan 1 org/name --remote
  says "$1"
  one_line
}
wrong 'model.safetensors of org/name, from .*: the server ignores ranges .*`spectrum fetch` it' ignore-range
wrong 'the server sends bytes 1 to 7 where 0 to 7 were asked for' wrong-range
wrong 'its ETag became another while it was read' 'etags 3'
wrong 'more than the [0-9]* bytes' endless
wrong 'redirects to file' file-url
wrong 'X-Repo-Commit' nocommit
wrong 'org/name is gated' 'token hf_right'
wrong 'has no model org/name' private
anew 'expire 0'
scan 1 org/name --remote
says 'status 403|gated|refuses'
anew
head -c 3000000 "$work/kept" >"$model/model.safetensors"
scan 1 org/name --remote
says 'org/name/model.safetensors, tensor .*are not inside'
scan 1 "$model"
printf '\xff\xff\xff\xff\xff\xff\xff\x7f{}' >"$model/model.safetensors"
scan 1 org/name --remote
says 'org/name/model.safetensors: its header claims 9223372036854775807 bytes, the file has 10'
cp "$work/kept" "$model/model.safetensors"
rm "$model/config.json"
scan 0 org/name --remote -o "$work/there.json" # as a folder without one
cp "$source/demo/model/config.json" "$model"
HF_HUB_OFFLINE=1 scan 1 org/name --remote
says 'HF_HUB_OFFLINE'
scan 2 org/name --revision main
says '--revision goes with --remote'
scan 2 ../name --remote
scan 1 org/name --remote --revision none
says 'has no revision of that name'
scan 1 org/name/nothing.gguf --remote
says 'org/name/nothing.gguf is not there'

# --- interrupted, and on from there ---
anew
scan 0 org/name --remote --modules 'layers.0' -o "$work/part.json" # the fingerprint is known from now on
breaks 'slow 100'
"$binary" scan org/name --remote --threads 1 >"$work/out" 2>"$work/err" 9>&- &
pid=$!
read_some() { [ "$(asked 'cdn GET')" -ge 8 ]; }
wait_until read_some
kill -TERM $pid
wait $pid
[ $? = 130 ] || fail "TERM does not end it with 130"
says '^spectrum: interrupted; what was computed is kept'
breaks
scan 0 org/name --remote -o "$work/there.json"
cmp "$work/first.json" "$work/there.json" || fail "what goes on scores otherwise"
[ "$(asked 'cdn GET')" -lt 56 ] || fail "it does not go on: $(asked 'cdn GET') ranges"

[ $failures -eq 0 ]
