#!/usr/bin/env bash
# An interrupted `spectrum generate` keeps what it has said and ends with status 130. Arguments:
# binary, source folder.
set -uo pipefail
binary=$1
model=$2/demo/model
work=$(mktemp -d)
pid=
cleanup() {
  [ -z "$pid" ] || kill -9 "$pid" 2>/dev/null
  rm -rf "$work"
}
trap cleanup EXIT
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state OMP_NUM_THREADS=1
failures=0
fail() {
  echo "FAILED: $*"
  cat "$work/err"
  failures=$((failures + 1))
}

# On the plain device, and hot, so that neither speed nor an end of the text comes before the signal.
: >"$work/text"
"$binary" generate "$model" --prompt "Tom has" --tokens 3000 --device reference --dtype fp32 \
  --temperature 9 >"$work/text" 2>"$work/err" &
pid=$!
until [ "$(wc -c <"$work/text")" -ge 8 ]; do
  kill -0 "$pid" 2>/dev/null || { fail "it ended before the signal"; break; }
  sleep 0.05
done
kill -INT "$pid" 2>/dev/null
wait "$pid"
status=$?
pid=
[ $status -eq 130 ] || fail "interrupted, it ended with $status"
grep -q 'interrupted behind [0-9]* tokens' "$work/err" || fail "it does not say that it was interrupted"
[ "$(wc -c <"$work/text")" -ge 8 ] || fail "what it had said is gone"

echo "$failures failed"
[ $failures -eq 0 ]
