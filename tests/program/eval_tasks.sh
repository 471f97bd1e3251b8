#!/usr/bin/env bash
# `spectrum eval --tasks`: what it prints, what it refuses and how, and that it can be stopped. That it
# chooses as lm-evaluation-harness does is in tests/unit/test_task_scores.c.
# Arguments: binary, source folder.
set -u
spectrum=$1 model=$2/demo/model data=$2/tests/data/tasks
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work XDG_STATE_HOME=$work XDG_CACHE_HOME=$work
cd "$work" || exit 1
. "$2/tests/waiting.bash"
failures=0
fail() {
  echo "EVAL_TASKS: $*: $(head -c 400 err)"
  failures=$((failures + 1))
}
run() { "$spectrum" eval "$model" --threads 2 "$@" >out 2>err; }
# refuses STATUS WORDS OPTION...
refuses() {
  local status=$1 words=$2
  shift 2
  run "$@"
  [ $? -eq "$status" ] && [ ! -s out ] && grep -qF -- "$words" err || fail "not refused by \"$words\": $*"
}

run --tasks arc_challenge,boolq,mmlu --data-dir "$data" || fail "does not run"
grep -qE '^arc_challenge   20 items  acc 0\.[0-9]+ ± 0\.[0-9]+  acc_norm 0\.[0-9]+ ± 0\.[0-9]+  [0-9.]+ s, [0-9.]+ items/s$' out ||
  fail "no line of arc_challenge: $(cat out)"
grep -qE '^boolq           20 items  acc [^a]*$' out || fail "no line of boolq, or with acc_norm"
run --tasks mmlu,winogrande --data-dir "$data" --limit 3 --json || fail "no JSON"
grep -qE '^\{"format": "spectrum.tasks", "version": 1, .*"limit": 3, "tasks": \[\{"task": "mmlu", "files": 2, "items": 6, "acc": [0-9.]+, "acc_stderr": .*\{"task": "winogrande", "files": 1, "items": 3,' out ||
  fail "the JSON says something else: $(cat out)"

refuses 2 'no task is called "arc"' --tasks arc --data-dir "$data"
refuses 2 'names boolq twice' --tasks boolq,boolq --data-dir "$data"
refuses 2 'wants --data-dir' --tasks boolq
refuses 2 '--seq-len is for --data' --tasks boolq --data-dir "$data" --seq-len 8
refuses 2 '--limit is for --tasks' --data x --limit 8
refuses 1 'no file of piqa' --tasks piqa --data-dir "$data"
refuses 1 'cannot be read' --tasks piqa --data-dir nowhere

mkdir d
put() { printf '%s\n' "$2" >"d/$1"; }
put piqa.jsonl '{"goal": "g", "sol1": "a", "sol2": "b"}'
refuses 1 'piqa-labels.lst' --tasks piqa --data-dir d
put piqa-labels.lst 1
run --tasks piqa --data-dir d || fail "labels beside are not read"
put piqa-labels.lst ''
refuses 1 '"label" names none of the 2 choices' --tasks piqa --data-dir d
printf 'PAR1' >d/boolq.parquet
refuses 1 'Parquet' --tasks boolq --data-dir d
rm d/boolq.parquet
put boolq.jsonl '{"question": "q", "passage": "p", "answer": true}
{"question": "q", "answer": true}'
refuses 1 'boolq.jsonl:2' --tasks boolq --data-dir d
put boolq.jsonl '{"text": "q"}'
refuses 1 'its first record has text; expected question, passage, answer (google/boolq)' --tasks boolq --data-dir d
printf '{"question": "q\xff"}\n' >d/boolq.jsonl
refuses 1 'boolq.jsonl:1: not UTF-8' --tasks boolq --data-dir d
{ printf '{"question": "'; head -c 1100000 /dev/zero | tr '\0' x; echo '"}'; } >d/boolq.jsonl
refuses 1 'over 1048576 bytes' --tasks boolq --data-dir d
: >d/boolq.jsonl
refuses 1 'the file is empty' --tasks boolq --data-dir d
cp "$data/boolq.jsonl" d/boolq.jsonl
cp "$data/boolq.jsonl" d/boolq_more.jsonl
refuses 1 'several files of boolq' --tasks boolq --data-dir d
mv d/boolq_more.jsonl d/boolq_dev.jsonl
run --tasks boolq --data-dir d || fail "of two files not the split's is taken"
rm d/boolq_dev.jsonl
gzip d/boolq.jsonl
run --tasks boolq --data-dir d --limit 2 || fail "gzip is not unpacked"

# Stopped in the middle: nothing is printed, and a job says so.
for i in $(seq 300); do cat "$data/truthfulqa.csv" | tail -n +2; done | { head -1 "$data/truthfulqa.csv"; cat; } >d/truthfulqa.csv
"$spectrum" eval "$model" --threads 1 --tasks truthfulqa_mc1 --data-dir d --json >out 2>err &
pid=$!
sleep 2
kill -TERM $pid
wait $pid
[ $? -eq 130 ] && [ ! -s out ] || fail "an interruption ends otherwise"
mkdir job
SPECTRUM_JOB=$work/job "$spectrum" eval "$model" --threads 1 --tasks boolq --data-dir d --json >out 2>err || fail "no job"
grep -q '"format": "spectrum.tasks"' job/output.json && grep -q '"completed"' job/result.json || fail "the job has no result"

[ "$failures" -eq 0 ] || exit 1
echo "eval_tasks: all good"
