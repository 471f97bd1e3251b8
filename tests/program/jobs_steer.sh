#!/bin/bash
# Asking a job: a checkpoint while it is paused, a pause that nobody took, a supervisor that is
# killed, a job that another machine runs, a start that fails, a model from the Hugging Face cache.
set -eu
spectrum=$1 source=$2
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache HF_HUB_CACHE=$work/hub
finish() {
    for lock in "$work"/*/lock; do # what a test that failed left running
        [ -f "$lock" ] && kill -TERM "$(grep -oP '"pid": \K[0-9]+' "$lock")" 2>/dev/null
    done
    remove_folder "$work"
}
trap finish EXIT
model=${SPECTRUM_SHARED_DATA:-}/models/stories260K-gguf/stories260K-F16.gguf
if [ ! -f "$model" ]; then
    echo "SKIPPED: no shared data"
    exit 77
fi

fail() {
    echo "$1" >&2
    cat "$work/err" "$work/said" "$work"/*/log.txt >&2 2>/dev/null || true
    exit 1
}
wait_for() { # wait_for WHAT COMMAND...
    wait_until "${@:2}" || fail "waited in vain: $1"
}

head -c 6000 "$source/demo/text/shakespeare.txt" >"$work/text.txt"
run=$work/run
train() { # train RUN OPTIONS...
    "$spectrum" train "$model" --data "$work/text.txt" --run "$1" --seq-len 32 --accumulate 1 \
        --threads 1 --device reference --save-every 0 --lr 1e-3 --sample-tokens 0 --dtype fp32 \
        --eval-split 0 "${@:2}" 2>>"$work/err"
}
has_step() { grep -q "\"step\": $1," "$run/metrics.jsonl"; }
has_checkpoint() { ls "$run"/checkpoints | grep -q step; }
status() { grep -oP '"status": "\K[a-z]*' "$run/result.json"; }
is_gone() { ! kill -0 "$1" || grep -q '^State:\sZ' "/proc/$1/status"; }

# --detach --json is JSON; paused, it writes the checkpoint it is asked for, and stays paused.
train "$run" --steps 100000 --detach --json >"$work/started"
grep -q "^{.*\"run\": \"$run\"}$" "$work/started" || fail "--json: $(cat "$work/started")"
wait_for "step 1" has_step 1
"$spectrum" attach "$run" --json >"$work/status" 2>/dev/null || fail "attach --json failed"
test "$(wc -l <"$work/status")" = 1 || fail "attach --json is not one object"
grep -q '"state": "running".*"metrics": {"step":' "$work/status" || fail "$(cat "$work/status")"
"$spectrum" pause "$run" 2>/dev/null
wait_for "the pause" test -f "$run/requests/paused"
"$spectrum" checkpoint "$run" 2>/dev/null
wait_for "a checkpoint of the paused job" has_checkpoint
test -f "$run/requests/paused" || fail "the checkpoint ended the pause"
# Who follows it is told why it is silent, and leaves when nobody reads any more, as a log's reader may.
timeout "$(patience 60)" "$spectrum" attach "$run" 2>"$work/said" | head -1 >/dev/null
test "${PIPESTATUS[0]}" != 124 || fail "attach follows a paused job for nobody"
grep -q "paused.*spectrum resume $run" "$work/said" || fail "attach does not say that it is paused: $(cat "$work/said")"
"$spectrum" resume "$run" 2>/dev/null
wait_for "the end of the pause" test ! -f "$run/requests/paused"

# Both processes go by the program's name.
for role in pid worker; do
    test "$(cat "/proc/$(holder $role "$run")/comm")" = "$(basename "$spectrum")" ||
        fail "the $role is called $(cat "/proc/$(holder $role "$run")/comm")"
done

# Killed by signal 9, a supervisor leaves no worker that nobody sees.
worker=$(holder worker "$run")
kill -9 "$(holder pid "$run")"
wait_for "the worker's end" is_gone "$worker"
test "$(status)" = stopped || fail "the worker did not stop well: $(cat "$run/result.json")"
grep -q '"its supervisor was killed; stopped at step [0-9]*"' "$run/result.json" ||
    fail "it does not say who was killed: $(cat "$run/result.json")"
"$spectrum" resume "$run" 2>"$work/said" || fail "it cannot be resumed"

# Their folder is made again where it was removed.
rm -r "$run/requests"
"$spectrum" pause "$run" 2>"$work/said" || fail "a removed folder keeps a pause away: $(cat "$work/said")"
wait_for "a pause by a folder made again" test -f "$run/requests/paused"
"$spectrum" resume "$run" 2>/dev/null
wait_for "the end of that pause" test ! -f "$run/requests/paused"

