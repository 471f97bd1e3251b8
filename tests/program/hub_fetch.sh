#!/usr/bin/env bash
# `spectrum fetch`: into the Hugging Face cache as huggingface_hub lays it out, whatever the hub and the
# line do. Arguments: binary, source folder, build folder.
set -uo pipefail
source "$2/tests/hub/common.bash"
fetch() { ends "$1" "$binary" fetch "${@:2}"; }
bash "$source/tests/hub/files.sh" "$served"
cache=$HOME/.cache/huggingface/hub
unset XDG_CACHE_HOME
large=ac17b7a4f99a008b71c739c7eabc5b268929ce22886b52d759f51426649a3c2b
blobs=$cache/models--org--name/blobs
again() { rm -rf "$cache"; breaks "$@"; }
whole() { # the model is there, and right
  (cd "$cache/models--org--name/snapshots"/*/ && cmp -s model.safetensors "$served/repo/org/name/model.safetensors" &&
    [ -f config.json ]) || fail "${1:-it} is not whole"
  [ ! -e "$blobs/$large.incomplete" ] || fail "${1:-it} left .incomplete"
}

# --- the layout is huggingface_hub's (tests/oracle/make_hub.py) ---
again
fetch 0 org/name --revision refs/pr/1
[ ! -s "$work/err" ] || fail "it says something where nobody watches"
(cd "$cache" && find . \( -type f -o -type l \) -printf '%P\t%l\n' | while IFS=$'\t' read -r path target; do
  [[ "$path" == */refs/* ]] && target="= $(cat "$path")" || target=${target:+-> $target}
  echo "$path${target:+ $target}"
done | LC_ALL=C sort) >"$work/layout"
diff "$source/tests/data/hub/layout.txt" "$work/layout" || fail "the layout is another"
[ "$(cat "$work/out")" = "$cache/models--org--name/snapshots/1234567890abcdef1234567890abcdef12345678" ] || fail "the folder is not printed"
whole
breaks
fetch 0 org/name --revision refs/pr/1
[ "$(asked .)" = 1 ] || fail "what is there is asked for again: $(cat "$served/log")"
fetch 0 org/name # another name of the same commit
[ "$(cat "$cache/models--org--name/refs/main")" = 1234567890abcdef1234567890abcdef12345678 ] || fail "no refs/main"
[ "$(asked resolve)" = 0 ] || fail "files of the same commit are asked for again"

# A new commit shares what did not change, and the old one stays.
echo abcdefabcdefabcdefabcdefabcdefabcdefabcd >"$served/commit"
echo '{"model_type": "mistral"}' >"$served/repo/org/name/config.json"
breaks
fetch 0 org/name
[ "$(asked 'cdn GET')" = 0 ] || fail "an unchanged blob is fetched again"
grep -q mistral "$(cat "$work/out")/config.json" || fail "the new commit has old files"
grep -q llama "$cache"/models--org--name/snapshots/1234*/config.json || fail "the old commit changed"
bash "$source/tests/hub/files.sh" "$served"

# --- what is chosen ---
again
fetch 0 org/name --dry-run --json
[ ! -e "$cache" ] || fail "--dry-run writes"
grep -o '"name": "[^"]*"' "$work/out" | cut -d'"' -f4 | tr '\n' ' ' >"$work/names"
[ "$(cat "$work/names")" = "added_tokens.json additional_chat_templates/tool use+%%.jinja config.json merges.txt model.safetensors tokenizer.json " ] ||
  fail "it would take $(cat "$work/names")"
grep -q '"missing_bytes": 300061' "$work/out" || fail "the sizes are others: $(cat "$work/out")"
fetch 0 org/name --dry-run
grep -qE '^ *293 KiB  missing  model.safetensors$' "$work/out" || fail "no line of model.safetensors"
fetch 0 org/name --include '*.onnx' --include READ* --json
[ "$(cd "$cache"/models--org--name/snapshots/*/ && find . ! -type d | sort | tr '\n' ' ')" = "./README.md ./onnx/model.onnx " ] || fail "--include takes others"
fetch 1 org/name --include '*.gguf'
says '^spectrum: --include "\*.gguf" matches none of the 10 files of org/name$'
mkdir -p "$served/repo/org/gguf" "$served/repo/org/shards" "$served/repo/org/none" "$served/repo/org/bin"
echo a >"$served/repo/org/gguf/m-Q4_K_M.gguf"
echo b >"$served/repo/org/gguf/m-Q8_0.gguf"
fetch 1 org/gguf
says 'several .gguf files.*--include. They are m-Q4_K_M.gguf, m-Q8_0.gguf$'
fetch 0 org/gguf --include '*Q4_K_M*'
echo x >"$served/repo/org/none/README.md"
fetch 1 org/none
says 'org/none has no weights'
for name in a-00001 a-00002 other; do echo $name >"$served/repo/org/shards/$name.safetensors"; done
echo '{"weight_map": {"x": "a-00001.safetensors", "y": "a-00002.safetensors"}}' >"$served/repo/org/shards/model.safetensors.index.json"
fetch 0 org/shards --dry-run
grep -q a-00002 "$work/out" && grep -q index.json "$work/out" && ! grep -q other "$work/out" || fail "not the index's shards: $(cat "$work/out")"
# Blobs that were removed leave links to nothing: a model is refused by their name, and fetching brings them back.
fetch 0 org/shards
shards=$(cat "$work/out")
rm "$cache"/models--org--shards/blobs/*
ends 1 "$binary" info org/shards
says "/models--org--shards/snapshots/[^ ]*model.safetensors.index.json is a link to nothing: bring back"
fetch 0 org/shards
for file in a-00001.safetensors a-00002.safetensors model.safetensors.index.json; do
  cmp "$shards/$file" "$served/repo/org/shards/$file" || fail "$file is not brought back"
done
rm -rf "$cache"/models--org--shards
echo '{"weight_map": {"x": "../../evil.safetensors"}}' >"$served/repo/org/shards/model.safetensors.index.json"
fetch 1 org/shards
says 'names the shard ../../evil.safetensors, which the repository has not'
cp "$served/repo/org/shards/other.safetensors" "$served/repo/org/bin/pytorch_model.bin"
fetch 0 org/bin
takes() { # takes REPOSITORY NAMES: all that it would take
  fetch 0 "$1" --dry-run --json
  [ "$(grep -o '"name": "[^"]*"' "$work/out" | cut -d'"' -f4 | tr '\n' ' ')" = "$2 " ] || fail "of $1 it would take $(cat "$work/out")"
}
echo x >"$served/repo/org/bin/model-Q8_0.gguf" # what transformers looks for comes first
takes org/bin pytorch_model.bin
mv "$served/repo/org/bin/pytorch_model.bin" "$served/repo/org/bin/pytorch_model-00001-of-00001.bin"
echo '{"weight_map": {"x": "pytorch_model-00001-of-00001.bin"}}' >"$served/repo/org/bin/pytorch_model.bin.index.json"
takes org/bin 'pytorch_model-00001-of-00001.bin pytorch_model.bin.index.json'
rm "$served"/repo/org/bin/pytorch*
echo x >"$served/repo/org/bin/adapter_model.safetensors"
takes org/bin adapter_model.safetensors
rm "$served"/repo/org/bin/adapter*
takes org/bin model-Q8_0.gguf
mkdir -p "$served/repo/org/parts/Q4_K_M"
for i in 1 2; do echo $i >"$served/repo/org/parts/m-0000$i-of-00002.gguf"; done
takes org/parts 'm-00001-of-00002.gguf m-00002-of-00002.gguf' # one model
echo 3 >"$served/repo/org/parts/Q4_K_M/n.gguf"
fetch 1 org/parts
says 'several .gguf files.*They are Q4_K_M/n.gguf, m-00001-of-00002.gguf'
again
fetch 0 org/parts --include '*Q4_K_M*'
[ "$(cd "$cache"/models--org--parts/snapshots/*/ && find . ! -type d)" = ./Q4_K_M/n.gguf ] || fail "--include takes others of a folder"
cmp "$(cat "$work/out")/Q4_K_M/n.gguf" "$served/repo/org/parts/Q4_K_M/n.gguf" || fail "a link of a folder leads elsewhere"

# --- cut lines, and what goes on ---
again 'cut 70000 3'
fetch 0 org/name
whole "a download that was cut"
[ "$(asked 'cdn GET .*range=bytes=70000-')" = 1 ] && [ "$(asked 'cdn GET .*range=bytes=210000-')" = 1 ] || fail "it does not go on where it was: $(cat "$served/log")"
again 'cut 0 99' # nothing comes at all
HF_HUB_DOWNLOAD_TIMEOUT=1 "$binary" fetch org/name >"$work/out" 2>"$work/err" 9>&- &
pid=$!
wait_until grep -q 'model.safetensors: .*once more in 1 s' "$work/err" || fail "it gives up at once: $(cat "$work/err")"
kill -TERM $pid
wait $pid
[ ! -e "$cache/models--org--name/refs/main" ] || fail "half a model has a name"
again 'slow 300'
"$binary" fetch org/name >"$work/out" 2>"$work/err" 9>&- &
pid=$!
wait_until test -s "$blobs/$large.incomplete"
kill -TERM $pid
wait $pid
[ $? = 130 ] || fail "TERM does not end it with 130"
says '^spectrum: interrupted; what came is kept'
[ -s "$blobs/$large.incomplete" ] && [ ! -e "$blobs/$large" ] || fail "TERM keeps nothing"
breaks
fetch 0 org/name --dry-run
grep -qE 'model.safetensors  \(.* of it are here\)' "$work/out" || fail "what is here is not said"
fetch 0 org/name
[ "$(asked 'cdn GET .*range=bytes=[1-9][0-9]*-')" = 1 ] || fail "it does not go on: $(cat "$served/log")"
whole "the next one"
again 'slow 300'
"$binary" fetch org/name >"$work/out" 2>"$work/err" 9>&- &
pid=$!
wait_until test -s "$blobs/$large.incomplete"
kill -KILL $pid # as a crash would
wait $pid 2>/dev/null
[ ! -e "$blobs/$large" ] && [ ! -e "$cache/models--org--name/refs/main" ] || fail "half a model has a name after a kill"
breaks
fetch 0 org/name
[ "$(asked 'cdn GET .*range=bytes=[1-9][0-9]*-')" = 1 ] || fail "it does not go on after a kill: $(cat "$served/log")"
whole "what a kill left"
again ignore-range 'cut 70000 1'
fetch 0 org/name
whole "what a server without ranges sends"
again
mkdir -p "$blobs"
head -c 1000 /dev/zero >"$blobs/$large.incomplete" # damaged
fetch 0 org/name
whole "what was damaged"
head -c 400000 /dev/zero >"$work/long"
again
mkdir -p "$blobs"
cp "$work/long" "$blobs/$large.incomplete" # too long
fetch 0 org/name
whole "what was too long"
again
mkdir -p "$blobs"
echo other >"$blobs/$large"
fetch 1 org/name
says "blobs/$large has 6 bytes, the hub says that it has 300000: remove it"
again 'status 503 2'
fetch 0 org/name
whole "what two 503 stood before"
again 'status 429 1'
fetch 0 org/name
again 'status 500 99'
fetch 1 org/name
says '^spectrum: the list of files of org/name: .* answers with status 500'

# --- what is not right is not kept ---
again 'corrupt 1'
fetch 1 org/name
says "model.safetensors of org/name: what came is not what the hub says \(SHA-256 $large\), and was thrown away"
[ ! -e "$blobs/$large" ] && [ ! -e "$blobs/$large.incomplete" ] || fail "what is not right is kept"
again wrong-range 'cut 70000 1'
fetch 1 org/name
says 'sends bytes from 70001 on'
again endless
fetch 1 org/name
says 'it sends more than the 300000 bytes that it should'
again headers
fetch 1 org/name
says 'its headers have more than 65536 bytes'
again loop
fetch 1 org/name
says 'it redirects more than 10 times'
again file-url
fetch 1 org/name
says 'it redirects to file, which is neither http nor https'
again 'etag ../../../evil'
fetch 1 org/name
says 'the hub gives the etag ""?../../../evil"?"'
again 'etag .evil'
fetch 1 org/name
again nocommit
fetch 1 org/name
says 'no X-Repo-Commit, so it is no hub'
again 'etag plain' # of a hub that names no digest: length alone
fetch 0 org/name
says 'model.safetensors .*its length alone was checked'
sha=1234567890abcdef1234567890abcdef12345678
bad() { # WORDS: what is wrong with $served/list
  again 'info list'
  fetch 1 org/name
  says "$1"
  [ ! -e "$cache" ] || fail "a bad list leaves something: $1"
}
for name in ../config.json /etc/config.json a//b a/./b 'a\u001b[2J.json' '' "$(printf 'x%.0s' {1..300})"; do
  printf '{"sha": "%s", "siblings": [{"rfilename": "model.safetensors"}, {"rfilename": "%s"}]}' $sha "$name" >"$served/list"
  bad 'leads out of the repository or is none that a file can have'
done
echo '{"sha": "../../../../tmp", "siblings": []}' >"$served/list"
bad '"sha" is to be a commit'
echo "{\"sha\": \"$sha\", \"siblings\": [{\"rfilename\": \"a\"}, {\"rfilename\": \"a\"}]}" >"$served/list"
bad 'the file a is there twice'
printf '[%.0s' {1..2000} >"$served/list"
bad 'nest'

# --- who may ---
again 'token hf_right'
fetch 1 org/name
says "^spectrum: org/name is gated: ask for access at $HF_ENDPOINT/org/name, and give the token .* by HF_TOKEN \(no token was sent"
one_line
HF_TOKEN=hf_wrong fetch 1 org/name
says 'gated.*the token of HF_TOKEN was sent'
grep -q hf_wrong "$work/err" && fail "the token is shown"
HF_TOKEN=hf_right HF_HUB_DISABLE_IMPLICIT_TOKEN=1 fetch 1 org/name
says 'as HF_HUB_DISABLE_IMPLICIT_TOKEN says'
breaks 'token hf_right'
HF_TOKEN=$'hf_right\n' fetch 0 org/name
whole "a gated model"
[ "$(asked 'cdn .*token=-$')" -gt 0 ] && [ "$(asked 'cdn .*token=hf')" = 0 ] || fail "the token went elsewhere: $(grep cdn "$served/log")"
for way in HF_HOME HF_TOKEN_PATH HOME HUGGING_FACE_HUB_TOKEN; do
  again 'token hf_right'
  mkdir -p "$work/$way" "$cache"
  case $way in
  HF_HOME) echo ' hf_right ' >"$work/$way/token" && set -- HF_HOME="$work/$way" HF_HUB_CACHE="$cache" ;;
  HF_TOKEN_PATH) echo hf_right >"$work/$way/mine" && set -- HF_TOKEN_PATH="$work/$way/mine" ;;
  HOME) echo hf_right >"$cache/../token" && set -- A=b ;;
  *) set -- HUGGING_FACE_HUB_TOKEN=hf_right ;;
  esac
  ends 0 env "$@" "$binary" fetch org/name
