#!/usr/bin/env bash
# The screen's scan is a job: `spectrum jobs` and the library list it until it is complete; pause, stop, resume and attach
# work on it, by keys as from the command line, in every window; a stopped or killed one goes on with what it has.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=$2/demo/model
source "${BASH_SOURCE[0]%/*}/common.bash"
source "$2/tests/waiting.bash"
export SPECTRUM_PLUGINS=/nowhere OMP_NUM_THREADS=1 # the oracle takes seconds then: time to steer it
mkdir "$work/none"                                 # from where the library finds no models
job() { echo "$XDG_STATE_HOME"/spectrum/scans/*; }
rows() { grep -c '"row"' "$(job)/metrics.jsonl"; }
listed() { (cd "$work/none" && "$binary" jobs 2>&1) | grep -qF -- "$1"; }
await() { wait_until listed "$1" || fail "jobs does not come to say \"$1\": $("$binary" jobs 2>&1)"; }

# Paused by its key, it says so here, in the list and as JSON, and begins nothing.
play 80x24 "$model" <<'SCRIPT'
:device reference Enter
wait text "s left"
p
wait text "paused"
save-screen paused.txt
?
/pause-scan Enter
save-screen help.txt
SCRIPT
shows paused.txt "/56 · paused"
shows paused.txt "p lets it go on"
shows help.txt ":pause-scan"
listed "of 56 matrices, $model" || fail "jobs does not say how far, and of which model: $("$binary" jobs)"
"$binary" jobs --json | grep -q '"state": "paused", .*"command": "scan", .*"matrices": [0-9]*, "matrices_total": 56' ||
  fail "jobs --json: $("$binary" jobs --json)"
before=$(rows)
sleep 0.4
[ "$(rows)" = "$before" ] || fail "a paused scan goes on"

# From the command line, by the folder's name: it goes on, pauses, stops; there is no checkpoint of it.
name=$(basename "$(job)")
"$binary" resume "$name" 2>/dev/null || fail "resume of a paused scan"
await "running     scan"
"$binary" pause "$name" 2>"$work/err" || fail "pause"
says err "after the current matrices"
await "paused      scan"
"$binary" checkpoint "$name" 2>"$work/err" && fail "a checkpoint of a scan"
says err "is a scan: it has no checkpoints"
"$binary" stop "$name" 2>/dev/null || fail "stop"
await "stopped     scan"
grep -q '"stopped at [0-9]* of 56 matrices"' "$(job)/result.json" || fail "how it ended: $(cat "$(job)/result.json")"
"$binary" attach "$name" >"$work/lines" 2>"$work/err" || fail "attach to a stopped scan ends with $?"
grep -q "^model.*SNR.*($(rows) of 56)$" "$work/lines" || fail "attach does not print the rows: $(tail -1 "$work/lines")"
says err "stopped at"

# From the library: as it is, until it is asked to go on; stopped by its key, asked twice.
(cd "$work/none" && cat >script && "$binary" --script script --size 80x24) <<SCRIPT || fail "playing ended with $?"
save-screen $work/library.txt
Enter
save-screen $work/held.txt
p
wait text "s left"
S
save-screen $work/ask.txt
j
save-screen $work/not.txt
S Esc
save-screen $work/kept.txt
S S
wait text "stopped"
save-screen $work/stopped.txt
SCRIPT
grep -q "scan, stopped at [0-9]* of 56 matrices" "$work/library.txt" || fail "the library: $(cat "$work/library.txt")"
shows held.txt "scan stopped"
shows held.txt "p continues it"
shows ask.txt "the same key again"
grep -q "stopped" "$work/not.txt" && fail "another key between the two stops it"
shows kept.txt "as it was"
shows stopped.txt "/56 · stopped"

# Stopped, another window's resume is followed; killed, it says how and how far; then complete, and no job any more.
cat >"$work/second" <<SCRIPT
save-screen $work/beside.txt
wait text "s left"
save-screen $work/followed.txt
p
wait text "paused"
SCRIPT
(cd "$work/none" && timeout 200 "$binary" --script "$work/second" --size 80x24 "$(job)") 2>"$work/err2" &
second=$!
wait_until test -e "$work/beside.txt"
"$binary" resume "$name" 2>"$work/err" || { fail "resume of a stopped scan"; cat "$work/err"; }
wait $second || { fail "the window beside ended with $?"; cat "$work/err2"; }
shows followed.txt "s left"
await "paused      scan"
kill -9 "$(holder worker "$(job)")"
await "killed by signal 9 (Killed) at"
listed "of 56 matrices" || fail "a killed scan does not say how far: $("$binary" jobs)"
play 80x24 "$model" <<'SCRIPT'
:device cpu Enter
wait scan
save-screen done.txt
p
save-screen over.txt
SCRIPT
says done.txt "trains 14 of 56"
says over.txt "the scan is done"
await "no jobs yet"
wait_until test ! -e "$(job)/lock" # until then a window joins it, whatever device it asks for

# One that fails is listed with its reason, and opens with it; a scan that computes in the terminal is no job.
play 80x24 "$model" <<'SCRIPT'
:device cuda Enter
wait scan
SCRIPT
await "--device cuda: there is no plug-in"
play 80x24 "$(job)" <<'SCRIPT'
wait scan
save-screen failed.txt
:device cpu Enter
wait scan
SCRIPT
shows failed.txt "scan failed"
shows failed.txt "there is no plug-in"
await "no jobs yet"
"$binary" scan "$model" >/dev/null 2>&1
listed "no jobs yet" || fail "a scan in the terminal is listed"

echo "$failures failed"
[ $failures -eq 0 ]
