#!/bin/bash
# script/demo without a terminal: the whole job as sub-commands, and the loss falls. In the release
# build only: that is the one which the script makes.
set -eu
spectrum=$1 source=$2 build=$3
if [ "$build" != "$source/build" ]; then
    echo "SKIPPED: not the release build"
    exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
werror=$(sed -n "s/^SPECTRUM_WERROR:BOOL=//p" "$build/CMakeCache.txt")
SPECTRUM_WERROR=$werror DEMO_RUN=$work/run DEMO_STEPS=30 "$source/script/demo" </dev/null >"$work/out" 2>"$work/err" || {
    cat "$work/out" "$work/err" >&2
    exit 1
}
for part in open see choose before train after keep summary; do
    grep -q "^== $part" "$work/out" || { echo "no part \"$part\"" >&2; exit 1; }
done
awk '/^perplexity before/ { before = $3 + 0; after = $5 + 0 }
     END { if (!(after > 1 && after < before)) { print "perplexity " before " to " after; exit 1 } }' "$work/out" >&2
# What it trained is still there, and it says where.
grep -q "the run is in $work/run" "$work/out"
test -f "$work/run/result.json" && test -f "$work/run-exported/model.safetensors"

# Every score of the model that comes with the program is finite, and the whole demo is small.
"$spectrum" scan "$source/demo/model" --json 2>/dev/null >"$work/scan.json"
test "$(grep -o '"snr_kind": "finite"' "$work/scan.json" | wc -l)" = 56
test "$(du -cb "$source"/demo/model/* "$source"/demo/text/* | tail -1 | cut -f1)" -le 8000000
