#!/bin/bash
# `spectrum cache` lists and clears what it keeps: nothing else, through no link, nothing unasked.
set -eu
spectrum=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state
fail() {
    echo "$1" >&2
    exit 1
}
cache=$work/cache/spectrum
mkdir -p "$cache/data" "$cache/spectra" "$cache/mine" "$work/out"
head -c 100000 /dev/zero >"$cache/data/new.tokens"
head -c 100000 /dev/zero >"$cache/data/old.tokens"
touch -d '10 days ago' "$cache/data/old.tokens"
echo x >"$cache/data/.y.1.2.tmp"
echo x >"$cache/spectra/a.json"
echo x >"$cache/mine/kept"
echo x >"$work/out/kept"
ln -s "$work/out/kept" "$cache/data/link"
ln -s "$work/out" "$cache/models"

"$spectrum" cache data >"$work/list"
grep -q '10 days  old.tokens' "$work/list" || fail "old.tokens is not listed"
grep -q 'link' "$work/list" && fail "a link is listed"
[ -e "$cache/data/old.tokens" ] || fail "a listing removed something"
"$spectrum" cache data --json | grep -q '"name": "new.tokens", "bytes": [0-9]*, ' || fail "not as JSON"

"$spectrum" cache >"$work/list" 2>"$work/err" || fail "a link in a kind's place stops the list"
grep -q "models is passed over: it is a link" "$work/err" || fail "the link is not named"
grep -q "new.tokens" "$work/list" || fail "nothing is listed beside a link"
rm "$cache/models"

exec 7<"$cache/data/new.tokens"
"$spectrum" cache data --clear --older-than 5 >"$work/list"
[ ! -e "$cache/data/old.tokens" ] && [ -e "$cache/data/new.tokens" ] || fail "--older-than is not obeyed"
"$spectrum" cache --clear >"$work/list"
[ ! -e "$cache/data/new.tokens" ] && [ ! -e "$cache/spectra/a.json" ] || fail "--clear left a file"
[ "$(wc -c <&7)" = 100000 ] || fail "what is open is disturbed"
[ -e "$cache/data/.y.1.2.tmp" ] || fail "a file in the making was removed"
[ -e "$cache/mine/kept" ] && [ -e "$work/out/kept" ] && [ -L "$cache/data/link" ] || fail "what is not the cache's was removed"

for wrong in "nothing" "data spectra" "--older-than 3" "--older-than x --clear"; do
    # shellcheck disable=SC2086
    "$spectrum" cache $wrong >/dev/null 2>"$work/err" && fail "accepted: $wrong"
    [ "$(wc -l <"$work/err")" = 1 ] || fail "not one line: $wrong"
done
"$spectrum" cache --help | grep -q -- --older-than || fail "no help"

# What a file is of: told by its command, model and data; gone with its file.
mkdir "$work/runs"
printf 'Some text to read.\n' >"$work/some.txt"
(cd "$work" && "$spectrum" tokens "$source/demo/model" --data some.txt >/dev/null 2>&1) || fail "tokens does not run"
"$spectrum" scan "$source/demo/model" -o "$work/scan.json" --modules 'layers.0.*q_proj' >/dev/null 2>&1 || fail "scan does not run"
"$spectrum" cache >"$work/list"
grep -q "some.txt for $source/demo/model$" "$work/list" || fail "tokens are not said to be of some.txt"
[ "$(grep -c "$source/demo/model" "$work/list")" -ge 4 ] || fail "spectra and fingerprints are not said to be the model's"
"$spectrum" cache data --json | grep -q "\"model\": \"$source/demo/model\", \"data\": \[\"$work/some.txt\"\]" ||
    fail "--json has no data"
"$spectrum" cache clear data >/dev/null
[ -z "$(find "$cache/data" -name '*.tokens*')" ] || fail "clear left a note or its file"
printf '\033[31m{' >"$cache/spectra/b.safetensors.of"
: >"$cache/spectra/b.safetensors"
"$spectrum" cache spectra | grep -q $'\033' && fail "a note sends control sequences"

# The state folder: only by name, only what is gone or ended.
state=$work/state/spectrum
mkdir -p "$state/scans/ended/requests" "$state/scans/runs" "$state/jobs"
touch -d '1 day ago' "$state/scans/ended"
echo '{"status": "completed"}' >"$state/scans/ended/result.json"
echo '{"command": "scan", "arguments": ["scan", "/some/model"]}' >"$state/scans/ended/job.json"
printf '%s' "$work/runs/gone" >"$state/jobs/1"
printf '%s' "$work/not-mounted/run" >"$state/jobs/2"
printf '%s' "$work/runs" >"$state/jobs/3"
"$spectrum" cache >"$work/list"
grep -q 'ended  /some/model' "$work/list" || fail "the ended scan is not listed"
[ "$(sed -n '/^jobs/,$p' "$work/list" | grep -c '^ ')" = 1 ] || fail "not the one job that is gone"
mkdir -p "$state/plans" "$state/forms"
echo '{"format": "spectrum.plan", "version": 1, "model": "/of/plan"}' >"$state/plans/1-reference.json"
echo default >"$state/plans/1-reference.last"
echo '{"format": "spectrum.form", "version": 1, "model": "/of/form"}' >"$state/forms/2.json"
"$spectrum" cache >"$work/list"
grep -q '1-reference.json  /of/plan$' "$work/list" || fail "the plan is not listed"
grep -q '2.json  /of/form$' "$work/list" || fail "the form is not listed"
grep -q '1-reference.last' "$work/list" && fail "which plan was open last is listed as one"
"$spectrum" cache --clear >/dev/null
[ -e "$state/plans/1-reference.json" ] && [ -e "$state/forms/2.json" ] || fail "plans are cleared unasked"
"$spectrum" cache clear plans >/dev/null
[ ! -e "$state/plans/1-reference.json" ] && [ -e "$state/forms/2.json" ] || fail "not the plans alone"
[ -e "$state/jobs/1" ] && [ -e "$state/scans/ended" ] || fail "the state folder is cleared unasked"
touch "$state/scans/runs"
"$spectrum" cache scans --clear | grep -q 'runs.*it runs' || fail "a young scan is not said to run"
"$spectrum" cache jobs --clear >/dev/null
[ ! -e "$state/scans/ended" ] && [ -e "$state/scans/runs" ] || fail "not the scan that ended"
[ ! -e "$state/jobs/1" ] && [ -e "$state/jobs/2" ] && [ -e "$state/jobs/3" ] || fail "not the job that is gone"
echo passed
