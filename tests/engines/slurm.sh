#!/usr/bin/env bash
# A launched run as a job of a real Slurm, which is brought up for it: waiting, running, its end in every way, and back into
# the queue. What runs in torchrun's place is a stand-in. Arguments: engine_tool, source folder, and parts (all).
set -u
tool=$1 source=$2
shift 2
source "$source/tests/waiting.bash"
work=$(mktemp -d)
slurm=$work/slurm
finish() {
  "$source/tests/engines/slurm_down" "$slurm"
  rm -rf "$work"
}
trap finish EXIT
"$source/tests/engines/slurm_up" "$slurm" 2 2>"$work/up" || {
  [ $? = 3 ] || { cat "$work/up"; exit 1; }
  sed 's/^slurm_up: /SKIPPED: jobs of Slurm: /' "$work/up"
  exit 77
}
export SLURM_CONF=$slurm/slurm.conf
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

# In Python's place: it gets torchrun's command line, and "trains" as the run's folder says (pace, steps, deaf: it does not
# see control/stop, finish: it is through when it does, broken: it fails at that step,
# lazy: it writes no checkpoint). Process 0 writes what the engines' scripts write.
cat >"$work/python" <<'STANDIN'
#!/usr/bin/env bash
processes=1 node=0
for argument; do
  case $argument in
  --nproc-per-node=*) processes=${argument#*=} ;;
  --node-rank=*) node=${argument#*=} ;;
  esac
done
pace=0.2 steps=10 deaf='' broken='' finish='' lazy=''
source ./how
checkpoint() { [ -n "$lazy" ] || mkdir -p "checkpoints/step-$(printf %08d "$1")"; }
event() { [ "$RANK" != 0 ] || echo "{\"event\": \"end\", \"step\": $1, \"why\": \"$2\"}" >>metrics.jsonl; }
train() {
  local step
  step=$(find checkpoints -name 'step-*' 2>/dev/null | sort | tail -n 1)
  step=$((10#0${step##*-}))
  echo "rank $RANK begins at step $step, threads $OMP_NUM_THREADS, $* at ${MASTER_ADDR:-none}"
  while [ $step -lt $steps ]; do
    sleep "$pace"
    step=$((step + 1))
    [ "$step" != "$broken" ] || { echo "spectrum: it is broken at step $step" >&2; exit 3; }
    if [ -e control/stop ] && [ -n "$finish" ]; then break; fi
    if [ -e control/stop ] && [ -z "$deaf" ]; then
      [ "$RANK" != 0 ] || checkpoint $step
      event $step stopped
      exit 0
    fi
  done
  [ "$RANK" != 0 ] || checkpoint $step
  event $step completed
}
pids=()
for ((i = 0; i < processes; i++)); do
  RANK=$((node * processes + i))
  export RANK
  train "$@" &
  pids+=($!)
done
status=0
for pid in "${pids[@]}"; do wait "$pid" || status=$?; done
exit $status
STANDIN
chmod +x "$work/python"

# A run's folder, whose name means something to every shell, and its job.
folder() { # folder NAME NODES REQUEUES HOW [OPTION]...: sets `run`
  run="$work/a run's \"$1\" \$HOME"
  mkdir -p "$run/control"
  echo '{}' >"$run/engine.json"
  echo "$4" >"$run/how"
  "$tool" script "$work/python" 2 "$2" "$3" "${@:5}" >"$run/launch.sh" 2>"$work/err" || fail "$1: $(<"$work/err")"
  chmod +x "$run/launch.sh"
}
run() { # run NAME NODES REQUEUES HOW [OPTION]...: sets `run` and `job`
  folder "$@"
  job=$("$tool" submit "$run" 2>"$work/err") || job=''
  [ -n "$job" ] || fail "$1 was not submitted: $(<"$work/err")"
}
looks() { # looks PATTERN: the job's look matches
  [[ "$("$tool" look "$job" 2>&1)" == $1 ]]
}
becomes() { # becomes PATTERN
  [ -n "$job" ] || return
  wait_until looks "$1" || fail "${run##*/} ($job) is not $1 but $("$tool" look "$job" 2>&1): $(tail -n 5 "$run/engine.log")"
}
log_has() { grep -qF -- "$1" "$run/engine.log" 2>/dev/null || fail "${run##*/}: no \"$1\" in: $(<"$run/engine.log")"; }
ended() { # ended TEXT [STATUS]: what is said of its end
  local said
  said=$("$tool" failure "$run/engine.log" "${2:-1}" 2)
  [[ "$said" == $1 ]] || fail "${run##*/} ended: $said (expected $1) of $(<"$run/engine.log")"
}
cancel() { "$tool" cancel "$1" || fail "$1 could not be cancelled"; }

idle() { [ -z "$(squeue -h)" ] && [ "$(sinfo -h -p main -t idle -o %D)" = 2 ]; }
quiet() { wait_until idle || fail "Slurm is not idle: $(squeue; sinfo)"; }

# On two nodes, to its end, while others wait for one reason or another.
part_whole() {
  # Variables of this shell that would count for more than the script's lines do not.
  export SBATCH_ARRAY_INX=1-3 SBATCH_OUTPUT=elsewhere SBATCH_WAIT=1
  run whole 2 0 'steps=30' '--comment=a b "c" #d \ e'"'"'f' "--time 10:00" --job-name=named
  unset SBATCH_ARRAY_INX SBATCH_OUTPUT SBATCH_WAIT
  becomes 'running|0|0|0|n\[1-2\]||'
  local whole=$job shown
  shown=$(scontrol --oneliner show job "$job")
  [[ "$shown" == *" Comment=a b \"c\" #d \\ e'f "* ]] || fail "a comment became $shown"
  [[ "$shown" == *" JobName=named "*" TimeLimit=00:10:00 "* ]] || fail "options that were not taken: $shown"

  run resources 2 0 'steps=1'
  becomes 'pending|0|0|0||waits for resources|*'
  cancel "$job"
  becomes 'cancelled|0|0|0||was cancelled|'
  cancel "$job" # once more: nothing is wrong with that
  run later 1 0 'steps=1' --begin=now+1hour
  becomes 'pending|0|0|0||waits for its begin time until 2*'
  cancel "$job"
  run held 1 0 'steps=1' --hold
  becomes 'pending|0|0|0||is held by its user: scontrol release lets it go|'
  cancel "$job"
  run many 5 0 'steps=1'
  becomes 'pending|0|0|0||asks for *|'
  cancel "$job"
  run dependent 1 0 'steps=1' "--dependency=afterok:$whole"
  becomes 'pending|0|0|0||waits for another job, on which it depends|*'
  cancel "$job"
  folder "no partition" 1 0 'steps=1' --partition=nowhere
  said=$("$tool" submit "$run" 2>&1) && fail "a partition that there is not: job $said"
  [[ "$said" == "sbatch: sbatch: error: Batch job submission failed: Invalid partition"* ]] || fail "no partition: $said"

  run="$work/a run's \"whole\" \$HOME" job=$whole
  becomes 'completed|0|0|0|n\[1-2\]||'
  for rank in 0 1 2 3; do log_has "rank $rank begins at step 0"; done
  log_has 'train.py at 127.0.0.1'
  log_has "=== spectrum: job $job on n[1-2], sitting 1, "
  [ -e "$run/checkpoints/step-00000030" ] && [ ! -e "$run/elsewhere" ] || fail "a whole run left $(ls "$run")"
}

# Without the program: the folder stands alone.
part_hand() {
  run="$work/by hand"
  mkdir -p "$run"
  echo '{}' >"$run/engine.json"
  echo 'steps=1' >"$run/how"
  "$tool" script "$work/python" 1 1 0 >"$run/launch.sh"
  chmod +x "$run/launch.sh"
  job=$("$run/launch.sh" | grep -o '[0-9]*$')
  becomes 'completed|0|0|0|n?||'
  log_has 'rank 0 begins at step 0'
  job=$(cd "$work" && sbatch --parsable "$run/launch.sh")
  run=$work
  becomes 'failed|0|2|0|n?|ended with status 2|'
  ended "$work is not the run's folder; there: sbatch launch.sh"
}

# A check of ours that fails, in one process of four; a folder that the nodes do not have.
part_fails() {
  run broken 2 0 'broken=3'
  becomes 'failed|0|*|0|n\[1-2\]|ended with status *|' # of srun, which ends the other task by a signal
  ended 'it is broken at step 3'
  run nowhere 1 0 'steps=1' --hold
  mv "$run" "$work/moved"
  scontrol release "$job"
  becomes 'failed|0|0|53|n?|could not write engine.log on its node*'
}

# A person's stop: the run ends, and is not put into the queue again.
part_stop() {
  run stopped 2 9 'steps=1000' --time=10
  becomes 'running|*'
  wait_until grep -q 'rank 3 begins' "$run/engine.log"
  : >"$run/control/stop"
  becomes 'completed|0|0|0|n\[1-2\]||'
  grep -q '"why": "stopped"' "$run/metrics.jsonl" || fail "a stop that was not heard"
  [ -e "$run/control/stop" ] || fail "a stop that was taken away"
}

# The time limit is near: a checkpoint, into the queue, and on from there; at most so often. (In a job of a minute the
# signal comes within half of one.)
part_limit() {
  run limit 1 1 'steps=1000' --time=1
  becomes 'pending|1|0|0||is in the queue again, and waits until 2*'
  [ ! -e "$run/control/stop" ] || fail "the stop of a time limit is left over"
  becomes 'completed|1|0|0|n?||'
  log_has "the job's time is nearly up: a checkpoint is written"
  log_has 'the job was put into the queue again 1 time, as often as it may be: resume the run to go on'
  [ "$(grep -c '^=== spectrum: job' "$run/engine.log")" = 2 ] || fail "sittings: $(<"$run/engine.log")"
  grep -qE 'rank 0 begins at step [1-9]' "$run/engine.log" || fail "a second sitting from the start: $(<"$run/engine.log")"

  # In its second sitting it comes to its end; another comes to it just when its time is up.
  run enough 1 9 'steps=1000; [ ! -d checkpoints ] || steps=0' --time=1
  becomes 'completed|1|0|0|n?||'
  run just 1 9 'steps=1000 finish=yes' --time=1
  becomes 'completed|0|0|0|n?||'
  log_has "the job's time is nearly up: a checkpoint is written"
  [ ! -e "$run/control/stop" ] || fail "the stop of a time limit is left over when it is through"

  # The site or the user does not want jobs back in the queue.
  run once 1 9 'steps=1000' --time=1 --no-requeue
  becomes 'completed|0|0|0|n?||'
  log_has 'Slurm does not put the job into the queue again: resume the run to go on'

  # No checkpoint since it began: the next sitting would bring none, either.
  run none 1 9 'steps=1000 lazy=yes' --time=1 --hold
  mkdir -p "$run/checkpoints/step-00000007"
  scontrol release "$job"
  becomes 'failed|0|1|0|n?|ended with status 1|'
  ended "the job's time was up before a checkpoint was written: give it more (--sbatch --time=...)"
}

part_cancel() {
  run cancelled 2 0 'steps=1000'
  wait_until grep -q 'rank 3 begins' "$run/engine.log"
  cancel "$job"
  becomes 'cancelled|0|*|*|n\[1-2\]|was cancelled|'
  ended 'the job was cancelled'
  quiet
}

# A node goes down under it, with and without --requeue; another job takes its nodes.
part_nodes() {
  local option state
  for option in --requeue --no-requeue; do
    run "node $option" 2 0 'steps=1000' $option
    wait_until grep -q 'rank 3 begins' "$run/engine.log"
    scontrol update nodename=n2 state=down reason=test
    state='pending|1|0|0||*'
    [ $option = --requeue ] || state='node failed|0|*|*|n\[1-2\]|ended: a node failed|'
    becomes "$state"
    wait_until grep -q '^slurmstepd.* JOB ' "$run/engine.log"
    ended 'node n2 failed'
    cancel "$job"
    wait_until bash -c '[ -z "$(squeue -h)" ]'
    idle || scontrol update nodename=n2 state=resume
    quiet
  done
  run preempted 2 0 'steps=1000'
  wait_until grep -q 'rank 3 begins' "$run/engine.log"
  local preempted=$job kept=$run
  run urgent 2 0 'steps=5' --partition=urgent
  becomes 'completed|0|*'
  job=$preempted run=$kept
  wait_until grep -q '^slurmstepd.* JOB ' "$run/engine.log"
  ended 'another job took its nodes (preemption)'
  becomes 'running|1|0|0|n\[1-2\]||'
  cancel "$job"
  quiet
}

# It does not listen, and its time is over. The next start takes that stop away, and one that a person asked for stays.
part_deaf() {
  run deaf 1 9 'steps=10000 deaf=yes' --time=1
  becomes 'timed out|0|*|*|n?|ran into its time limit|'
  ended 'the job ran into its time limit before *'
  [ -s "$run/control/stop" ] || fail "no stop for one that does not listen"
  echo 'steps=1' >"$run/how"
  job=$("$tool" submit "$run")
  becomes 'completed|0|0|0|n?||'
  [ ! -e "$run/control/stop" ] || fail "the stop of an earlier sitting is left over"
  : >"$run/control/stop"
  job=$("$tool" submit "$run")
  becomes 'completed|0|0|0|n?||'
  [ -e "$run/control/stop" ] || fail "a person's stop is gone"
}

# What Slurm does not know, and a Slurm that is not there.
part_unknown() {
  job=999999
  looks 'gone|-1|0|0||is over, and Slurm does not know any more how it ended|' || fail "an unknown job: $("$tool" look $job)"
  cancel $job
  for odd in '' x 7x '7;' '7;-x' '7; x' '-7' "7;$(printf 'x%.0s' {1..70})"; do
    said=$("$tool" look "$odd" 2>&1) && fail "\"$odd\" was taken for a job: $said"
    [[ "$said" == *"is no job of Slurm" ]] || fail "of \"$odd\" it is said: $said"
  done
  folder unknown 1 0 'steps=1'
  said=$(PATH=/nowhere "$tool" submit "$run" 2>&1) && fail "without sbatch it submits: $said"
  [[ "$said" == "sbatch is not found: Slurm's commands are on a cluster's login nodes;"* ]] || fail "without sbatch: $said"
  kill "$(<"$slurm/run/slurmctld.pid")"
  said=$("$tool" look 1 2>&1) && fail "without a controller it looks: $said"
  [[ "$said" == "scontrol: "*"Unable to contact slurm controller"* ]] || fail "without a controller: $said"
}

[ $# -gt 0 ] || set -- whole hand fails stop limit cancel nodes deaf unknown
for part; do
  part_"$part"
done
[ $failures -eq 0 ] && echo "slurm: $*"
exit $((failures > 0))
