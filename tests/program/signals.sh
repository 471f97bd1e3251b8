#!/bin/bash
# Signals that ask for an end, as terminals, scripts, batch systems and service managers send them: once, in bursts, to
# every process, to a process that has them ignored or blocked. None costs the checkpoint; only a second Ctrl-C does, on
# purpose. The same for the commands that train nothing.
set -eu
spectrum=$1 source=$2
. "$source/tests/waiting.bash"
work=$(mktemp -d)
pid='' late=''
trap 'for left in $pid $late; do kill -9 "$left" 2>/dev/null; done; remove_folder "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
model=$source/demo/model text=$source/demo/text/problems.jsonl
cd "$work"
for _ in $(seq 40); do cat "$text"; done >long.jsonl

fail() {
    echo "$1" >&2
    cat err ./*/log.txt >&2 2>/dev/null || true
    exit 1
}
# A step that takes a moment, and more of them than anyone waits for; `exec` keeps the process's number.
train="exec $spectrum train $model --data $text --select last:1 --steps 1000000 --save-every 0 --accumulate 2 \
    --seq-len 64 --sample-tokens 0 --eval-split 0 --threads 1 --run"
begin() { # begin RUN [OPTION OF env...]: in the background, in $pid, behind its first step; with job control, as from a terminal
    rm -rf "$1"
    set -m
    (exec env "${@:2}" bash -c "$train $1" >/dev/null 2>err) &
    pid=$!
    set +m
    steps "$1" 1 || fail "$1: no first step"
}
steps() { wait_until grep -q "\"step\": $2," "$1/metrics.jsonl"; } # steps RUN N
next_step() {                                                      # it goes on
    local last
    last=$(grep -o '"step": [0-9]*' "$1/metrics.jsonl" | tail -n 1 | grep -o '[0-9]*$')
    steps "$1" $((last + 2)) || fail "$1 did not go on: $2"
}
stopped() { # stopped RUN HOW: with status 130, a checkpoint, and a result that says so
    local status=0
    wait "$pid" || status=$?
    [ $status = 130 ] || fail "$1: status $status after $2"
    checkpointed "$1" "$2"
}
checkpointed() {
    grep -q '"status": "stopped"' "$1/result.json" || fail "$1: $2 gave $(cat "$1/result.json")"
    ls "$1"/checkpoints/step-* >/dev/null 2>&1 || fail "$1: $2 cost the checkpoint"
}

# TERM has a handler, and it is not the shell's before it became the program
caught() {
    [ "$(cat "/proc/$1/comm")" = spectrum ] && [ $((0x$(sed -n 's/^SigCgt:\s*//p' "/proc/$1/status") >> 14 & 1)) = 1 ]
}

# computing PID: 0.4 s of the processor's time later, of which it takes less from that line to its first step
computing() {
    local begun
    begun=$(ticks "$1")
    wait_until computed "$1" $((begun + 40))
}
ticks() { awk '{ print $14 }' "/proc/$1/stat"; }
computed() { [ "$(ticks "$1")" -ge "$2" ]; }

# A step that does not end within this test; what follows is its second INT, more than three seconds later.
set -m # INT is not ignored
(exec "$spectrum" train "$model" --data long.jsonl --select last:1 --steps 2 --accumulate 65536 --seq-len 64 \
    --sample-tokens 0 --eval-split 0 --threads 1 --run late >/dev/null 2>late.err) &
late=$!
set +m
wait_until grep -q "^memory" late.err || fail "late: it does not begin"
computing $late || fail "late: it computes nothing"
kill -TERM $late
told=$SECONDS

# One of each.
for signal in TERM INT HUP USR1 USR2 XCPU; do
    begin one
    kill -$signal "$pid"
    stopped one $signal
    grep -q '^spectrum: stopping: ' err || fail "one: nothing says that $signal stops it"
done

# Many at once, of all kinds, and again while the checkpoint is written.
begin many
for _ in 1 2 3 4 5 6; do
    kill -TERM "$pid"
    kill -INT "$pid"
    kill -HUP "$pid"
    kill -USR1 "$pid"
done 2>/dev/null || true
stopped many "a burst"
[ "$(grep -c 'stopping' err)" = 1 ] || fail "many: it says more than once that it stops"

# What a process sends ends nothing, however late; only the terminal's Ctrl-C does (below).
while [ $SECONDS -lt $((told + 5)) ]; do sleep 0.2; done
for signal in INT TERM; do
    kill -$signal $late
    sleep 0.1
done
kill -0 $late 2>/dev/null || fail "late: a signal some seconds behind the first ended the run between two steps"
kill -9 $late
wait $late 2>/dev/null || true
late=

# Ignored from the start: HUP as under nohup, INT as behind the & of a script. TERM stops it in any case.
begin ignored --ignore-signal=INT,HUP,TERM
kill -HUP "$pid"
kill -INT "$pid"
next_step ignored "INT and HUP are ignored"
kill -TERM "$pid"
stopped ignored "TERM that was ignored"
begin blocked --block-signal=TERM,INT,HUP
kill -TERM "$pid"
stopped blocked "TERM that was blocked"