done
rm -f "$cache/../token"
again private
fetch 1 org/name
says "has no model org/name, or it is private or gated"
again
HF_TOKEN='hf x' fetch 1 org/name
says 'the token of HF_TOKEN has characters that no token has'
grep -q 'hf x' "$work/err" && fail "the token is shown"
fetch 1 org/other
says "has no model org/other"
fetch 1 org/name --revision none
says 'has no revision of that name'
HF_HUB_OFFLINE=1 fetch 1 org/name
says 'has no org/name at main: HF_HUB_OFFLINE .* is set'
HF_ENDPOINT=http://user:secret@127.0.0.1:1 fetch 1 org/name
says 'HF_ENDPOINT is not the address'
grep -q secret "$work/err" && fail "the endpoint's password is shown"
HF_OIDC_RESOURCE=x fetch 1 org/name
says 'HF_OIDC_RESOURCE'
HF_HUB_DOWNLOAD_TIMEOUT=soon fetch 1 org/name
says 'HF_HUB_DOWNLOAD_TIMEOUT is "soon"'
HF_HUB_ETAG_TIMEOUT=86401 fetch 1 org/name
says 'HF_HUB_ETAG_TIMEOUT is "86401"; it takes seconds, a whole number from 0 to 86400'
HF_ENDPOINT=http://127.0.0.1:1 fetch 1 org/name
says 'from http://127.0.0.1:1: '
[ "$(asked .)" = 2 ] || fail "offline and wrong settings ask: $(cat "$served/log")"
for name in a/b/c ../x a/.. 'a b' a--b/c .a/b a/b.git; do
  fetch 2 "$name"
  says 'is no name of a model on the hub'
