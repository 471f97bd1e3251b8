#!/usr/bin/env bash
# The key that resumes a job asks first where the job names files that its user has not approved.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
mkdir -p "$work/job/requests" "$work/job/checkpoints"
echo '{"format": "spectrum.job", "version": 1, "command": "train", "model": "nowhere", "folder": "/",
  "arguments": ["train", "/nowhere/model", "--data", "/etc/hostname"]}' >"$work/job/job.json"
echo '{"status": "stopped", "message": "stopped at step 5", "last_step": 5}' >"$work/job/result.json"
ln -s /etc/hostname "$work/job/proof.json"

# What it would read is named; another key between the two is a no.
play 120x30 job <<'SCRIPT'
r
save-screen asked.txt
x
r
save-screen again.txt
SCRIPT
says asked.txt "resume it? the same key again does"
says asked.txt "data /etc/hostname"
says again.txt "resume it? the same key again does"
[ ! -e "$work/job/log.txt" ] || fail "it was started without a yes"

play 120x30 job <<'SCRIPT'
r
r
save-screen started.txt
SCRIPT
[ -e "$work/job/log.txt" ] || { fail "it was not started"; cat "$work/started.txt"; }
[ -n "$(ls "$work/state/spectrum/approved")" ] || fail "the yes was not noted"

# From its row in the library the same: what it would read is named, and another key between the two is a no.
mkdir -p "$work/row/requests" "$work/row/checkpoints"
sed 's|/nowhere/model|/nowhere/other|' "$work/job/job.json" >"$work/row/job.json"
echo '{"status": "stopped", "message": "stopped at step 5", "last_step": 5}' >"$work/row/result.json"
rm -rf "$work/state/spectrum/jobs"
mkdir "$work/state/spectrum/jobs"
printf '%s' "$work/row" >"$work/state/spectrum/jobs/one"
play 120x30 <<'SCRIPT'
wait text "stopped"
r
save-screen row.txt
j
r
save-screen row-again.txt
SCRIPT
says row.txt "resume it? the same key again does"
says row.txt "data /etc/hostname"
says row-again.txt "resume it? the same key again does"
play 120x30 <<'SCRIPT'
wait text "stopped"
r
Esc
save-screen row-no.txt
r
save-screen row-asks.txt
SCRIPT
says row-no.txt "as it was"
says row-asks.txt "resume it? the same key again does"
[ ! -e "$work/row/log.txt" ] || fail "it was started from its row without a yes"
play 120x30 <<'SCRIPT'
wait text "stopped"
r
r
save-screen row-started.txt
SCRIPT
[ -e "$work/row/log.txt" ] || { fail "it was not started from its row"; cat "$work/row-started.txt"; }
[ $failures = 0 ]
