#!/usr/bin/env bash
# A window that no view fits takes no keys but those that quit, and shows the job in one line.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
cp -rL "$2/demo/model" "$work/small"
cp "$2/demo/text/problems.jsonl" "$work"

# Keys that would toggle, open and type do nothing.
play 59x16 small <<'SCRIPT'
wait scan
type " jj tS:"
Enter Esc
paste "top 50"
save-screen keys.txt
SCRIPT
shows keys.txt "needed: 60x16"
shows keys.txt "window: 59x16"
shows keys.txt "Q quits"
[ ! -e "$XDG_STATE_HOME/spectrum/plans" ] || [ -z "$(ls -A "$XDG_STATE_HOME/spectrum/plans")" ] ||
  fail "a key changed the plan"
for key in q Q Ctrl-C; do
  play 59x16 small <<SCRIPT
wait scan
$key
save-screen after-$key.txt
SCRIPT
  [ ! -e "$work/after-$key.txt" ] || fail "$key did not quit"
done

# The job that is watched, in one line, at every size.
(cd "$work" && "$binary" train small --data problems.jsonl --method lora --run run --steps 3 --seq-len 32 --batch 1 \
  --accumulate 1 --eval-split 0 --sample-tokens 0) >/dev/null 2>"$work/err" || { fail "no run"; cat "$work/err"; }
for size in 59x15 40x10 60x3 60x2 60x1; do
  play $size run <<SCRIPT
save-screen job-$size.txt
SCRIPT
  grep -qE '^(spectrum: )?completed at step 3' "$work/job-$size.txt" || { fail "no job in $size"; cat "$work/job-$size.txt"; }
done
shows job-40x10.txt "needed: 60x16"

echo "$failures failed"
[ $failures -eq 0 ]
