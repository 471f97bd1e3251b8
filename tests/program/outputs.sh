#!/bin/bash
# What -o names is written to as it is there: a pipe, a device, a link, a file with its mode. What
# cannot be written is refused before the work; a file of the model never is. What a kill left is
# gone with the next run, and nobody else can read what is on the way.
set -eu
spectrum=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state TMPDIR=$work/temporary OMP_NUM_THREADS=1
mkdir temporary
cp -r "$source/demo/model" model
chmod -R u+w model
fail() {
    echo "$1" >&2
    cat said >&2 || true
    exit 1
}
says() { grep -qF -- "$1" said || fail "$what: it does not say \"$1\""; }

# Each command with an output, as `write NAME OUTPUT`.
write() {
    case $1 in
    scan) "$spectrum" scan model --modules 'layers\.1\.' -o "$2" ;;
    spectra) "$spectrum" scan model --modules 'layers\.1\.' --spectra "$2" ;;
    plan) "$spectrum" plan model --top 25 -o "$2" ;;
    screen)
        printf 'save-screen %s\n' "$2" >script
        "$spectrum" --script script --size 100x30 model
        ;;
    esac >out 2>said
}
for command in scan spectra plan screen; do
    what=$command
    mkfifo pipe
    timeout 60 cat pipe >got &
    write $command pipe || fail "$what: a pipe"
    wait $!
    test -p pipe || fail "$what: the pipe is another file now"
    test -s got || fail "$what: nothing came through the pipe"
    rm pipe

    write $command /dev/stdout || fail "$what: /dev/stdout"
    test -s out || fail "$what: nothing on /dev/stdout"
    write $command /dev/null || fail "$what: /dev/null"
    test -c /dev/null || fail "$what: /dev/null is another file now"
    if write $command /dev/full; then fail "$what: /dev/full takes it"; fi
    says "No space left"

    # A stream that is there for reading is refused, by a scan before it computes.
    if write $command /dev/fd/0 </dev/null; then fail "$what: standard input takes it"; fi
    says "cannot write /dev/fd/0"
    ! grep -q matrices said || fail "$what: refused when the work was done"

    # A file keeps its mode, a link its target; only then is it new. The screen writes over one of its
    # pictures alone.
    rm -f file
    if [ $command = screen ]; then
        echo another >file
        if write $command file; then fail "$what: another file was written over"; fi
        says "is not a picture of the screen"
        rm file
        write $command file
    fi
    echo old >>file
    chmod 640 file
    ln -s file link
    write $command link || fail "$what: a link"
    test -L link || fail "$what: the link is a file now"
    test "$(stat -c %a file)" = 640 || fail "$what: the file has another mode"
    if grep -qxE "(spectrum )?old" file; then fail "$what: the link's file is as it was"; fi
    rm link file

    # Refused, with nothing made.
    if [ $command != screen ]; then
        before=$(ls -A)
        for name in "" model nowhere/ nowhere/file said/file; do
            if write $command "$name"; then fail "$what: \"$name\" was taken"; fi
        done
        test "$(ls -A)" = "$before" || fail "$what: something was made: $(ls -A)"
        for name in tokenizer.json model.safetensors config.json; do
            if write $command model/$name; then fail "$what: the model's $name was written over"; fi
            cmp -s model/$name "$source/demo/model/$name" || fail "$what: the model's $name is another"
        done
    fi
done
what="the missing folder"
if "$spectrum" scan model -o nowhere/scan.json >out 2>said; then fail "$what: taken"; fi
says "its folder nowhere"
if grep -q 'matrices' said; then fail "$what: the scan was made first"; fi

what="names as long as they may be"
long=$(printf 'n%.0s' $(seq 255))
write plan "$long" || fail "$what: new"
write plan "$long" || fail "$what: over what is there"
test "$(ls -A | grep -c '^\.*nnn')" = 1 || fail "$what: a temporary file is left"
rm "$long"
if write scan "${long}n"; then fail "$what: longer"; fi
if grep -q 'matrices' said; then fail "$what: the scan was made first"; fi

