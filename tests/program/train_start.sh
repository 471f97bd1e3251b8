#!/bin/bash
# How a run begins: what is refused before there is a folder, and what a run of one step does.
set -eu
spectrum=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache

fail() {
    echo "$1" >&2
    cat "$work/said" 2>/dev/null >&2 || true
    exit 1
}

head -c 2000 "$source/demo/text/shakespeare.txt" >"$work/text.txt"
model=$source/demo/model
train() { # train RUN OPTIONS...
    "$spectrum" train "$model" --data "$work/text.txt" --run "$work/$1" --seq-len 32 --accumulate 1 \
        --threads 1 --sample-tokens 0 --eval-split 0 --dtype fp32 --top 10 "${@:2}" 2>"$work/said"
}

# The only step has the peak rate, whatever the warm-up.
train one --steps 1 --lr 1e-3 || fail "a run of one step failed"
grep -q '"step": 1,.*"lr": 0.001,' "$work/one/metrics.jsonl" || fail "$(cat "$work/one/metrics.jsonl")"
train two --steps 2 --lr 1e-3 --warmup 2 || fail "a run of two steps failed"
grep -q '"step": 2,.*"lr": 0.001,' "$work/two/metrics.jsonl" || fail "$(cat "$work/two/metrics.jsonl")"

