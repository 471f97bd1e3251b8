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
[ $failures = 0 ]
