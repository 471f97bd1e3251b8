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
    test "$(number saves_least)" = 2 || fail "other counts: $line"
    test "$(number measured_steps)" -ge 3 || fail "too few steps: $line"
    for key in step evaluation sample save total; do
        awk "BEGIN { exit !($(number ${key}_seconds) > 0) }" || fail "$key takes no time: $line"
    done
    for key in step evaluation sample total; do
        awk "BEGIN { exit !($(number ${key}_seconds_low) <= $(number ${key}_seconds) &&
                            $(number ${key}_seconds) <= $(number ${key}_seconds_high)) }" || fail "$key: no spread: $line"
    done
    for key in :100:5 _low:100:2 _high:100:5; do # steps and checkpoints of the total, its low and its high one
        IFS=: read -r end steps saves <<<"$key"
        awk -v step="$(number "step_seconds$end")" -v look="$(number "evaluation_seconds$end")" \
            -v sample="$(number "sample_seconds$end")" -v save="$(number save_seconds)" \
            -v total="$(number "total_seconds$end")" -v steps="$steps" -v saves="$saves" 'BEGIN {
                sum = steps * step + 5 * (look + sample) + saves * save
                exit !(sum / total < 1.0001 && total / sum < 1.0001) }' || fail "the total$end is no sum: $line"
    done
}
line=$(tr -d '\n' <out | grep -o '"probe": {[^}]*}')
check
test ! -e run || fail "the probe left a folder"

# As lines: the total, and what it is the sum of.
"${run[@]}" --dry-run --probe >out 2>said || fail "the probe failed"
grep -qE '^time        [0-9.]+ (s|min [0-9]+ s), by the spread of its parts ' out &&
    grep -qE '^  steps +100 of [0-9.e-]+ s \([0-9.e-]+ s to [0-9.e-]+ s\)$' out && grep -qE '^  evaluations +5 of ' out && grep -qE '^  samples, by their length +5 of .* to ' out &&
    grep -qE '^  checkpoints, at most +5 of ' out && grep -qE '^measured    [0-9]+ steps; the run takes in 1,600 tokens$' out || fail "not so as lines"
"${run[@]}" --dry-run >out 2>said && ! grep -q '^time ' out || fail "a dry run without a probe tells the time"

# A sample of now may end with its first token, and the run's do not: one is as long as it is now, and
# the spread goes from there to all tokens. The commonest tokens end a text of this model.
cp -r "$source/demo/model" ends
echo "{\"eos_token_id\": [$(seq -s, 256 310)]}" >ends/generation_config.json
"${run[@]/$source\/demo\/model/ends}" --seq-len 64 --sample-tokens 48 --dry-run --probe --json >out 2>said || fail "the probe failed"
line=$(tr -d '\n' <out | grep -o '"probe": {[^}]*}')
awk -v usual="$(number sample_seconds)" -v high="$(number sample_seconds_high)" 'BEGIN { exit !(high > 4 * usual) }' ||
    fail "a sample that has ended tells the length of all: $line"

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
