#!/usr/bin/env bash
# The training form: fields that the window has no room for are marked, and giant numbers stay
# numbers. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=${SPECTRUM_SHARED_DATA:-}/models/stories260K-hf-f32
[ -d "$model" ] || { echo "SKIPPED: no shared data"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state HOME=$work
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
shows() { # shows FILE TEXT
  grep -qF -- "$2" "$work/$1" || { fail "$1 does not show \"$2\":"; cat "$work/$1"; }
}
hides() { # hides FILE TEXT
  grep -qF -- "$2" "$work/$1" && { fail "$1 shows \"$2\":"; cat "$work/$1"; }
}
play() { # play SIZE, script on standard input
  (cd "$work" && cat >script && "$binary" --script script --size "$1" "$model") 2>"$work/err" ||
    { fail "playing at $1 ended with $?"; cat "$work/err"; }
}

play 80x24 <<'SCRIPT'
wait scan
t
save-screen first.txt
Up
save-screen last.txt
Down Down Down Down Down Down
type "1000000000"
Down
type "1000000"
Down
type "65536"
Down
type "65536"
save-screen giant.txt
SCRIPT
shows first.txt "↓"
hides first.txt "↑"
shows last.txt "↑"
hides last.txt "↓"
shows giant.txt "4.29e+24 tokens in all"
shows giant.txt "it does not"

play 120x40 <<'SCRIPT'
wait scan
t
save-screen tall.txt
SCRIPT
hides tall.txt "↓"

echo "$failures failed"
[ $failures -eq 0 ]