# A job: to every process of its session, twice; to the supervisor alone; HUP to all, which is for runs in a terminal.
job() {
    rm -rf job
    ${train#exec } job --detach >/dev/null 2>err || fail "no job"
    steps job 1 || fail "job: no first step"
    pid=$(grep -o '"pid": [0-9]*' job/lock | grep -o '[0-9]*')
}
ended() { [ -e job/result.json ] && [ ! -e job/lock ]; }
for signals in "TERM TERM" "USR1 TERM" INT; do
    job
    for signal in $signals; do
        kill -"$signal" -- "-$pid"
    done
    wait_until ended || fail "job: $signals did not end it"
    checkpointed job "$signals to every process"
done
job
kill -HUP -- "-$pid"
next_step job "HUP is not for jobs"
kill -TERM "$pid"
kill -TERM "$pid"
wait_until ended || fail "job: TERM to the supervisor did not end it"
checkpointed job "TERM to the supervisor"

# Who starts it ignores the end of its children: that of the worker is seen all the same.
if env --ignore-signal=CHLD true 2>/dev/null; then
    rm -rf job
    env --ignore-signal=CHLD bash -c "$train job --detach" >/dev/null 2>err || fail "no job with CHLD ignored"
    steps job 1 || fail "job: no first step with CHLD ignored"
    kill -9 "$(grep -o '"worker": [0-9]*' job/lock | grep -o '[0-9]*')"
    wait_until ended || fail "job: its supervisor does not see that the worker was killed"
    grep -q '"status": "killed"' job/result.json || fail "job: killed with CHLD ignored: $(cat job/result.json)"
fi

# Ctrl-C of a terminal: two in a hurry are one; one that comes three seconds later ends it at once.
if command -v script >/dev/null; then
    mkfifo keys
    (script -qec "$spectrum train $model --data long.jsonl --select last:1 --steps 2 --accumulate 65536 --seq-len 64 --sample-tokens 0 \
        --eval-split 0 --threads 1 --run $work/typed" /dev/null <keys >screen 2>&1 || echo $? >status) &
    exec 7>keys
    wait_until grep -q '^memory' screen || fail "typed: it does not begin"
    pid=$(holder pid typed)
    computing "$pid" || fail "typed: it computes nothing"
    printf '\003' >&7
    wait_until grep -q 'stopping' screen || fail "typed: Ctrl-C stops nothing: $(cat screen)"
    grep -q 'Ctrl-C once more, 3 seconds or more after the last, ends it at once' screen || fail "typed: it does not say how it is ended at once"
    sleep 0.3
    printf '\003' >&7
    sleep 0.5
    kill -0 "$pid" || fail "typed: two Ctrl-C in a second ended it without a checkpoint"
    sleep 3.2
    printf '\003' >&7
    gone() { ! kill -0 "$pid"; }
    wait_until gone || fail "typed: Ctrl-C after three seconds does not end it"
    exec 7>&-
    wait_until test -s status || fail "typed: it ended with status 0"
    [ "$(cat status)" = 130 ] || fail "typed: status $(cat status)"
    grep -q 'ended at once' screen || fail "typed: it does not say that it was ended"

    # A terminal that goes away, as when a connection is lost: HUP to the run, and no line can be written any more.
    (exec script -qec "${train#exec } $work/lost" /dev/null >screen 2>&1) &
    terminal=$!
    steps lost 1 || fail "lost: no first step"
    pid=$(holder pid lost)
    kill -9 $terminal
    wait $terminal 2>/dev/null || true
    wait_until gone || fail "lost: it goes on without its terminal"
    checkpointed lost "the loss of its terminal"
else
    echo "SKIPPED: Ctrl-C of a terminal, without script(1)"
fi

# What trains nothing: two TERM are one, and the status is 130.
mkfifo pipe
caught_or_over() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status" || caught "$1"; }
while read -r name arguments; do
    for _ in 1 2 3 4 5 6 7 8 9 10; do # one that is over before it could be told is tried again
        # shellcheck disable=SC2086
        XDG_CACHE_HOME=$work/cache-$name "$spectrum" $name $arguments >/dev/null 2>err &
        pid=$!
        status=0
        wait_until caught_or_over $pid || fail "$name: it catches no TERM"
        kill -TERM $pid 2>/dev/null || true
        kill -TERM $pid 2>/dev/null || true
        wait $pid || status=$?
        [ $status = 0 ] || break
        rm -rf "$work/cache-$name"
    done
    [ $status = 130 ] || fail "$name: status $status after TERM"
    grep -q '^spectrum: ' err || fail "$name: it says nothing"
done <<END
scan $model --no-cache --threads 1 --device reference
plan $model --top 25 -o pipe
eval $model --data long.jsonl --threads 1
generate $model --prompt a --tokens 3000 --threads 1 --device reference --temperature 9
tokens $model --data long.jsonl
train $model --data long.jsonl --dry-run
END
pid=''
echo "signals: nothing lost"