what="a pipe that nobody reads"
mkfifo pipe
"$spectrum" plan model --top 25 -o pipe >out 2>said &
pid=$!
status=0
for i in $(seq 60); do # the first comes when it waits for a reader, or before it minds signals
    sleep 1
    kill -TERM $pid 2>/dev/null || break
done
wait $pid || status=$?
test $status = 130 || test $status = 143 || fail "$what: it ends with $status"
rm pipe

# What may be written but not replaced is written over.
if [ "$(id -u)" = 0 ]; then
    what="another user's file in a folder like /tmp"
    chmod 755 .
    mkdir sticky
    echo old >sticky/file
    chmod 1777 sticky
    chmod 666 sticky/file
    mkdir home
    chown 4711 home
    as_other() { setpriv --reuid=4711 --regid=4711 --clear-groups "$@"; }
    if as_other test -x "$spectrum" && as_other test -r "$source/demo/model/config.json"; then
        as_other env XDG_CACHE_HOME="$work/home" "$spectrum" plan "$source/demo/model" --top 25 -o sticky/file \
            >out 2>said || fail "$what"
        grep -q '^# spectrum plan' sticky/file || fail "$what: it is as it was"
        test "$(ls -A sticky)" = file || fail "$what: $(ls -A sticky)"
    else
        echo "SKIPPED: $what: other users cannot run $spectrum"
    fi
    what="a file that is a mount point"
    echo old >mounted
    if mount --bind mounted mounted 2>said; then
        status=0
        write plan mounted || status=$?
        umount mounted
        test $status = 0 || fail "$what"
        grep -q '^# spectrum plan' mounted || fail "$what: it is as it was"
    else
        echo "SKIPPED: $what: this container does not mount"
    fi
else
    echo "SKIPPED: files that cannot be replaced need root"
fi

# A kill in the middle of tokenising: the next run of any data clears it away.
for i in $(seq 40); do cat "$source/demo/text/problems.jsonl"; done >data.jsonl
train() { # train DATA RUN [exec]
    ${3:-} "$spectrum" train model --data "$1" --select last:1 --steps 1 --accumulate 1 --seq-len 64 \
        --eval-every 0 --eval-split 0 --sample-tokens 0 --run "$2"
}
train data.jsonl killed exec >out 2>said &
pid=$!
for i in $(seq 1000); do
    left=$(find cache -name '.*.tmp' 2>/dev/null | head -1)
    [ -n "$left" ] && break
    kill -0 $pid 2>/dev/null || break
    sleep 0.01
done
if [ -n "$left" ]; then
    mode=$(stat -c %a "$left" 2>/dev/null || echo 600)
    test "$mode" = 600 || fail "tokens on the way can be read by others: $mode"
fi
kill -9 $pid 2>/dev/null || true
wait $pid 2>/dev/null || true
touch "cache/spectrum/data/.0123.tokens.4711.0.tmp" "cache/spectrum/data/.0123.tokens.4711.0.tmp.weights.tmp"
head -5 data.jsonl >other.jsonl
train other.jsonl after >out 2>said || fail "the run behind a kill fails"
test -z "$(find cache temporary -name '*.tmp')" || fail "what a kill left is still there: $(find cache -name '*.tmp')"
test -z "$(find cache/spectrum/data -type f -perm /077)" || fail "others can read kept tokens"

# Where tokens cannot be kept they have no name, and what a dry run draws is private and gone.
what="tokens without a place"
touch file
XDG_CACHE_HOME=$work/file train other.jsonl nowhere >out 2>said || fail "$what: the run fails"
test -z "$(ls -A temporary)" || fail "$what: it left $(ls temporary)"
if TMPDIR=$work/missing XDG_CACHE_HOME=$work/file train other.jsonl nothing >out 2>said; then fail "$what: written to a missing TMPDIR"; fi
says "TMPDIR can name another place"
mkdir -p temporary/spectrum-"$(id -u)"/init/killed
chmod 700 temporary/spectrum-"$(id -u)" temporary/spectrum-"$(id -u)"/init
touch temporary/spectrum-"$(id -u)"/init/killed/model.safetensors
"$spectrum" train model --data other.jsonl --init --dry-run --method full --steps 1 --seq-len 64 >out 2>said ||
    fail "the dry run fails"
test -z "$(ls -A temporary)" || fail "the dry run left $(find temporary)"
