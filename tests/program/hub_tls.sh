#!/usr/bin/env bash
# The hub by https: whom the system does not know is not asked, unless the environment names its certificate where
# huggingface_hub reads it. Arguments: binary, source folder, build folder.
set -uo pipefail
hub_by=tls
source "$2/tests/hub/common.bash"
bash "$source/tests/hub/files.sh" "$served"
cache=$HOME/.cache/huggingface/hub
unset XDG_CACHE_HOME
trusted=$served/certificate.pem
fetch() { ends "$1" env "${@:2}" "$binary" fetch org/name; }
again() { rm -rf "$cache"; breaks "$@"; }
whole() {
  (cd "$cache/models--org--name/snapshots"/*/ && cmp -s model.safetensors "$served/repo/org/name/model.safetensors") ||
    fail "$1: it is not whole"
}
refused() { # refused WORDS NAME=VALUE...: before anything is asked
  again
  fetch 1 HF_TOKEN=hf_right "${@:2}"
  says "$1"
  one_line
  [ ! -e "$served/log" ] || fail "it asks whom it does not trust: $(cat "$served/log")"
  [ ! -e "$cache" ] || fail "it keeps something of whom it does not trust"
}

# --- who is trusted ---
refused 'certificate.*; SSL_CERT_FILE names the file of certificates' A=
for name in SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE; do
  again
  fetch 0 "$name=$trusted"
  whole "$name"
done
for name in SSL_CERT_DIR REQUESTS_CA_BUNDLE; do
  again
  fetch 0 "$name=$served/certificates"
  whole "$name, a folder"
done
# The first that is set counts, and nothing beside it: not the system's own either.
echo >"$work/empty.pem"
mkdir "$work/nobody"
refused "$work/empty.pem" SSL_CERT_FILE="$work/empty.pem" CURL_CA_BUNDLE="$trusted"
refused 'certificate' SSL_CERT_DIR="$work/nobody" REQUESTS_CA_BUNDLE="$trusted"
again
fetch 0 SSL_CERT_FILE="$trusted" SSL_CERT_DIR="$work/nobody" CURL_CA_BUNDLE="$work/empty.pem"
refused "$work/missing.pem" SSL_CERT_FILE="$work/missing.pem"
# A certificate of another machine is none.
refused 'SSL.*localhost' SSL_CERT_FILE="$trusted" HF_ENDPOINT="https://localhost:${HF_ENDPOINT##*:}" no_proxy='*'

# --- what is asked then ---
again 'token hf_right'
fetch 0 SSL_CERT_FILE="$trusted" HF_TOKEN=hf_right
whole "a gated model"
[ "$(asked 'hub .*token=hf_right')" -gt 0 ] || fail "the token is not sent"
[ "$(asked 'cdn .*token=-$')" -gt 0 ] && [ "$(asked 'cdn .*token=hf')" = 0 ] || fail "the token went elsewhere"
again plain
fetch 1 SSL_CERT_FILE="$trusted"
says 'redirects from https to http'
mkdir "$served/repo/org/demo"
cp "$source"/demo/model/{config.json,model.safetensors} "$served/repo/org/demo"
breaks
ends 0 "$binary" scan "$served/repo/org/demo" --no-cache -o "$work/here.json"
ends 0 env SSL_CERT_FILE="$trusted" "$binary" scan org/demo --remote --no-cache --threads 3 -o "$work/there.json"
cmp "$work/here.json" "$work/there.json" || fail "other scores by https"
ends 1 "$binary" scan org/demo --remote --no-cache
says 'certificate'

[ $failures -eq 0 ]