done
fetch 2 ''
says 'an argument is empty'
fetch 2 org/name --revision ../../x
fetch 2

# --- offline: what the cache has ---
again
fetch 0 org/name
folder=$(cat "$work/out")
breaks
HF_HUB_OFFLINE=1 fetch 0 org/name
[ "$(cat "$work/out")" = "$folder" ] || fail "offline the folder is $(cat "$work/out")"
says 'is set: what the cache has of org/name is taken as it is'
chmod -R a-w "$cache"
TRANSFORMERS_OFFLINE=yes fetch 0 org/name --json --revision 1234567890abcdef1234567890abcdef12345678
chmod -R u+w "$cache"
grep -q '"fetched_bytes": 0' "$work/out" && ! grep -q '"gated"' "$work/out" || fail "offline it is not as it is: $(cat "$work/out")"
HF_HUB_OFFLINE=1 fetch 1 org/name --revision other
says 'has no org/name at other: HF_HUB_OFFLINE .* is set'
HF_HUB_OFFLINE=1 fetch 1 org/name --include '*.gguf'
rm "$folder/model.safetensors"
HF_HUB_OFFLINE=1 fetch 1 org/name
[ ! -e "$served/log" ] || fail "offline the hub is asked: $(cat "$served/log")"

# --- no links ---
again
HF_HUB_DISABLE_SYMLINKS=1 fetch 0 org/name
[ -f "$cache"/models--org--name/snapshots/*/model.safetensors ] && [ ! -L "$cache"/models--org--name/snapshots/*/model.safetensors ] || fail "a link where there are to be none"
whole "a snapshot without links"

# --- two at once, and a disk that is full ---
again 'slow 50'
for i in 1 2 3; do "$binary" fetch org/name >"$work/out$i" 2>"$work/err$i" 9>&- & pids[i]=$!; done
for i in 1 2 3; do wait "${pids[i]}" || fail "one of three at once: $(cat "$work/err$i")"; done
[ "$(asked 'cdn GET')" = 1 ] || fail "three at once fetch it $(asked 'cdn GET') times"
whole "what three fetched at once"
again
(ulimit -f 100 && trap '' XFSZ && exec "$binary" fetch org/name >"$work/out" 2>"$work/err" 9>&-)
[ $? = 1 ] || fail "a full disk is none"
says 'cannot write .*the file would be larger'
fetch 0 org/name
whole "what goes on after a full disk"

[ $failures -eq 0 ]
