#!/bin/bash
# A run of another tool, attached: followed within a second, listed and stopped as any job, one job
# however many watch; its end and its silence are said; what is no log is refused by name.
# Arguments: the binary, the source folder.
set -eu
spectrum=$1 source=$2
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
trap 'remove_folder "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache

fail() {
    echo "$1" >&2
    cat "$work/said" "$work"/state/spectrum/attached/*/log.txt >&2 2>/dev/null || true
    exit 1
}
log_line() { # STEP LOSS: a line as LLaMA-Factory writes it, of ten
    echo "{\"current_steps\": $1, \"total_steps\": 10, \"loss\": $2, \"lr\": 5e-05, \"epoch\": 0.1}" >>"$work/out/trainer_log.jsonl"
}

# While it trains: what is there comes at once, and what is written then within a second.
mkdir "$work/out"
log_line 1 2.5
log_line 2 2.25
"$spectrum" attach "$work/out" >"$work/lines" 2>"$work/said" &
follower=$!
wait_until grep -q '^step 2/10  loss 2.2500  lr 5e-05$' "$work/lines" || fail "step 2 did not come"
grep -q "trainer_log.jsonl: a log of LLaMA-Factory" "$work/said" || fail "which tool's log it is, is not said"
log_line 3 2.125
sleep 1
grep -q '^step 3/10  loss 2.1250' "$work/lines" || fail "a second later step 3 is not there"

# It is a job like any other; attaching again finds the same one.
"$spectrum" jobs --json >"$work/jobs"
grep -q '"command": "attach"' "$work/jobs" || fail "it is not listed: $(cat "$work/jobs")"
job=$(echo "$work"/state/spectrum/attached/out-*)
"$spectrum" attach "$work/out/trainer_log.jsonl" --json >"$work/again" 2>/dev/null
grep -q '"loss": 2.125' "$work/again" || fail "--json does not say the last loss: $(cat "$work/again")"
test "$(ls "$work/state/spectrum/attached" | wc -l)" = 1 || fail "one log has two jobs"
if "$spectrum" pause "$job" 2>"$work/said"; then fail "a run of another tool was paused"; fi
grep -q "run of another tool" "$work/said" || fail "why it cannot be paused is not said"

# Its end.
for step in 4 5 6 7 8 9 10; do log_line $step 2; done
wait "$follower" || fail "its end is not a good one"
test "$(grep -c '^step' "$work/lines")" = 10 || fail "not ten lines: $(cat "$work/lines")"
grep -q '^completed' "$work/said" || "$spectrum" jobs | grep -q completed || fail "that it completed is not said"

# Stopped: that run is left alone, and its log is as it was.
mkdir "$work/other"
echo '{"step": 1, "loss": 3.5}' >"$work/other/run.jsonl"
cp "$work/other/run.jsonl" "$work/before"
"$spectrum" attach "$work/other" >"$work/lines" 2>"$work/said" &
follower=$!
wait_until grep -q '^step 1  loss 3.5000$' "$work/lines" || fail "JSON lines did not come"
"$spectrum" stop "$work"/state/spectrum/attached/other-* 2>/dev/null
wait "$follower" || fail "stopping it did not end well"
cmp "$work/before" "$work/other/run.jsonl" || fail "the log was changed"
"$spectrum" jobs delete "$work"/state/spectrum/attached/other-* --yes >/dev/null 2>"$work/said" ||
    "$spectrum" jobs delete "$work"/state/spectrum/attached/other-* >/dev/null 2>"$work/said" || fail "it cannot be deleted"
test -f "$work/other/run.jsonl" || fail "deleting the job took the log"

# Silent for hours when it is attached: all of it is read, and that it is stale is said, with since when.
mkdir "$work/old"
echo '{"step": 7, "loss": 1.5}' >"$work/old/run.jsonl"
touch -d '2026-01-02 03:04:05' "$work/old/run.jsonl"
"$spectrum" attach "$work/old" >"$work/lines" 2>"$work/said" || fail "an old log did not end well"
grep -q '^step 7  loss 1.5000$' "$work/lines" || fail "an old log was not read"
grep -q 'stale: nothing was written since 2026-01-02 03:04:05' "$work/said" || fail "that it is stale is not said"

# None.
mkdir "$work/none"
echo '{"text": "no log", "label": 1}' >"$work/none/data.jsonl"
if "$spectrum" attach "$work/none" 2>"$work/said"; then fail "a folder without a log was attached"; fi
grep -q "has no log of a run that is known" "$work/said" || fail "what was looked for is not said"
if "$spectrum" attach "$work/nowhere" 2>"$work/said"; then fail "nothing was attached"; fi
grep -q "nowhere is not a job's folder" "$work/said" || fail "that nothing is there is not said"

# Several runs below one folder: listed, one chosen by its name, each its own job; a name that is none is refused, and the
# names are said. All that is found damaged is said, each time.
for run in alpha beta gamma; do
    mkdir -p "$work/sweep/$run"
    echo '{"step": 1, "loss": 3.5}' >"$work/sweep/$run/run.jsonl"
done
echo '{"step": 4, "loss": 2.5}' >>"$work/sweep/alpha/run.jsonl"
mkdir -p "$work/sweep/beta/checkpoint-5"
echo '{"global_step": 5, "log_history": [{"step": 5, "loss": 1}]}' >"$work/sweep/beta/checkpoint-5/trainer_state.json"
touch -d '1 hour ago' "$work/sweep/beta/run.jsonl" "$work/sweep/beta/checkpoint-5/trainer_state.json"
touch -d '2026-01-02 03:04:05' "$work/sweep/alpha/run.jsonl"
"$spectrum" attach "$work/sweep" --list >"$work/lines" 2>"$work/said" || fail "the runs are not listed"
test "$(awk '{print $1}' "$work/lines" | tr '\n' ' ')" = "RUN gamma beta alpha + " || fail "other runs are listed: $(cat "$work/lines")"
grep -qE '^  alpha +JSON lines +4  2026-01-02 03:04:05$' "$work/lines" || fail "what is known of alpha is not listed: $(cat "$work/lines")"
grep -qE '^\+ beta/checkpoint-5/trainer_state.json +Hugging Face Trainer +5 ' "$work/lines" || fail "a run's other log: $(cat "$work/lines")"
test ! -e "$work"/state/spectrum/attached/sweep-* || fail "listing attaches"
"$spectrum" attach "$work/sweep" --list --json >"$work/lines" || fail "the list is no JSON"
grep -q '"format": "spectrum.attachable"' "$work/lines" && grep -qF "\"run\": \"alpha\", \"tool\": \"JSON lines\", \"log\": \"$work/sweep/alpha/run.jsonl\", \"step\": 4, " "$work/lines" ||
    fail "the list as JSON: $(cat "$work/lines")"
if "$spectrum" attach "$work/sweep" --run delta 2>"$work/said"; then fail "a run that is none was attached"; fi
grep -qF "has no run \"delta\": it has \"gamma\", \"beta\", \"alpha\"" "$work/said" || fail "which runs there are is not said"
if "$spectrum" attach "$work/sweep" --run alpha --list 2>"$work/said"; then fail "one of a list"; fi
"$spectrum" attach "$work/sweep" --run alpha >"$work/lines" 2>"$work/said" || fail "an old run did not end well"
grep -q '^step 4  loss 2.5000$' "$work/lines" || fail "not the run that was chosen: $(cat "$work/lines")"
grep -q "other run" "$work/said" && fail "who chooses is told of the others"
"$spectrum" attach "$work/sweep" --json >"$work/lines" 2>"$work/said"
grep -q "2 other runs are there: --list shows them, --run NAME follows one" "$work/said" || fail "that there are others is not said"
grep -q '"loss": 3.5' "$work/lines" || fail "not the newest"
gamma=$(echo "$work"/state/spectrum/attached/gamma-*)
grep -q '"run": "gamma"' "$gamma/job.json" || fail "which run it is, is not on record"
if "$spectrum" attach "$gamma" --run alpha 2>"$work/said"; then fail "a run of a job"; fi
if "$spectrum" attach "$gamma" --list 2>"$work/said"; then fail "a list of a job"; fi
"$spectrum" jobs >"$work/lines"
grep -qF "JSON lines · gamma · $work/sweep/gamma/run.jsonl" "$work/lines" || fail "jobs does not say tool and log: $(cat "$work/lines")"
"$spectrum" jobs --json | grep -F "\"job\": \"$gamma\"" | grep -qF "\"tool\": \"JSON lines\", \"log\": \"$work/sweep/gamma/run.jsonl\", \"run\": \"gamma\"" ||
    fail "jobs --json does not say tool, log and run"
echo "torn" >>"$work/sweep/gamma/run.jsonl"
wait_until grep -q "run.jsonl: the line at byte 25 is no JSON object" "$gamma/log.txt" || fail "a damaged line is not said"
echo "torn again" >>"$work/sweep/gamma/run.jsonl"
wait_until grep -q "run.jsonl: the line at byte 30 is no JSON object" "$gamma/log.txt" || fail "the next one is not said"
# A loss that is none is no reason to show an older one: it is a line, and said.
echo '{"step": 2, "loss": NaN}' >>"$work/sweep/gamma/run.jsonl"
wait_until grep -q "run.jsonl: from step 2 on it has losses that are NaN or infinite" "$gamma/log.txt" || fail "a NaN is not said"
wait_until grep -q '"step": 2, "loss": null' "$gamma/metrics.jsonl" || fail "a NaN is left out"
"$spectrum" stop "$gamma" 2>/dev/null
wait_until test ! -e "$gamma/lock" || fail "it does not end"
"$spectrum" attach "$gamma" >"$work/lines" 2>"$work/said" || true
grep -q '^step 2  loss NaN or infinite$' "$work/lines" || fail "a NaN is no line: $(cat "$work/lines")"

# Samples that the tools themselves wrote, number by number.
samples=${SPECTRUM_SHARED_DATA:-}/../engines/samples
if [ ! -d "$samples" ]; then
    echo "SKIPPED: no samples of other tools"
    exit 0
fi
cp -r "$samples" "$work/samples"
first() { # TOOL STEP: the line of that step
    "$spectrum" attach "$work/samples/$1" 2>/dev/null | grep "^step $2[ /]" | head -n 1
}
touch -d '2 hours ago' "$work"/samples/*/*
test "$(first llama-factory 1)" = "step 1/6  loss 8.4157  lr 5e-05  1,947 tokens/s" || fail "LLaMA-Factory: $(first llama-factory 1)"
test "$(first ms-swift 2)" = "step 2/6  loss 9.4729  norm 8.97  lr 7.5e-06" || fail "ms-swift: $(first ms-swift 2)"
test "$(first trl 1)" = "step 1  loss 8.9708  norm 7.18  lr 0.0005" || fail "TRL: $(first trl 1)"
test "$(first axolotl 1)" = "step 1  loss 9.7109  norm 8.52  lr 0.0005" || fail "Axolotl: $(first axolotl 1)"
test "$(first wandb 8)" = "step 8  loss 2.4000  norm 1.08  lr 0.0005" || fail "W&B: $(first wandb 8)"
test "$(first tensorboard 1)" = "step 1  loss 3.1000  norm 1.01  lr 0.0005" || fail "TensorBoard: $(first tensorboard 1)"
"$spectrum" attach "$work/samples/trl/trainer_state.json" 2>/dev/null | grep -q '^step 1/10  loss 8.9708  norm 7.18' || fail "a Trainer's state"
