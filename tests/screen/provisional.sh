#!/usr/bin/env bash
# A plan by percentage is not saved, and nothing is started by it, before all scores are there, unless
# it is asked for twice. Nothing is taken in before a script's first line is over: then no matrix has
# a score. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=${SPECTRUM_SHARED_DATA:-}/models/stories260K-hf-f32
[ -d "$model" ] || { echo "SKIPPED: no shared data"; exit 77; }
source "${BASH_SOURCE[0]%/*}/common.bash"
plays=0
play_afresh() { # script on standard input; no scan is known
  plays=$((plays + 1))
  export XDG_CACHE_HOME=$work/cache$plays XDG_STATE_HOME=$work/state$plays
  play 80x24 "$model"
}
asked="35 of 35 matrices have no score yet"

play_afresh <<'SCRIPT'
w
save-screen key.txt
SCRIPT
says key.txt "$asked"

play_afresh <<'SCRIPT'
:write once.yaml Enter
save-screen command.txt
wait scan
:write later.yaml Enter
SCRIPT
says command.txt "$asked"
[ -e "$work/once.yaml" ] && fail "a plan without scores was saved unasked"
grep -q provisional "$work/later.yaml" && fail "a plan by scores calls itself provisional"

play_afresh <<'SCRIPT'
w w twice.yaml Enter
save-screen twice.txt
wait scan
:read twice.yaml Enter
save-screen read.txt
SCRIPT
says twice.txt "plan saved to twice.yaml"
says read.txt "plan read from twice.yaml"
grep -q "^# provisional: 35 of 35 matrices had no score yet" "$work/twice.yaml" ||
  { fail "the plan does not say that it is provisional"; cat "$work/twice.yaml"; }

# Another key in between: it is asked again.
play_afresh <<'SCRIPT'
w j w
save-screen between.txt
SCRIPT
says between.txt "$asked"

# What was chosen by hand needs no scores.
play_afresh <<'SCRIPT'
% 0 Enter Space w hand.yaml Enter
save-screen hand.txt
SCRIPT
says hand.txt "plan saved to hand.yaml"
grep -q provisional "$work/hand.yaml" && fail "a plan by hand calls itself provisional"

# Nor does what was read from a file.
play_afresh <<'SCRIPT'
R hand.yaml Enter w copy.yaml Enter
save-screen copy.txt
SCRIPT
says copy.txt "plan saved to copy.yaml"

# One change by hand over a percentage: the rest follows the scores as they come.
play_afresh <<'SCRIPT'
Space
save-screen change.txt
w
save-screen changed.txt
Esc
wait scan
save-screen scanned.txt
SCRIPT
shows change.txt "by hand"
says changed.txt "matrices have no score yet"
[ "$(grep -o '[0-9]* of 35' "$work/scanned.txt" | tail -1)" = "$("$binary" plan "$model" --freeze 'layers\.0\.self_attn\.q_proj' --json 2>/dev/null |
  grep -o '"modules": [0-9]*' | grep -o '[0-9]*$') of 35" ] || { fail "the percentage did not follow the scores"; cat "$work/scanned.txt"; }

for i in $(seq 1 20); do echo "{\"text\": \"Once upon a time $i.\"}"; done >"$work/data.jsonl"
play_afresh <<'SCRIPT'
t data.jsonl <Ctrl-S>
save-screen start.txt
SCRIPT
says start.txt "$asked"
says start.txt "Ctrl-S again"
[ -e "$work/runs" ] && fail "a job was started unasked"

sleep 0.5 # scans that are left alone end
echo "$failures failed"
[ $failures -eq 0 ]
