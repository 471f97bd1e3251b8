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

# Hundredths of a second that it computed; many where it has ended.
seconds() { awk '{ print ($3 == "Z" ? 999 : $14) }' "/proc/$pid/stat" 2>/dev/null || echo 999; }

# A shell's background commands ignore Ctrl-C, and the program leaves that as it is.
# On the plain device, and hot, so that neither speed nor an end of the text comes before the signal.
begin() {
  env --default-signal=INT "$binary" generate "$model" --tokens 3000 --device reference --dtype fp32 --temperature 9 "$@" \
    >"$work/text" 2>"$work/err" &
  pid=$!
}
interrupt() {
  kill -INT "$pid" 2>/dev/null
  wait "$pid"
  status=$?
  pid=
  [ $status -eq 130 ] || fail "$1: interrupted, it ended with $status"
}

: >"$work/text"
begin --prompt "Tom has"
until [ "$(wc -c <"$work/text")" -ge 8 ]; do
  [ "$(seconds)" -lt 999 ] || { fail "it ended before the signal"; break; }
  sleep 0.05
done
interrupt text
grep -q 'interrupted after [0-9]* tokens' "$work/err" || fail "it does not say that it was interrupted"
[ "$(wc -c <"$work/text")" -ge 8 ] || fail "what it had said is gone"

# JSON is one object, however it ends, and has what there was by then. It opens no file and says
# nothing while it computes: that it computes is seen from the time that it has had.
begin --json --prompt "Tom has"
until [ "$(seconds)" -ge 60 ]; do sleep 0.05; done
interrupt json
grep -q '^{"format": "spectrum.generation".*"ids": \[[0-9].*\]}$' "$work/text" || fail "JSON: $(cat "$work/text")"
grep -q 'interrupted after [1-9][0-9]* token' "$work/err" || fail "of JSON it does not say so"

# A prompt whose one forward takes long is left inside of it, and nothing came yet.
begin --json --prompt "$(printf 'Tom has %d apples and gives away some. ' $(seq 150))"
until [ "$(seconds)" -ge 60 ]; do sleep 0.05; done
interrupt prompt
grep -q '"text": "", "ids": \[\]}$' "$work/text" || fail "a long prompt: $(cut -c 1-200 "$work/text")"

echo "$failures failed"
[ $failures -eq 0 ]
