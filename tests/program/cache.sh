#!/bin/bash
# `spectrum cache` lists and clears what it keeps: nothing else, through no link, nothing unasked.
set -eu
spectrum=$1
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

"$spectrum" cache 2>"$work/err" && fail "a folder that is a link is read"
grep -q "cannot read .*models" "$work/err" || fail "the link is not named"
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
echo passed
