#!/bin/bash
# `spectrum jobs`: deleting jobs, asking several at once, and the list as it changes.
set -eu
spectrum=$1 source=$2
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache OMP_NUM_THREADS=1
watcher=
finish() {
    if [ -n "$watcher" ]; then kill "$watcher" 2>/dev/null || true; fi
    for lock in "$work"/*/lock; do # what a test that failed left running
        [ -f "$lock" ] && kill -TERM "$(grep -oP '"pid": \K[0-9]+' "$lock")" 2>/dev/null
    done
    remove_folder "$work"
}
trap finish EXIT
fail() {
    echo "$1" >&2
    cat "$work/out" "$work/err" >&2 2>/dev/null || true
    exit 1
}
jobs() { "$spectrum" jobs "$@" >"$work/out" 2>"$work/err"; }
ends() { # ends STATUS TEXT ARGUMENTS... of `spectrum jobs`
    local got=0
    jobs "${@:3}" || got=$?
    test $got = "$1" && cat "$work/out" "$work/err" | grep -qF -- "$2" || fail "jobs ${*:3}: exit $got, no \"$2\""
}
head -c 6000 "$source/demo/text/shakespeare.txt" >"$work/text.txt"
train() { # train RUN OPTIONS...
    "$spectrum" train "$source/demo/model" --data "$work/text.txt" --run "$work/$1" --seq-len 16 --accumulate 1 \
        --threads 1 --sample-tokens 0 "${@:2}" >"$work/out" 2>"$work/err" || fail "train $1"
}
train delete --steps 1 --eval-split 0.02 --device cpu
train beside --steps 1 --eval-split 0 --device cpu

# What would go is listed, and nothing does; without a terminal nobody is asked.
ends 0 "$work/delete/checkpoints/step-00000001/weights.safetensors" delete --dry-run delete
(cd "$work" && find delete -mindepth 1 -type f | sed "s|^|$work/|" | sort) >"$work/there"
grep -v '/$' "$work/out" | sort | diff "$work/there" - || fail "the list is not what is there"
ends 0 '"deleted": false' delete --dry-run --json delete
ends 2 "--yes deletes without a question" delete delete
test -e "$work/delete/job.json" || fail "it was deleted unasked"

# On a terminal it asks, with what would go; only a y deletes.
answers() { # answers ANSWER JOB, as typed
    printf '%s\n' "$1" | timeout "$(patience 60)" script -qec "'$spectrum' jobs delete $2" /dev/null >"$work/out" 2>"$work/err" ||
        fail "jobs delete ends with $?"
    grep -qE "delete 1 job, [0-9]+ files, .*[?] \(y/n\)" "$work/out" || fail "it does not ask"
}
train asked --steps 1 --eval-split 0 --device cpu
for answer in n "" no x; do
    answers "$answer" asked
    grep -q "nothing was deleted" "$work/out" && test -e "$work/asked/job.json" || fail "\"$answer\" was a yes"
done
answers y asked
grep -q "deleted $work/asked" "$work/out" && test ! -e "$work/asked" || fail "y was not a yes"

# Refused: foreign files by their names, links, folders that are no jobs; then none of those that are named goes.
echo mine >"$work/beside/checkpoints/notes.txt"
ends 1 "beside/checkpoints/notes.txt is not what spectrum wrote there" delete --yes delete beside
# So is a file as --log writes it, of a run that was not to write it; of one that was, all goes.
rm "$work/beside/checkpoints/notes.txt"
echo mine >"$work/beside/metrics.csv"
ends 1 "beside/metrics.csv is not what spectrum wrote there" delete --yes beside
rm "$work/beside/metrics.csv"
echo mine >"$work/beside/checkpoints/notes.txt"
train logged --steps 1 --eval-split 0 --device cpu --log tensorboard,trackio,csv
test "$(ls "$work/logged" | grep -cE '^(metrics.csv|spectrum.db|events.out.tfevents.*.spectrum)$')" = 3 || fail "--log wrote other files"
"$spectrum" attach "$work/logged/metrics.csv" >"$work/out" 2>"$work/err" && grep -q '^step 1/1 ' "$work/out" ||
    fail "what lies in a job's folder is not that job's"
ends 0 "deleted" delete --yes logged
test ! -e "$work/logged" || fail "what --log wrote is left"
test -e "$work/delete/job.json" || fail "one of two was deleted"
rm "$work/beside/checkpoints/notes.txt"
ln -s "$work/beside" "$work/link"
ends 1 "is a link" delete --yes "$work/link"
ends 1 "is not a job's folder" delete --yes "$source/demo/model"
ends 1 "is not a job's folder" delete --yes nothing-of-this-name
ends 2 "name one JOB or more" delete --yes
ends 2 "is nothing that is done to jobs" remove delete
ends 2 "go with \`jobs delete\`" --yes
ends 2 "go with \`jobs delete\`" stop --yes beside
ends 2 "--watch goes with --json" --watch
ends 2 "--json goes with the list" stop --json beside

# A list that says what the screen's says.
ends 0 '"best_eval_loss": ' --json
grep "$work/delete\"" "$work/out" | grep -qE '"step": 1, "steps": 1, "method": "spectrum", "seconds_left": null, "seconds_left_at_least": false, "loss": [0-9.]+, "eval_loss": ([0-9.]+), "began": [0-9]+, "best_eval_loss": \1[,}]' ||
    fail "what the list says of a run"

# As it changes: a line for each job at first, then one when it has changed, and one when it is gone.
"$spectrum" jobs --json --watch >"$work/lines" 2>"$work/watched" &
watcher=$!
wait_until grep -q "/beside\"" "$work/lines" || fail "no line of a job"
wait_until grep -q "/delete\"" "$work/lines" || fail "no line of a job"
train live --device reference --steps 100000 --eval-split 0 --save-every 0 --detach
wait_until grep -qE '/live", "state": "running", .*"step": [1-9]' "$work/lines" || fail "no line of a job that runs"
ends 1 "is running: stop it before it is deleted" delete --yes live
ends 0 "the training run pauses after the current step" pause live
wait_until grep -q '/live", "state": "paused"' "$work/lines" || fail "no line of a pause"
ends 1 "2 of 2 jobs could not pause" pause live beside
grep -q "live: paused; there is nothing to pause" "$work/err" || fail "a pause is paused"
grep -q "beside: the training run cannot pause: completed" "$work/err" || fail "it does not say which"
ends 0 "the training run goes on" resume live
ends 0 "with a checkpoint" stop live
wait_until grep -q '/live", "state": "ended", "text": "stopped' "$work/lines" || fail "no line of the end"
ends 0 "deleted $work/live" delete --yes live live
test ! -e "$work/live" || fail "the folder is there"
wait_until grep -qF "{\"job\": \"$work/live\", \"state\": \"gone\"}" "$work/lines" || fail "no line of what is gone"
kill -TERM $watcher
got=0
wait $watcher || got=$?
watcher=
test $got = 130 || fail "watching ends with $got"
test "$(grep -c '/beside"' "$work/lines")" = 1 || fail "what has not changed is said again"
while read -r line; do
    [[ $line == {*} ]] || fail "not an object a line: $line"
done <"$work/lines"
timeout "$(patience 60)" "$spectrum" jobs --json --watch 2>"$work/err" | head -1 >/dev/null
test "${PIPESTATUS[0]}" != 124 || fail "it watches for nobody"

# A job of a verb's name is reached, here by its name.
ends 0 "deleted $work/delete" delete --yes delete
test ! -e "$work/delete" || fail "the folder is there"
ends 0 "\"deleted\": true" delete --yes --json beside
jobs
test ! -s "$work/out" || fail "the list is not empty"
test -e "$source/demo/model/model.safetensors" || fail "the model is gone"
