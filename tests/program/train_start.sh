#!/bin/bash
# How a run begins: what is refused before there is a folder, and what a run of one step does.
set -eu
spectrum=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache

fail() {
    echo "$1" >&2
    cat "$work/said" >&2 2>/dev/null || true
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
# Its head has all that a dry run's has of the step.
grep -qx "method: spectrum; optimizer: adamw, learning rate 0.001, cosine, beta1 0.9, beta2 0.999, epsilon 1e-08" "$work/said" ||
    fail "it does not say how it takes a step"
train dry --dry-run --steps 1 --optimizer lion --min-lr 1e-7 >"$work/out" || fail "no dry run"
grep -qx "optimizer   lion, learning rate 2e-06, cosine to 1e-07, beta1 0.9, beta2 0.99" "$work/out" || fail "$(cat "$work/out")"
grep -q '"step": 1,.*"lr": 0.001,' "$work/one/metrics.jsonl" || fail "$(cat "$work/one/metrics.jsonl")"
train two --steps 2 --lr 1e-3 --warmup 2 || fail "a run of two steps failed"
grep -q '"step": 2,.*"lr": 0.001,' "$work/two/metrics.jsonl" || fail "$(cat "$work/two/metrics.jsonl")"

# Wrong usage makes neither a folder nor an entry among the jobs.
refused() { # refused STATUS "WHAT IT SAYS" OPTIONS...
    local got=0
    train refused "${@:3}" || got=$?
    test $got = "$1" && grep -qF -- "$2" "$work/said" || fail "${*:3}: exit $got"
    test ! -e "$work/refused" || fail "${*:3}: there is a folder"
}
refused 2 "--lr 0 trains nothing" --lr 0
refused 2 "--dtype takes" --dtype fp8
refused 2 "--master takes" --master bf16
refused 2 "there is no device" --device gpu
SPECTRUM_PLUGINS=/nowhere refused 1 "computes scans alone" --device cuda
refused 2 "not a chat template" --template mine
refused 2 "--columns" --columns text
refused 1 "cannot read" --data "$work/none.txt"
refused 2 "--dtype takes" --dtype fp8 --detach
if "$spectrum" train "$model" --data "$work/text.txt" --plan "$work/none.yaml" --run "$work/refused" 2>"$work/said"; then
    fail "a plan that is not there was followed"
fi
grep -qF "cannot open $work/none.yaml" "$work/said" && test ! -e "$work/refused" || fail "a plan that is not there"
test "$("$spectrum" jobs --json | grep -c '"job":')" = 2 || fail "$("$spectrum" jobs)"

# job.json is UTF-8: a name that is not would be another one there, and a resume would look for that.
if cp "$work/text.txt" "$work/te"$'\xff'"xt.txt" 2>/dev/null; then
    if train bytes --steps 1 --data "$work/te"$'\xff'"xt.txt"; then fail "a name that is not UTF-8 was recorded as another"; fi
    grep -q 'not UTF-8: job.json cannot hold it' "$work/said" || fail "it does not say what job.json cannot hold"
else
    echo "SKIPPED: this file system has no names that are not UTF-8"
fi

# A weight that is no number is named, with its place, trained or frozen.
cp -r "$model" "$work/nan"
weights=$work/nan/model.safetensors
begin=$((8 + $(od -An -tu8 -N8 "$weights")))
first=$(head -c $begin "$weights" | grep -aoP '"\K[^"]+(?=":\{[^}]*"data_offsets": ?\[0,)')
printf '\xc0\x7f\xc0\x7f' | dd of="$weights" bs=1 seek=$begin conv=notrunc status=none
if (model=$work/nan && train broken --steps 1); then fail "NaN was trained"; fi
grep -q "tensor $first has NaN at row 0, column 0" "$work/said" || fail "it does not say where"
