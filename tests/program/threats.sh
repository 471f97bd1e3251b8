#!/bin/bash
# Each promise of docs/threats.md names the test that holds it, and that test is there.
# Arguments: binary, source folder.
set -eu
source=$2 page=$2/docs/threats.md
fail() {
    echo "$1" >&2
    exit 1
}
named=$(grep -o '`tests/[^` ]*`' "$page" | tr -d '`' | sort -u)
[ "$(wc -l <<<"$named")" -ge 10 ] || fail "it names hardly a test"
for test in $named; do
    [ -f "$source/$test" ] || fail "docs/threats.md names $test, which is not there"
done
# A row without one promises nothing.
grep '^|' "$page" | grep -v '^|---\|^| what \|^| promise ' | grep -v '`tests/' && fail "a promise has no test"
grep -q 'docs/threats.md' "$source/README.md" || fail "README.md does not name the page"
grep -q 'threats.md' "$source/docs/architecture.md" || fail "docs/architecture.md does not name the page"
