#!/usr/bin/env bash
# What the system lets a process have counts for a run, an evaluation and a generation: processors of its affinity and of a
# control group's quota, memory within a limit. Arguments: binary, source folder.
set -uo pipefail
binary=$1
model=$2/demo/model
text=$2/demo/text/problems.jsonl
work=$(mktemp -d)
group=
leave() {
  [ -z "$group" ] || rmdir "$group" 2>/dev/null
  rm -rf "$work"
}
trap leave EXIT
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state
unset OMP_NUM_THREADS
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
train() { # train NAME OPTION...
  "$binary" train "$model" --data "$text" --run "$work/$1" --steps 1 --top 25 --seq-len 64 --batch 1 --eval-every 0 \
    --eval-split 0 --sample-tokens 0 "${@:2}" >"$work/out" 2>"$work/err"
}
threads() { grep -oE '"threads": [0-9]+' "$work/$1/job.json" 2>/dev/null | grep -oE '[0-9]+$'; }

# --- processors ---

if [ "$(nproc)" -lt 2 ]; then
  echo "SKIPPED: one processor cannot be made fewer"
else
  (taskset -c "$(taskset -cp $$ | grep -oE '[0-9]+' | tail -1)" true) 2>/dev/null || fail "taskset does not work here"
  first=$(taskset -cp $$ | sed 's/.*: *//; s/[-,].*//')
  taskset -c "$first" bash -c '"$@"' _ "$binary" train "$model" --data "$text" --run "$work/bound" --steps 1 --top 25 \
    --seq-len 64 --batch 1 --eval-every 0 --eval-split 0 --sample-tokens 0 >"$work/out" 2>"$work/err" ||
    fail "it does not train on one processor: $(cat "$work/err")"
  [ "$(threads bound)" = 1 ] || fail "$(threads bound) threads on one processor"
  taskset -c "$first" "$binary" train "$model" --data "$text" --run "$work/said" --steps 1 --top 25 --threads 2 --seq-len 64 \
    --batch 1 --eval-every 0 --eval-split 0 --sample-tokens 0 >"$work/out" 2>"$work/err"
  [ "$(threads said)" = 2 ] || fail "--threads 2 is not obeyed"
  train free || fail "it does not train: $(cat "$work/err")"
  [ "$(threads free)" -ge 2 ] || fail "one thread on $(nproc) processors"
  for place in /sys/fs/cgroup/cpu /sys/fs/cgroup/cpu,cpuacct /sys/fs/cgroup; do
    [ -e "$place/cgroup.procs" ] && mkdir "$place/spectrum-test-$$" 2>/dev/null || continue
    group=$place/spectrum-test-$$
    { echo 100000 >"$group/cpu.cfs_quota_us" || echo "100000 100000" >"$group/cpu.max"; } 2>/dev/null && break
    rmdir "$group"
    group=
  done
  if [ -z "$group" ]; then
    echo "SKIPPED: no control group can be made here (root can, where its hierarchy can be written)"
  else
    (echo "$BASHPID" >"$group/cgroup.procs" && train quota) || fail "it does not train within a quota: $(cat "$work/err")"
    [ "$(threads quota)" = 1 ] || fail "$(threads quota) threads within a quota of one processor"
  fi
fi

# --- threads: as many as this user may start, where he does not say how many; root may start any number ---

as_user=()
[ "$(id -u)" != 0 ] || as_user=(setpriv --reuid=4713 --regid=4713 --clear-groups)
lone() { "${as_user[@]}" bash -c 'ulimit -u 1 && exec "$@"' _ "$binary" "$@" >"$work/out" 2>"$work/err"; }
if ! lone info "$model"; then
  echo "SKIPPED: another user cannot run this program or read its model"
else
  lone scan "$model" --no-cache --json || fail "it does not scan without more threads: $(cat "$work/err")"
  lone scan "$model" --no-cache --json --threads 7 && fail "threads that cannot be started are asked for and not missed"
  grep -qx 'spectrum: 7 threads are asked for and 1 can be started (ulimit -u, or a container.s limit of processes); give --threads 1' \
    "$work/err" || fail "it does not say why: $(cat "$work/err")"
fi

# --- memory: before it is taken, in one line that names the limit and what helps ---

refuses() { # refuses COMMAND...: what is left of 12 GiB of addresses is less than it needs
  (ulimit -v $((12 << 20)) && timeout 60 "$binary" "$@") >"$work/out" 2>"$work/err"
  [ $? = 1 ] || fail "$1 is not refused: $(cat "$work/err")"
  grep -q "it needs .* of memory and only .* are left within the limit of address space (12.0 GiB); .* less" "$work/err" ||
    fail "$1 does not say why: $(cat "$work/err")"
}
if (ulimit -v $((12 << 20)) && "$binary" --version) >/dev/null 2>&1; then
  big=(--seq-len 2048 --batch 65536)
  refuses train "$model" --data "$text" --run "$work/big" --steps 1 --top 25 "${big[@]}"
  (ulimit -v $((12 << 20)) && train dry --dry-run)
  grep -q "are free here within the limit of address space (12.0 GiB): it fits" "$work/out" ||
    fail "a dry run does not name the limit: $(cat "$work/out" "$work/err")"
  train big || fail "a run that was refused is in the way: $(cat "$work/err")"
  # A dry run says the same, and takes none of it.
  (ulimit -v $((12 << 20)) && "$binary" train "$model" --data "$text" --run "$work/dry" --steps 1 --top 25 "${big[@]}" --dry-run) \
    >"$work/out" 2>"$work/err" || fail "a dry run of what does not fit ends badly: $(cat "$work/err")"
  grep -q "are free here within the limit of address space (12.0 GiB): it does not fit" "$work/out" || fail "a dry run does not say that it does not fit"
  refuses eval "$model" --data "$text" "${big[@]}"
else
  echo "SKIPPED: this program does not start within 12 GiB of addresses (a sanitizer's takes more)"
fi

# --- addresses: what computes nothing starts within few, and at once ---

if grep -qaE '__asan_init|__ubsan_handle' "$binary"; then
  echo "SKIPPED: a sanitizer's program takes terabytes of addresses"
else
  for command in --help --version "info $model" jobs "plan --help" "train --help"; do
    (ulimit -v 150000 && timeout -k 5 60 "$binary" $command) >"$work/out" 2>"$work/err" ||
      fail "within 150 MB of addresses \`spectrum $command\` gives $?: $(tail -1 "$work/err")"
  done
  # What generates is held against them, too.
  generate() { (ulimit -v 150000 && timeout -k 5 60 "$binary" generate "$model" --prompt x --threads 1 --tokens $1) >"$work/out" 2>"$work/err"; }
  generate 65536 && fail "a text that has no room in 150 MB of addresses is begun"
  grep -q "it needs .* of memory and only .* within the limit of address space (.*); a lower --tokens.* less" "$work/err" ||
    fail "generate does not say why: $(tail -1 "$work/err")"
  generate 4 || fail "generate does not work within 150 MB of addresses: $(tail -1 "$work/err")"
fi

echo "$failures failed"
[ $failures -eq 0 ]
