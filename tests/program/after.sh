#!/bin/bash
# `train --after JOB`: a run that begins when others have completed, and not when one of them did
# not; it is seen to wait, and can be stopped.
set -eu
spectrum=$1 source=$2
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
# Where it fails, the first job is not to train for ever.
leave() {
    kill "$(holder worker "$work/first" 2>/dev/null)" 2>/dev/null || true
    remove_folder "$work"
}
trap leave EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache

fail() {
    echo "$1" >&2
    cat "$work/err" "$work"/*/log.txt >&2 2>/dev/null || true
    exit 1
}
head -c 6000 "$source/demo/text/shakespeare.txt" >"$work/text.txt"
train() { # MODEL NAME STEPS OPTIONS...
    "$spectrum" train "$1" --run "$work/$2" --steps "$3" --data "$work/text.txt" --seq-len 32 \
        --accumulate 1 --threads 1 --device cpu --method full --eval-every 0 --eval-split 0 \
        --sample-tokens 0 --dtype fp32 "${@:4}" 2>>"$work/err"
}
model=$source/demo/model
is() { # NAME WORDS: jobs says so of it
    "$spectrum" jobs | grep -A1 "train    $work/$1$" | tr '\n' ' ' | grep -q -- "$2"
}
ends() { wait_until test -f "$work/$1/result.json" || fail "$1 does not end"; }
refused() { # WORDS JOB
    if train "$model" refused 2 --after "$2"; then fail "it was not refused: --after $2"; fi
    tail -1 "$work/err" | grep -q -- "$1" || fail "it does not say \"$1\""
    test ! -e "$work/refused" || fail "it left a folder"
}

# One that waits for two, and another that begins where it ends.
train "$model" first 100000 --detach >/dev/null
train "$model" second 2
train "$model" waits 2 --after "$work/second" --after first --detach >/dev/null
train "$work/waits" last 2 --after "$work/waits" --detach >/dev/null
wait_until is waits "^waiting .*waiting for $work/second, first" || fail "it is not seen to wait: $("$spectrum" jobs)"
wait_until is last "^waiting .*waiting for $work/waits" || fail "the last one is not seen to wait"
"$spectrum" jobs --json | grep -q '"state": "waiting"' || fail "jobs --json does not say so"
test ! -s "$work/waits/metrics.jsonl" || fail "it did not wait"
if "$spectrum" pause "$work/waits" 2>"$work/said"; then fail "it was paused while it waited"; fi
grep -q "can be stopped" "$work/said" || fail "it does not say what can be done: $(cat "$work/said")"

# Stopped while it waits, and waiting again when it is resumed.
"$spectrum" stop "$work/waits" 2>"$work/said"
grep -q "stops before it has begun" "$work/said" || fail "it is stopped as one that runs: $(cat "$work/said")"
ends waits
grep -q '"stopped before the first step"' "$work/waits/result.json" || fail "not stopped: $(cat "$work/waits/result.json")"
ends last
grep -q "$work/waits did not complete (stopped)" "$work/last/result.json" ||
    fail "it does not say for what it waited: $(cat "$work/last/result.json")"
grep -q '"status": "not started"' "$work/last/result.json" || fail "it is not said that it did not start"
wait_until is last "^not started .*$work/waits did not complete (stopped); .spectrum resume $work/waits. goes on with it" ||
    fail "jobs does not say why: $("$spectrum" jobs)"
"$spectrum" resume "$work/waits" 2>>"$work/err" || fail "it is not resumed"
tail -1 "$work/err" | grep -q "from its beginning" || fail "it has no checkpoint to go on from"
wait_until is waits "^waiting" || fail "it does not wait again"
"$spectrum" resume "$work/last" 2>>"$work/err" || fail "the last one is not resumed"

# The first one is ended: those that wait for it end, too, with its name.
"$spectrum" stop "$work/first" 2>/dev/null
ends waits
ends last
grep -q "$work/first did not complete (stopped)" "$work/waits/result.json" || fail "it does not name the first"
grep -q "$work/first" "$work/last/result.json" && fail "the last one repeats what the other says: $(cat "$work/last/result.json")"
wait_until is last "^not started .*$work/waits did not complete (not started)" || fail "the last one does not say why: $("$spectrum" jobs)"
at=$(ls "$work/first/checkpoints" | grep -o '[1-9][0-9]*' | tail -1)
refused "did not complete (stopped)" "$work/first"
refused "did not complete (not started)" "$work/last"
refused "--after: " "$work/nowhere"

# Completed at last: what waits begins, in their order.
"$spectrum" resume "$work/first" --step "$at" --more 400 2>>"$work/err"
for job in waits last; do "$spectrum" resume "$work/$job" 2>>"$work/err" || fail "$job is not resumed"; done
for job in first waits last; do
    "$spectrum" attach "$work/$job" >/dev/null 2>&1 || fail "$job did not end well"
    grep -q '"status": "completed"' "$work/$job/result.json" || fail "$job did not complete"
done
tr -d ' ' <"$work/last/job.json" | grep -q "\"start\":{\"run\":\"$work/waits\",\"step\":2" ||
    fail "the last does not begin where the other ended"
test ! -e "$work/waits/requests/waiting" || fail "the mark is left"

# One whose folder is moved away will not complete.
"$spectrum" resume "$work/first" --more 100000 2>>"$work/err" || fail "the first one does not go on"
wait_until is first "^running .*step" || fail "the first one does not run"
train "$model" alone 2 --after "$work/first" --detach >/dev/null
wait_until is alone "^waiting" || fail "it does not wait for the first one"
mv "$work/first" "$work/moved"
ends alone
kill "$(holder worker "$work/moved")" "$(holder pid "$work/moved")"
grep -q "$work/first is gone" "$work/alone/result.json" || fail "it does not say what is gone: $(cat "$work/alone/result.json")"

# After what has completed it begins at once, in a terminal, too.
train "$model" now 1 --after "$work/second" || fail "it does not begin"