# Two requests at once: the one that nobody took is forgotten when the job goes on.
wait_for "a running job" holder worker "$run"
kill -STOP "$(holder worker "$run")"
"$spectrum" pause "$run" 2>/dev/null
"$spectrum" stop "$run" 2>/dev/null
kill -CONT "$(holder worker "$run")"
wait_for "the stop" test -f "$run/result.json"
wait_for "the lock's end" test ! -f "$run/lock"
grep -q '"last_step": [1-9]' "$run/result.json" || fail "it lost its step: $(cat "$run/result.json")"
resumed() { grep -c '"event": "resume"' "$run/metrics.jsonl"; }
before=$(resumed) || true # one that was stopped while it opened its data has not noted its resume
has_resumed() { test "$(resumed)" -gt "$before"; }
"$spectrum" resume "$run" 2>"$work/said" || fail "it cannot be resumed again"
test ! -f "$run/requests/pause" || fail "the old pause is still asked for"

# Another machine has the lock: it is followed, and takes requests. A worker that is named may not
# have read the lock yet; one that has noted its resume has.
wait_for "the note of the resume" has_resumed
cp "$run/lock" "$work/lock"
sed -i 's/"host": "[^"]*"/"host": "another.machine"/' "$run/lock"
"$spectrum" jobs | grep -q "^elsewhere  *train" || fail "jobs does not say where it runs"
"$spectrum" attach "$run" >"$work/lines" 2>"$work/attached" &
follower=$!
wait_for "lines" test -s "$work/lines"
if is_gone $follower; then fail "attach does not follow a job elsewhere"; fi
"$spectrum" stop "$run" 2>"$work/said" || fail "a job elsewhere takes no requests"
wait_for "the stop" test -f "$run/result.json"
cp "$work/lock" "$run/lock"
wait $follower || fail "attach did not end well: $(cat "$work/attached")"
rm -f "$run/lock"

# A start that fails says so, here and in the list, and can be resumed.
if train "$work/none" --data /nonexistent --detach 2>"$work/said"; then fail "it began"; fi
test ! -e "$work/none" || fail "nothing was to be made"
if (model=$work/no-model.gguf && train "$work/failed" --detach 2>"$work/err"); then
    fail "a start that failed is a success"
fi
grep -q "no-model.gguf" "$work/err" || fail "it does not say why"
"$spectrum" jobs --json >"$work/jobs"
grep -q "\"job\": \"$work/failed\", .*\"command\": \"train\", \"model\": \"$work/no-model.gguf\"" \
    "$work/jobs" || fail "the list does not say what failed"
run=$work/failed
cp "$model" "$work/no-model.gguf"
"$spectrum" resume "$run" 2>"$work/said" || fail "it cannot be resumed"
wait_for "step 1" has_step 1
# What has a request's name and is none is said once, and does not keep it from being stopped.
mkdir "$run/requests/pause" "$run/requests/taken"
wait_for "the warning" grep -q "^warning: $run/requests/pause is not a regular file" "$run/log.txt"
"$spectrum" stop "$run" 2>/dev/null
wait_for "the stop" test -f "$run/result.json"
test "$(grep -c "requests/pause is not" "$run/log.txt")" = 1 || fail "it is said more than once"

# A model by its name in the Hugging Face cache: the run is usable without that cache.
mkdir -p "$HF_HUB_CACHE/models--org--demo/refs" "$HF_HUB_CACHE/models--org--demo/snapshots"
cp -r "$source/demo/model" "$HF_HUB_CACHE/models--org--demo/snapshots/1234"
printf 1234 >"$HF_HUB_CACHE/models--org--demo/refs/main"
(cd "$work" && model=org/demo && train cached --steps 1 --no-embeddings) || fail "no cached model"
HF_HUB_CACHE=/nonexistent "$spectrum" export "$work/cached" -o "$work/out" 2>"$work/said" ||
    fail "the run does not know its model"

# Resumed behind its last step, it says where it stands, and no loss that it does not know.
(cd "$work" && model=org/demo && SPECTRUM_JOB=$work/cached SPECTRUM_JOB_RESUME=1 \
    train cached --steps 1 --no-embeddings --json) >"$work/summary"
grep -q '"steps": 1, "tokens": [1-9]' "$work/summary" || fail "$(cat "$work/summary")"
if grep -q '"loss"' "$work/summary"; then fail "it knows no loss: $(cat "$work/summary")"; fi

# Options that would do nothing are refused before anything is made.
refused() { # refused WHAT IT SAYS, OPTIONS...
    local got=0
    "$spectrum" train "$model" --data "$work/text.txt" --run "$work/refused" "${@:2}" \
        2>"$work/said" || got=$?
    test $got = 2 && grep -qF -- "$1" "$work/said" || fail "${*:2}: exit $got"
}
refused "full has no plan" --method full --top 10
refused "full has no plan" --method full --plan "$work/plan.yaml"
refused "a plan says itself" --plan "$work/plan.yaml" --no-embeddings
refused "a plan says itself" --plan "$work/plan.yaml" --no-head
refused "lora and qlora" --rank 8
refused "lora and qlora" --method full --alpha 16
refused "lora has no plan" --method lora --top 8
test ! -e "$work/refused" || fail "a wrong command made a folder"
