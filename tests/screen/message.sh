#!/usr/bin/env bash
# Messages are shown whole, over several lines where one is too short
# Arguments: binary, source folder, build folder.
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
shows() { # shows FILE TEXT; lines are joined
  tr -s '\n ' '  ' <"$work/$1" | grep -qF -- "$2" ||
    { fail "$1 does not show \"$2\":"; cat "$work/$1"; }
}
play() { # play SIZE, script on standard input
  (cd "$work" && cat >script && "$binary" --script script --size "$1" "$model") 2>"$work/err" ||
    { fail "playing at $1 ended with $?"; cat "$work/err"; }
}

long=a-folder-with-a-long-name/and-one-more-below-it/and-yet-another-one
for size in 60x16 80x24; do
  play $size <<SCRIPT
wait scan
:read $long/$long/$long/plan.json Enter
save-screen error.txt
:theme nothing-that-there-is-and-with-a-name-so-long-that-it-fills-the-line Enter
save-screen theme.txt
SCRIPT
  shows error.txt "No such file or directory"
  shows error.txt "…"
  shows theme.txt "there are dark, light and mono"
  shows theme.txt "35 matrices"
  [ "$(wc -L <"$work/error.txt")" -le "${size%x*}" ] || fail "a line is wider than $size"
done

echo "$failures failed"
[ $failures -eq 0 ]
