#!/usr/bin/env bash
# Runs over the one that is watched: chosen from a list or by a folder, a baseline, the difference to
# it at the cross-hair and at the last common step. No training.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
hides() { ! grep -qF -- "$2" "$work/$1" || { fail "$1 shows \"$2\":"; cat "$work/$1"; }; }

# Losses of a constant difference, so that any smoothing leaves it: run NAME STEPS ADDED.
mkdir -p "$XDG_STATE_HOME/spectrum/jobs"
run() {
  mkdir -p "$work/$1/requests" "$work/$1/checkpoints"
  echo "{\"command\": \"train\", \"model\": \"m\", \"method\": \"spectrum\", \"steps\": $2}" >"$work/$1/job.json"
  LC_ALL=C awk -v steps="$2" -v added="$3" 'BEGIN { for (s = 1; s <= steps; s++) {
    printf "{\"step\": %d, \"loss\": %.4f}\n", s, 2 + 300 / (100 + s) + added
    if (s % 100 == 0) printf "{\"step\": %d, \"eval_loss\": %.4f}\n", s, 2.5 + added } }' >"$work/$1/metrics.jsonl"
}
listed() { # as `spectrum train` enters it
  printf '%s' "$work/$1" >"$XDG_STATE_HOME/spectrum/jobs/$(printf '%s' "$work/$1" | sha256sum | cut -c1-32)"
}
ended() { echo "{\"status\": \"completed\", \"message\": \"completed\", \"last_step\": $2}" >"$work/$1/result.json"; }
run watched 800 0; ended watched 800
run shorter 400 0.25; ended shorter 400 # another 0.25 up to step 400
run dead 1000 -0.5                      # nobody works there, and nothing says how it ended
run away 600 0.45
echo '{"host": "another.machine", "pid": 1, "boot_id": "x", "start_time": 1}' >"$work/away/lock"
mkdir -p "$work/scan/requests"
echo '{"command": "scan", "model": "m"}' >"$work/scan/job.json"
touch -d "1 hour ago" "$work"/{dead,scan}/requests "$work"/{dead,scan} # longer ago than a start takes
for name in watched shorter dead scan; do listed $name; done

for size in 60x16 80x24 132x43 200x60; do
  play $size watched <<'SCRIPT'
b
save-screen none.txt
o
save-screen list.txt
/shorter Enter
b
save-screen pinned.txt
/dead Enter
Space
save-screen all.txt
/watched Enter
Space
save-screen own.txt
Esc
:add-run scan Enter
save-screen refused.txt
:add-run away Enter
save-screen over.txt
h
save-screen cross.txt
:smooth 0 Enter
save-screen raw.txt
Esc
b
save-screen next.txt
SCRIPT
  for file in list over cross; do
    [ "$(wc -L <"$work/$file.txt")" -le "${size%x*}" ] || fail "$file.txt: a line is too wide at $size"
  done
  shows none.txt "no other run is drawn: o chooses some"
  shows list.txt "runs over watched: 0 of 6"
  shows list.txt "completed"
  shows list.txt "died"
  grep -qE "^ +RUN +STATE +STEP +EVAL" "$work/list.txt" || fail "list.txt has no headings at $size"
  grep -qE "^ .* scan " "$work/all.txt" && fail "a job without a loss is offered at $size"
  shows pinned.txt "1b  shorter"
  shows refused.txt "it is a scan without a loss so far"
  shows own.txt "it is the run that is watched"
  shows over.txt "watched (watched)"
  shows over.txt "-0.2500 at 400"  # the last step that both have
  shows over.txt "baseline"
  shows next.txt "the baseline is dead"
done
# All have their rows where there is room, and the signs of their curves.
shows over.txt "-0.7500 at 400" # dead, to shorter
shows over.txt "+0.2000 at 400"
shows cross.txt "n/a"           # shorter has no such step
# Beyond the last step of the run that is watched the line is another one's, and nothing is said of
# this one: neither its last loss nor its last evaluation.
step=$(grep -oP '^at step \K[0-9]+' "$work/cross.txt")
[ "$step" -gt 800 ] || fail "the cross-hair is at step $step"
shows cross.txt "at step $step, which watched has not"
shows cross.txt "loss n/a"
shows cross.txt "learning rate n/a"
shows cross.txt "◆ evaluation n/a"
grep -qE " at step +smoothed loss" "$work/cross.txt" || { fail "the table does not say of which step it is"; cat "$work/cross.txt"; }
grep -qE " last step +smoothed loss" "$work/over.txt" || { fail "the table does not say that it is of the last steps"; cat "$work/over.txt"; }
grep -qE "^● watched \(watched\) +$step +n/a +n/a +n/a" "$work/cross.txt" || { fail "the table reads another step"; cat "$work/cross.txt"; }
grep -qE "^2 dead +$step +[0-9.]+ +2\.0000 +n/a" "$work/cross.txt" || { fail "dead has step $step"; cat "$work/cross.txt"; }
for sign in 1 2 3; do grep -qP "[│⠀-⣿ ]$sign([⠀-⣿ ]|\$)" "$work/over.txt" || fail "no sign $sign"; done

# At a cross-hair both have, it is the difference there; smoothed or not, of the same step.
play 132x43 watched <<'SCRIPT'
:add-run shorter Enter
b b
:last-steps 700 Enter
:log Enter
0
h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h
h h h h h h h h h h h h h h h h h h h h h h h h h h h h h h
save-screen at.txt
:smooth 0 Enter
save-screen at0.txt
:add-run shorter Enter
save-screen twice.txt
:add-run nothing Enter
save-screen nothing.txt
SCRIPT
step=$(grep -oP '^at step \K[0-9]+' "$work/at.txt")
[ "$step" -le 400 ] || fail "the cross-hair is at step $step"
shows at.txt "-0.2500 at $step"
shows at0.txt "-0.2500 at $step"
shows twice.txt "shorter is drawn already"
hides nothing.txt "2 of"
hides nothing.txt "spectrum: "

# Without colours a curve is its sign.
NO_COLOR=1 play 80x24 watched <<<$':add-run shorter Enter\nsave-screen mono.txt'
[ "$(grep -o 1 "$work/mono.txt" | wc -l)" -gt 8 ] || { fail "no curve of signs"; cat "$work/mono.txt"; }

# No more than there are signs.
for i in 1 2 3 4 5 6 7; do run "many-$i" 9 0; done
play 80x24 watched <<'SCRIPT'
:add-run many-1 Enter
:add-run many-2 Enter
:add-run many-3 Enter
:add-run many-4 Enter
:add-run many-5 Enter
:add-run many-6 Enter
:add-run many-7 Enter
save-screen full.txt
SCRIPT
shows full.txt "6 runs are drawn already"
echo "$failures failed"
[ $failures -eq 0 ]
