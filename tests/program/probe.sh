#!/bin/bash
# `train --dry-run --probe`: how long a run would take, measured by a few of its steps, on standard
# output, as JSON, and as a job; nothing is left of it where the run would be. Arguments: binary,
# source folder.
set -eu
spectrum=$1 source=$2
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
trap 'remove_folder "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
cd "$work"

fail() {
    echo "$1" >&2
    tail -c 2000 "$work/out" "$work/said" "$work"/state/spectrum/probes/*/log.txt >&2 2>/dev/null || true
    exit 1
}

head -c 6000 "$source/demo/text/shakespeare.txt" >text.txt
for i in $(seq 40); do echo "{\"text\": \"$i and $i are $((2 * i)), are they not?\"}"; done >held.jsonl
run=("$spectrum" train "$source/demo/model" --data text.txt --eval-data held.jsonl --run run --method full
    --steps 100 --seq-len 16 --accumulate 1 --threads 1 --dtype fp32 --eval-every 30 --save-every 50 --sample-tokens 4)

# Steps 30, 60, 90, 100 are evaluated, and what the run begins with; 50 is saved besides.
"${run[@]}" --dry-run --probe --json >out 2>said || fail "the probe failed"
number() { sed -n "s/.*\"$1\": \([-0-9.e+]*\)[,}].*/\1/p" <<<"$line"; }
check() { # of a line with the object, in $line
    local key
    grep -q '"probe": {[^}]*}' <<<"$line" || fail "no object"
    test "$(number steps)" = 100 && test "$(number evaluations)" = 5 && test "$(number samples)" = 5 &&
        test "$(number saves)" = 5 && test "$(number tokens)" = 1600 || fail "other counts: $line"
    test "$(number measured_steps)" -ge 3 || fail "too few steps: $line"
    for key in step evaluation sample save total; do
        awk "BEGIN { exit !($(number ${key}_seconds) > 0) }" || fail "$key takes no time: $line"
    done
    awk -v step="$(number step_seconds)" -v look="$(number evaluation_seconds)" -v sample="$(number sample_seconds)" \
        -v save="$(number save_seconds)" -v total="$(number total_seconds)" -v low="$(number total_seconds_low)" \
        -v high="$(number total_seconds_high)" 'BEGIN {
            sum = 100 * step + 5 * (look + sample + save)
            exit !(sum / total < 1.0001 && total / sum < 1.0001 && low <= total && total <= high) }' ||
        fail "the total is no sum: $line"
}
line=$(tr -d '\n' <out | grep -o '"probe": {[^}]*}')
check
test ! -e run || fail "the probe left a folder"

# As lines: the total, and what it is the sum of.
"${run[@]}" --dry-run --probe >out 2>said || fail "the probe failed"
grep -qE '^time        [0-9.]+ (s|min [0-9]+ s), by the spread of the steps ' out &&
    grep -qE '^  steps +100 of [0-9.e-]+ s$' out && grep -qE '^  evaluations +5 of ' out && grep -qE '^  samples +5 of ' out &&
    grep -qE '^  checkpoints, at most +5 of ' out && grep -qE '^measured    [0-9]+ steps: a median of ' out || fail "not so as lines"
"${run[@]}" --dry-run >out 2>said && ! grep -q '^time ' out || fail "a dry run without a probe tells the time"

# As a job, in a folder of its own; the metrics have the same object.
job=$("${run[@]}" --dry-run --probe --detach 2>said) || fail "it did not start"
case $job in "$work"/state/spectrum/probes/probe) ;; *) fail "the job is in $job" ;; esac
wait_until test -f "$job/result.json" || fail "it did not end"
grep -q '"status": "completed"' "$job/result.json" || fail "$(cat "$job/result.json")"
grep -q '"command": "probe"' "$job/job.json" || fail "$(cat "$job/job.json")"
line=$(grep '"event": "probe"' "$job/metrics.jsonl") || fail "no line of it"
check
test ! -e run && test ! -e "$job/progress.json" && test -z "$(ls "$job/checkpoints")" || fail "it left something"
"$spectrum" attach "$job" >out 2>said || fail "attach does not see its end"
"$spectrum" jobs >out 2>said && grep -q probe out || fail "jobs does not have it"
"$spectrum" resume "$job" >out 2>said && fail "a probe was resumed"
# The next one has another folder; one that is told to stop does.
next=$("${run[@]}" --steps 1000000 --seq-len 256 --batch 64 --dry-run --probe --detach 2>said) || fail "it did not start"
test "$next" = "$job-2" || fail "the next one is in $next"
touch "$next/requests/stop"
wait_until test -f "$next/result.json" || fail "it did not stop"
grep -q '"status": "stopped"' "$next/result.json" || fail "$(cat "$next/result.json")"

# What makes no sense is refused before anything is opened.
if "${run[@]}" --probe >out 2>said; then fail "a probe without --dry-run"; fi
grep -q -- "--probe belongs to --dry-run" said || fail "it does not say why"
if "${run[@]}" --dry-run --detach >out 2>said; then fail "a detached dry run"; fi
grep -q -- "unless with --probe" said || fail "it does not say why"
