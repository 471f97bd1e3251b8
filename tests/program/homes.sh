#!/bin/bash
# A home that cannot be written, or is none: the list of jobs and what is kept between runs are left
# out, in one line each, and everything else works; nothing half made stays. Runs that begin in one
# second get a folder each.
set -eu
spectrum=$1 source=$2
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
trap 'chmod -R u+w "$work"; remove_folder "$work"' EXIT
model=$source/demo/model
cd "$work"
head -c 3000 "$source/demo/text/shakespeare.txt" >text.txt
unset XDG_CACHE_HOME XDG_STATE_HOME XDG_CONFIG_HOME HF_HOME HF_HUB_CACHE HUGGINGFACE_HUB_CACHE SPECTRUM_JOB
export TMPDIR=$work/temporary
mkdir temporary

fail() {
    echo "$1" >&2
    cat said out >&2 || true
    exit 1
}
says() { grep -qF -- "$1" said || fail "$what: it does not say \"$1\""; }
train() { # train OPTIONS...: one step
    "$spectrum" train "$model" --data text.txt --select last:1 --steps 1 --accumulate 1 --seq-len 64 \
        --sample-tokens 0 --eval-split 0 --threads 1 "$@"
}

# HOME is a file, is not there, is not set, is empty: with each, all that is asked for is done.
touch file
tried=0
try_home() { # try_home WHAT COMMAND-THAT-SETS-IT...
    what=$1
    tried=$((tried + 1))
    "${@:2}" "$spectrum" train "$model" --data text.txt --select last:1 --steps 1 --accumulate 1 \
        --seq-len 64 --sample-tokens 0 --eval-split 0 --threads 1 --run "run$tried" >out 2>said ||
        fail "$what: train --run fails"
    test "$(grep -c 'will not list' said)" = 1 || fail "$what: not one line on the list of jobs"
    says XDG_STATE_HOME
    says "tokenised data cannot be kept"
    test -e "run$tried/result.json" || fail "$what: no run"
    "${@:2}" "$spectrum" jobs >out 2>said || fail "$what: jobs fails"
    test ! -s out || fail "$what: jobs lists something"
    "${@:2}" "$spectrum" scan "$model" --modules 'layers\.1\.' -o scan.json >out 2>said || fail "$what: scan fails"
    test "$(grep -c 'singular values are not kept' said)" = 1 || fail "$what: not one line on the cache"
    printf 'wait scan\nsave-screen screen.txt\n' >script
    rm -f screen.txt
    "${@:2}" timeout "$(patience 60)" "$spectrum" --script script --size 100x30 "$model" >out 2>said ||
        fail "$what: the screen's scan fails"
    grep -q 'q_proj' screen.txt || fail "$what: the screen shows no scores"
    printf 'save-screen screen.txt\n' >script
    "${@:2}" timeout "$(patience 60)" "$spectrum" --script script --size 100x30 >out 2>said || fail "$what: no library"
}
try_home "HOME is a file" env HOME="$work/file"
try_home "HOME is not there" env HOME="$work/none/me"
try_home "no HOME" env -u HOME
test ! -e none || fail "a home was made"
test "$(stat -c %a temporary/spectrum-"$(id -u)")" = 700 || fail "the temporary folder is not private"

# One that may be read alone, for whom that means something.
mkdir -p home/.local
if [ "$(id -u)" = 0 ]; then
    echo "SKIPPED: a read-only home, which is none to root"
else
    chmod 555 home home/.local
    try_home "a read-only HOME" env HOME="$work/home"
    test -z "$(ls -A home/.local)" || fail "something half made stays"
fi

# Relative folders are ignored (the specification says so), and nothing appears here.
what="relative XDG folders"
export HOME=$work/good
mkdir good
XDG_STATE_HOME=relative XDG_CACHE_HOME=relative train --run relative-run >out 2>said || fail "$what: train"
test ! -e relative || fail "$what: a folder here"
"$spectrum" jobs | grep -q relative-run || fail "$what: the list is not in HOME"
test "$(stat -c %a good/.local/state/spectrum)" = 700 || fail "$what: others can look into the list"

# Without --run: a place that cannot be had is said with the option that names another.
what="runs is a file"
touch runs
if train >out 2>said; then fail "$what: it ran"; fi
says "a run without --run goes to"
rm runs

# Four at once: four folders, none fails, and all are listed.
pids=
for number in 1 2 3 4; do
    train >"out$number" 2>&1 &
    pids+=" $!"
done
for pid in $pids; do wait "$pid" || fail "of runs that begin at once one fails: $(cat out?)"; done
test "$(find runs -mindepth 1 -maxdepth 1 | wc -l)" = 4 || fail "not a folder each: $(ls runs)"
test "$("$spectrum" jobs | grep -c 'model-')" = 4 || fail "not all are listed"

# Screens that open one model in the same moment share its scan.
export XDG_CACHE_HOME=$work/none
printf 'wait scan\nsave-screen %s\n' "/dev/stdout" >script
pids=
for number in 1 2 3 4; do
    timeout "$(patience 60)" "$spectrum" --script script --size 100x30 "$model" >"out$number" 2>"said$number" &
    pids+=" $!"
done
for pid in $pids; do wait "$pid" || fail "of screens that open one model at once one fails: $(cat said?)"; done
for number in 1 2 3 4; do
    grep -q 'SNR  *0\.[0-9]' "out$number" || fail "screen $number has no scores: $(cat "out$number")"
done
test "$(find good/.local/state/spectrum/scans -name metrics.jsonl | wc -l)" = 1 || fail "more than one scan"
test "$(cat good/.local/state/spectrum/scans/*/metrics.jsonl | grep -c '"event": "row"')" = 56 || fail "scanned twice"
