#!/usr/bin/env bash
# A plan by percentage is not saved, and nothing is started by it, before all scores are there, unless
# it is asked for twice. Nothing is taken in before a script's first line is over: then no matrix has
# a score. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=${SPECTRUM_SHARED_DATA:-}/models/stories260K-hf-f32
[ -d "$model" ] || { echo "SKIPPED: no shared data"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work
failures=0 plays=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
shows() { # shows FILE TEXT; lines are joined
  tr -s '\n ' '  ' <"$work/$1" | grep -qF -- "$2" ||
    { fail "$1 does not show \"$2\":"; cat "$work/$1"; }
}
play() { # play, script on standard input
  plays=$((plays + 1))
  export XDG_CACHE_HOME=$work/cache$plays XDG_STATE_HOME=$work/state$plays # no scan is known
  (cd "$work" && cat >script && "$binary" --script script --size 80x24 "$model") 2>"$work/err" ||
    { fail "playing ended with $?"; cat "$work/err"; }
}
asked="35 of 35 matrices have no score yet"

play <<'SCRIPT'
w
save-screen key.txt
SCRIPT
shows key.txt "$asked"

play <<'SCRIPT'
:write once.yaml Enter
save-screen command.txt
wait scan
:write later.yaml Enter
SCRIPT
shows command.txt "$asked"
[ -e "$work/once.yaml" ] && fail "a plan without scores was saved unasked"
grep -q provisional "$work/later.yaml" && fail "a plan by scores calls itself provisional"

play <<'SCRIPT'
w w twice.yaml Enter
save-screen twice.txt
wait scan
:read twice.yaml Enter
save-screen read.txt
SCRIPT
shows twice.txt "plan saved to twice.yaml"
shows read.txt "plan read from twice.yaml"
grep -q "^# provisional: 35 of 35 matrices had no score yet" "$work/twice.yaml" ||
  { fail "the plan does not say that it is provisional"; cat "$work/twice.yaml"; }

# Another key in between: it is asked again.
play <<'SCRIPT'
w j w
save-screen between.txt
SCRIPT
shows between.txt "$asked"

# What was chosen by hand needs no scores.
play <<'SCRIPT'
% 0 Enter Space w hand.yaml Enter
save-screen hand.txt
SCRIPT
shows hand.txt "plan saved to hand.yaml"
grep -q provisional "$work/hand.yaml" && fail "a plan by hand calls itself provisional"

# Nor does what was read from a file.
play <<'SCRIPT'
R hand.yaml Enter w copy.yaml Enter
save-screen copy.txt
SCRIPT
shows copy.txt "plan saved to copy.yaml"

# One change by hand over a percentage: the rest is by chance, and stays so.
play <<'SCRIPT'
Space
save-screen change.txt
w
save-screen changed.txt
SCRIPT
shows change.txt "the scan is not over"
shows changed.txt "matrices have no score yet"

for i in $(seq 1 20); do echo "{\"text\": \"Once upon a time $i.\"}"; done >"$work/data.jsonl"
play <<'SCRIPT'
t data.jsonl <Ctrl-S>
save-screen start.txt
SCRIPT
shows start.txt "$asked"
shows start.txt "Ctrl-S again"
[ -e "$work/runs" ] && fail "a job was started unasked"

sleep 0.5 # scans that are left alone end
echo "$failures failed"
[ $failures -eq 0 ]
