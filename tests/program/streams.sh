#!/bin/bash
# What a process finds in place of its standard streams, and in place of a file: closed ones, readers that are gone, full
# disks, a limit on the size of files. What is said is lost then, and never a run, nor is a line of it in another file.
set -eu
spectrum=$1 source=$2
. "$source/tests/waiting.bash"
work=$(mktemp -d)
trap 'remove_folder "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
model=$source/demo/model text=$source/demo/text/problems.jsonl
cd "$work"

fail() {
    echo "$1" >&2
    cat err >&2 2>/dev/null || true
    exit 1
}
train() { # train RUN STEPS...
    "$spectrum" train "$model" --data "$text" --select last:1 --accumulate 1 --seq-len 64 --sample-tokens 0 --eval-split 0 \
        --threads 1 --run "$1" --steps "${@:2}"
}
completed() { # completed RUN: and its metrics are lines of JSON alone
    grep -q '"completed"' "$1/result.json" || fail "$1: $(cat "$1/result.json" 2>&1)"
    ! grep -vE '^\{.*\}$' "$1/metrics.jsonl" || fail "$1: what was said is in its metrics"
    ls "$1"/checkpoints/step-* >/dev/null 2>&1 || fail "$1: no checkpoint"
}

# Closed.
train input 3 <&- 2>/dev/null || fail "without standard input: status $?"
train error 3 2>&- || fail "without standard error: status $?"
train two 3 --json >&- 2>&- || fail "without standard output and error: status $?"
train none 3 <&- >&- 2>&- || fail "without any standard stream: status $?"
for run in input error two none; do completed $run; done
train job 3 --detach <&- >&- 2>&- || fail "a job without standard streams: status $?"
over() { [ -e job/result.json ] && [ ! -e job/lock ]; }
wait_until over || fail "job: it does not end"
completed job
grep -q '^step 3/3' job/log.txt || fail "job: its log is not in log.txt"

# A reader that is gone: descriptor 4 is the end of a pipe that nobody reads.
mkfifo pipe
exec 3<>pipe 4>pipe
exec 3<&-
train unread 3 >&4 2>&4 || fail "a run without a reader: status $?"
completed unread
for command in "scan $model --json" "plan $model --top 25" "info $model" "tokens $model --data $text" \
    "generate $model --prompt a --tokens 2000 --threads 1" "--help"; do
    status=0
    # shellcheck disable=SC2086
    "$spectrum" $command >&4 2>err || status=$?
    [ $status = 141 ] || fail "$command without a reader: status $status"
    ! grep -q '^spectrum: ' err || fail "$command: its reader left, and it makes an error of that"
done
exec 4>&-

# A full disk: below what is said nothing is lost; below what is the point it is an error.
train full 3 2>/dev/full || fail "a run whose messages have no room: status $?"
completed full
for command in "scan $model --json" "info $model" --version; do
    status=0
    # shellcheck disable=SC2086
    "$spectrum" $command >/dev/full 2>err || status=$?
    [ $status = 1 ] || fail "$command on a full disk: status $status"
    grep -q '^spectrum: cannot write to standard output' err || fail "$command: it does not say so"
done

# A limit on the size of files: a line, no half file, and the run goes on where there is room.
temporary() { find . -name '*.tmp' -o -name '.*.tmp' | grep .; }
status=0
(ulimit -f 1 && exec "$spectrum" scan "$model" --no-cache -o scan.json) >/dev/null 2>err || status=$?
[ $status = 1 ] || fail "a scan beyond ulimit -f: status $status"
grep -q '^spectrum: cannot write .*scan.json: .*ulimit -f' err || fail "it does not say why the scan was not written"
[ ! -e scan.json ] || fail "half a scan was written"
status=0
(ulimit -f 64 && train limited 3 2>err) || status=$?
[ $status = 1 ] || fail "a run beyond ulimit -f: status $status"
grep -q '^spectrum: .*ulimit -f' err || fail "it does not say why the checkpoint was not written"
grep -q '"failed"' limited/result.json || fail "limited: $(cat limited/result.json)"
! temporary || fail "temporary files stay"
"$spectrum" resume limited 2>err || fail "limited: it is not resumed"
resumed() { [ ! -e limited/lock ] && grep -q '"completed"' limited/result.json; }
wait_until resumed || fail "limited: it does not go on"

# An export that was killed has left a folder that says so; the next to it begins anew, unless one is at work there.
# What has no such file is the user's.
mkdir left
touch left/.spectrum-unfinished left/config.json left/.model.safetensors.0123456789abcdef.tmp
if command -v flock >/dev/null; then
    ! flock left/.spectrum-unfinished "$spectrum" export full -o left 2>err || fail "an export into another's folder"
    [ -e left/config.json ] || fail "an export removed another's files"
fi
"$spectrum" export full -o left 2>err || fail "what a dead export left stops the next"
[ -s left/model.safetensors ] && [ ! -e left/.spectrum-unfinished ] && ! temporary || fail "left: $(ls -A left)"
mkdir -p strange/sub && touch strange/.spectrum-unfinished strange/thesis.txt strange/config.json
! "$spectrum" export full -o strange 2>err || fail "an export into a folder with a stranger's file"
rmdir strange/sub
! "$spectrum" export full -o strange 2>err || fail "an export into a folder with a stranger's file"
[ -e strange/thesis.txt ] && [ -e strange/config.json ] || fail "an export removed a stranger's file: $(ls -A strange)"
mkdir own && touch own/config.json
! "$spectrum" export full -o own 2>err || fail "an export into a folder with files"
(ulimit -f 64 && exec "$spectrum" export full -o limit) 2>err && fail "an export beyond ulimit -f"
[ ! -e limit ] || fail "half an export stays"

# Of exports to one folder at once one has it, whole, and each of the others says that it has not. A link to nothing is
# not replaced.
for i in 1 2 3 4; do "$spectrum" export full -o once >"out$i" 2>"err$i" & exports[i]=$!; done
written=0
for i in 1 2 3 4; do
    if wait "${exports[i]}"; then written=$((written + 1)); continue; fi
    grep -qE "another export writes to once now|once is there, and not an empty folder" "err$i" ||
        fail "one of four exports at once says $(cat "err$i")"
done
[ $written = 1 ] || fail "of four exports at once $written say that they wrote"
"$spectrum" info once >out 2>err || fail "what was written is not whole"
! temporary || fail "temporary files stay"
[ ! -e once/.spectrum-unfinished ] || fail "the mark stays"
if command -v flock >/dev/null; then
    mkdir busy
    ! flock busy "$spectrum" export full -o busy 2>err || fail "an export into a folder that another has"
    grep -q "another export writes to busy now" err || fail "it does not say who writes there"
fi
ln -s nowhere link
ln -s nowhere link.gguf
! "$spectrum" export full -o link 2>err || fail "an export in the place of a link"
! "$spectrum" export full --to gguf -o link.gguf 2>err || fail "a GGUF file in the place of a link"
grep -q "link.gguf is there" err || fail "it does not say that a link is there"
if train link 1 2>err; then fail "a run in the place of a link"; fi
[ "$(readlink link) $(readlink link.gguf)" = "nowhere nowhere" ] && [ ! -e nowhere ] || fail "a link was replaced, or followed"
echo "streams: nothing lost"
