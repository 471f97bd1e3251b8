#!/bin/bash
# A training run as a job: killed by signal 9, it says so; resumed, it gives the losses of a run
# that was never killed, to the bit. Pause, stop, resume from another folder.
set -eu
spectrum=$1 source=$2
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
trap 'remove_folder "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
model=${SPECTRUM_SHARED_DATA:-}/models/stories260K-gguf/stories260K-F16.gguf
if [ ! -f "$model" ]; then
    echo "SKIPPED: no shared data"
    exit 77
fi

fail() {
    echo "$1" >&2
    cat "$work/err" "$work"/*/log.txt >&2 2>/dev/null || true
    exit 1
}

head -c 6000 "$source/demo/text/shakespeare.txt" >"$work/text.txt"
train() {
    "$spectrum" train "$model" --data "$work/text.txt" --run "$1" --seq-len 32 --accumulate 1 \
        --threads 1 --device reference --save-every 2 --lr 1e-3 --sample-tokens 0 --dtype fp32 "${@:2}" 2>>"$work/err"
}
# step and loss of every training step that counts, in order: of a step, the last
losses() {
    grep -oP '"step": \K[0-9]+, .*"loss": [0-9.e-]+' "$1/metrics.jsonl" |
        sed 's/, .*"loss": / /' | awk '{ loss[$1] = $2 } END { for (s in loss) print s, loss[s] }' | sort -n
}
wait_for_step() {
    wait_until grep -q "\"step\": $2," "$1/metrics.jsonl" || fail "step $2 did not come"
}

train "$work/whole" --steps 9
test "$(losses "$work/whole" | wc -l)" = 9 || fail "not nine steps"
"$spectrum" attach "$work/whole" >"$work/lines" 2>/dev/null
grep -qE '^step 9/9  loss [0-9.]+  norm [0-9.e-]+  lr [0-9.e-]+  [0-9,]+ tokens/s$' "$work/lines" ||
    fail "attach is not as readable as train: $(cat "$work/lines")"

# Killed in the middle.
train "$work/killed" --steps 9 --detach >/dev/null
wait_for_step "$work/killed" 3
kill -9 "$(holder worker "$work/killed")" || fail "nothing to kill"
wait_until test -f "$work/killed/result.json" || true
grep -q '"killed by signal 9 (Killed) at step [0-9]*"' "$work/killed/result.json" ||
    fail "it does not say how it was killed: $(cat "$work/killed/result.json")"
"$spectrum" jobs | grep -q "killed by signal 9" || fail "jobs does not say so"

# Resumed from another folder; the whole curve is the uninterrupted run's.
(cd / && "$spectrum" resume "$work/killed" 2>"$work/said")
grep -q "spectrum attach $work/killed" "$work/said" || fail "it does not say that a job goes on: $(cat "$work/said")"
"$spectrum" attach "$work/killed" >/dev/null 2>&1 || fail "the resumed run did not end well"
diff <(losses "$work/whole") <(losses "$work/killed") || fail "the losses differ"
cmp "$work/whole/checkpoints/step-00000009/weights.safetensors" \
    "$work/killed/checkpoints/step-00000009/weights.safetensors" || fail "the weights differ"
if "$spectrum" resume "$work/killed" 2>"$work/said"; then fail "a completed run was resumed"; fi
grep -q "nothing to resume" "$work/said" || fail "it does not say that it is complete"

# A copy that goes on is listed, wherever it lies.
cp -r "$work/whole" "$work/copied"
"$spectrum" resume "$work/copied" --step 8 2>"$work/said" || fail "the copy does not go on"
"$spectrum" jobs | grep -q "$work/copied" || fail "the copy is not listed"
"$spectrum" attach "$work/copied" >/dev/null 2>&1 || fail "the copy did not end well"

# Paused, resumed, stopped, resumed.
train "$work/steered" --steps 60 --detach >/dev/null
wait_for_step "$work/steered" 1
"$spectrum" pause "$work/steered" 2>/dev/null
wait_until test -f "$work/steered/requests/paused" || true
"$spectrum" jobs --json | grep -q '"state": "paused"' || fail "it is not paused"
"$spectrum" resume steered 2>/dev/null
"$spectrum" stop "$work/steered" 2>/dev/null
"$spectrum" attach "$work/steered" >/dev/null 2>"$work/said" || fail "it did not stop well"
grep -q '^stopped at step' "$work/said" || fail "it does not say that it stopped"
test -n "$(ls "$work/steered/checkpoints")" || fail "stopping wrote no checkpoint"

# Another freeze set is refused.
"$spectrum" plan "$model" --top 50 -o "$work/other.yaml" >/dev/null 2>>"$work/err"
cp "$work/other.yaml" "$work/steered/plan.yaml"
"$spectrum" resume "$work/steered" || true
"$spectrum" attach "$work/steered" >/dev/null 2>&1 || true
grep -q "another freeze set" "$work/steered/result.json" || fail "another freeze set was taken"

# An export does not go into the folder that the base model is in.
mkdir "$work/base"
cp "$model" "$work/base"
model=$work/base/${model##*/}
train "$work/exported" --steps 1
ls "$work/base" >"$work/before"
if "$spectrum" export "$work/exported" -o "$work/base" 2>"$work/said"; then fail "it exported over its base"; fi
grep -q "never written to" "$work/said" || fail "it does not say why: $(cat "$work/said")"
ls "$work/base" | diff "$work/before" - || fail "the base's folder has changed"
