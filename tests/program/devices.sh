#!/bin/bash
# What there is to compute with: the CPU trains and scans, in the words of the table and in JSON, with
# the memory that a limit leaves; a GPU that is not there says why.
set -eu
spectrum=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() {
    echo "$1" >&2
    cat "$work"/* >&2
    exit 1
}
"$spectrum" devices >"$work/lines"
grep -qE '^cpu +[a-z0-9-]+, [0-9]+ threads? +trains, scans +[0-9.]+ [GM]iB free of [0-9.]+ [GM]iB$' "$work/lines" ||
    fail "the CPU's line is another"
"$spectrum" devices --json >"$work/json"
grep -q '"device": "cpu"' "$work/json" || fail "JSON has no CPU"
grep -q '"trains": true' "$work/json" || fail "JSON does not say what trains"
if ! grep -q '"device": "cuda:0"' "$work/json"; then
    grep -q '^cuda    no GPU: .' "$work/lines" || fail "why there is no GPU is not said"
    grep -q '"no_gpu": ".' "$work/json" || fail "JSON does not say why there is no GPU"
fi
# Of less address space than the machine has memory this process has no more.
if (ulimit -v 4000000 && "$spectrum" --version) >/dev/null 2>&1; then
    (ulimit -v 4000000 && "$spectrum" devices --json) >"$work/limited"
    left=$(grep -oP '"free_bytes": \K[0-9]+' "$work/limited" | head -n 1)
    test "$left" -lt 4096000000 || fail "a limit of this process's memory is not looked at: $left"
else
    echo "SKIPPED: this program does not start within 4 GB of addresses (a sanitizer's takes more)"
fi
if "$spectrum" devices cpu 2>"$work/wrong"; then fail "a word was taken"; fi
grep -q 'takes no "cpu"' "$work/wrong" || fail "which word is too many is not said"
