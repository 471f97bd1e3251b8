# A hub of this machine for a script: source it with $1 the binary, $2 the source folder, $3 the
# build folder. $work is a folder of the script's own, $served what hub_server serves. hub_by=tls, set before: by https.
binary=$1 source=$2 build=$3
source "$source/tests/waiting.bash"
work=$(mktemp -d)
served=$work/served
mkdir "$served"
failures=0
fail() {
  echo "FAILED: $*"
  head -c 2000 "$work/err" 2>/dev/null
  failures=$((failures + 1))
}
for name in $(env | grep -oiE '^(HF_|HUGGING|TRANSFORMERS_|CURL_|REQUESTS_|SSL_)[A-Z_]*|^[a-z_]*_proxy' | sort -u); do unset "$name"; done
export HOME=$work/home XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state
mkdir "$HOME"
mkfifo "$work/open"
"$build/tests/hub_server" "$served" ${hub_by:+"$hub_by"} <"$work/open" & # it ends with this script, which holds the pipe open
exec 9>"$work/open"
trap 'exec 9>&-; wait; rm -rf "$work"' EXIT
hub=$!
starts() { [ -s "$served/port" ] || ! kill -0 $hub 2>/dev/null; }
wait_until starts
[ -s "$served/port" ] || {
  wait $hub
  [ $? != 77 ] || { echo "SKIPPED: no TLS library (OpenSSL's headers) when hub_server was built"; exit 77; }
  echo "the hub does not start"
  exit 1
}
export HF_ENDPOINT=http${hub_by:+s}://127.0.0.1:$(cat "$served/port")
# breaks LINE...: what the hub does wrong from now on; it forgets what it was asked.
breaks() {
  printf '%s\n' "$@" >"$served/.faults"
  mv "$served/.faults" "$served/faults"
  rm -f "$served/log"
}
asked() { grep -c -- "$1" "$served/log" 2>/dev/null; } # how many requests were like that
# ends STATUS COMMAND...: runs it, for $work/out and $work/err
ends() {
  local wanted=$1 status
  shift
  timeout 120 "$@" >"$work/out" 2>"$work/err" 9>&-
  status=$?
  [ $status = "$wanted" ] || fail "it ends with $status, not $wanted: $*"
}
says() { grep -qE -e "$1" "$work/err" || fail "it does not say \"$1\""; }
one_line() { [ "$(wc -l <"$work/err")" = 1 ] || fail "not one line"; }
