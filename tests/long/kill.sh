#!/usr/bin/env bash
# A run that is killed at any moment resumes to the bit. Not in the suite: it takes minutes.
#
#   tests/long/kill.sh [KILLS]     200 by default, with the release build (build/spectrum)
#
# A small run that keeps every step is done once without harm. Then it is begun and killed (signal 9)
# after a time that goes evenly over what a whole run takes, KILLS times: at the start, while data is
# tokenised and the model scanned, in steps, in the middle of saves, at the end. After each kill:
#
#   1. every checkpoint that is there under its name is one of the whole run's, to the bit;
#   2. `spectrum resume` (or `train`, where there is nothing to resume) ends well;
#   3. its last weights, masters and optimiser, and the losses of all steps, are the whole run's;
#   4. no temporary is left.
#
# Every fourth is killed a second time, while it resumes.
set -u
cd "$(dirname "$0")/../.."
source tests/waiting.bash
kills=${1:-200}
steps=8 failures=0 killed=0 complete=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache TMPDIR=$work/tmp OMP_NUM_THREADS=1
mkdir "$TMPDIR"
spectrum=$work/spectrum && cp build/spectrum "$spectrum" || exit 1 # a build meanwhile is another program
head -c 4000 demo/text/shakespeare.txt >"$work/text.txt"

train() { # train RUN
  exec "$spectrum" train demo/model --data "$work/text.txt" --run "$1" --steps $steps --seq-len 32 --batch 1 \
    --accumulate 1 --threads 1 --device cpu --dtype bf16 --lr 1e-3 --save-every 1 --keep 99 --eval-split 0 \
    --sample-tokens 0 --method spectrum --top 25
}
# RUN: step and loss of every training step that counts; of a step, the last
losses() {
  grep -oP '"step": \K[0-9]+, .*"loss": [0-9.e-]+' "$1/metrics.jsonl" | sed 's/, .*"loss": / /' |
    awk '{ loss[$1] = $2 } END { for (s in loss) print s, loss[s] }' | sort -n
}
fail() {
  failures=$((failures + 1))
  echo "KILL $i after $after ms: $*"
}
# Goes on as a job: 1 where it does not. A run that was killed before its job.json was there is begun again from nothing.
go_on() {
  if [ -f "$run/job.json" ]; then
    "$spectrum" resume "$run" >>"$work/out" 2>&1
  else
    rm -rf "$run" && (train "$run") >>"$work/out" 2>&1
  fi
}
is_complete() { [ -f "$run/result.json" ] && grep -q '"completed"' "$run/result.json"; }
# Ends worker and supervisor at once, as a power cut does.
kill_job() {
  local worker supervisor
  worker=$(holder worker "$run" 2>/dev/null) supervisor=$(holder pid "$run" 2>/dev/null)
  [ -n "$supervisor" ] && kill -9 $supervisor $worker 2>/dev/null || return 1
  while kill -0 $supervisor 2>/dev/null || { [ -n "$worker" ] && kill -0 $worker 2>/dev/null; }; do sleep 0.01; done
}
kill_after() { # kill_after MILLISECONDS COMMAND...: true where it was still there to be killed
  local milliseconds=$1 pid
  shift
  ("$@") >>"$work/out" 2>&1 &
  pid=$!
  sleep "$(printf '%d.%03d' $((milliseconds / 1000)) $((milliseconds % 1000)))"
  kill -9 "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  [ $? = 137 ]
}

begin=$(date +%s%N)
(train "$work/whole") >"$work/out" 2>&1 || { cat "$work/out"; exit 1; }
whole=$((($(date +%s%N) - begin) / 1000000))
[ "$(losses "$work/whole" | wc -l)" = $steps ] || { echo "not $steps losses"; exit 1; }
echo "a whole run takes $whole ms"

for ((i = 1; i <= kills; i++)); do
  run=$work/run after=$((i * whole / kills))
  rm -rf "$run" "$work/cache" && : >"$work/out"
  if kill_after $after train "$run"; then killed=$((killed + 1)); else complete=$((complete + 1)); fi
  for state in "$run"/checkpoints/step-*; do
    [ -d "$state" ] || continue
    diff -r -x state.json "$work/whole/checkpoints/${state##*/}" "$state" >/dev/null ||
      fail "${state##*/} is not whole"
  done
  if [ $((i % 4)) = 0 ] && ! is_complete && [ -f "$run/job.json" ] && go_on; then
    sleep "$(printf '0.%03d' $((after * 7 % 500)))"
    kill_job && killed=$((killed + 1))
  fi
  is_complete || go_on || fail "it does not go on: $(tail -n 1 "$work/out")"
  is_complete || "$spectrum" attach "$run" >>"$work/out" 2>&1
  is_complete || fail "it does not end well: $(tail -n 1 "$work/out")"
  last=checkpoints/step-$(printf %08d $steps)
  diff -r -x state.json "$work/whole/$last" "$run/$last" >/dev/null || fail "another result"
  diff <(losses "$work/whole") <(losses "$run") >/dev/null || fail "other losses"
  left=$(find "$run" "$work/cache" "$TMPDIR" -name '.*.tmp' -o -path "$TMPDIR/*")
  [ -z "$left" ] || fail "left: $left"
  [ $((i % 20)) != 0 ] || echo "$i of $kills, $failures failures"
done
echo "kill: $killed kills, $complete runs ended before theirs, $failures failures"
exit $((failures > 0))
