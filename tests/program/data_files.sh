#!/bin/bash
# Data files as people have them: packed ones are the data that is in them, for `tokens` and for
# `train`, and the command of a refusal, copied, makes a file that is read.
set -eu
spectrum=$1 model=$2/demo/model
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache TMPDIR=$work OMP_NUM_THREADS=1
cd "$work"

fail() {
    echo "$1" >&2
    cat said >&2 2>/dev/null || true
    exit 1
}
tokens() { "$spectrum" tokens "$model" --chat "$1" --json 2>said; }

head -n 20 "$2/demo/text/problems.jsonl" >plain.jsonl
tokens plain.jsonl >expected || fail "the plain file is not read"
test "$(grep -c '"ids"' expected)" = 20 || fail "not twenty records"
read_as_plain() { tokens "$1" >got && cmp -s got expected || fail "$1 is other data"; }

gzip -c plain.jsonl >a.jsonl.gz
read_as_plain a.jsonl.gz
(head -n 7 plain.jsonl | gzip -c; tail -n +8 plain.jsonl | gzip -c) >b.jsonl.gz
read_as_plain b.jsonl.gz
mkdir -p folder/.ipynb_checkpoints
cp a.jsonl.gz folder/train.jsonl.gz
cp plain.jsonl folder/.ipynb_checkpoints/train-checkpoint.jsonl
read_as_plain folder
"$spectrum" train "$model" --data folder --steps 2 --seq-len 64 --batch 1 --accumulate 1 --sample-tokens 0 --eval-every 0 \
    --run run >/dev/null 2>said || fail "a packed file does not train"

# mended FILE PATTERN: refused with PATTERN; what its command, behind the last colon, writes is read.
mended() {
    tokens "$1" >/dev/null && fail "$1 is not refused"
    grep -qE -- "$2" said || fail "$1: it does not say \"$2\""
    sed -nE 's/^.*: ([^:]* > NEW\.jsonl?)$/\1/p' said >command
    test -s command || fail "$1: no command"
    bash ./command || fail "$1: its command fails: $(cat command)"
    read_as_plain "$(sed 's/.* > //' command)"
}
iconv -f UTF-8 -t UTF-16 plain.jsonl >wide.jsonl
mended wide.jsonl "this is UTF-16, and data files are UTF-8"
iconv -f UTF-8 -t UTF-16LE plain.jsonl | gzip -c >wide.jsonl.gz
mended wide.jsonl.gz "this is UTF-16LE.*gzip -dc 'wide.jsonl.gz' \| iconv"
tr '\n' '\r' <plain.jsonl >"of a mac.jsonl"
mended "of a mac.jsonl" "^spectrum: of a mac.jsonl:1: a carriage return inside a line"
sed 's/$/,/' plain.jsonl >commas.jsonl
mended commas.jsonl '^spectrum: commas.jsonl:1: not valid JSON, column [0-9]+: "," after its end'
head -n 1 plain.jsonl | gzip -c >nul.jsonl.gz
tail -n +2 plain.jsonl | sed '1s/}$/\x00}/' | gzip -c >>nul.jsonl.gz
mended nul.jsonl.gz "^spectrum: nul.jsonl.gz:2: a NUL byte.*gzip -dc 'nul.jsonl.gz' \| tr -d"
if command -v python3 >/dev/null; then
    sed '1s/^{/{"pair": "\xED\xA0\xBD\xED\xB8\x80", /' plain.jsonl >halves.jsonl
    mended halves.jsonl "^spectrum: halves.jsonl:1: half of a surrogate pair in bytes"
fi
if command -v jq >/dev/null; then
    sed -n '1,10p' plain.jsonl | jq -s . >arrays.json
    tail -n +11 plain.jsonl | jq -s . >>arrays.json
    mended arrays.json "^spectrum: arrays.json:[0-9]+: expected nothing after the array"
    jq . plain.jsonl >pretty.jsonl
    mended pretty.jsonl "^spectrum: pretty.jsonl:1: not valid JSON, column 2: .*a record has one line for itself"
    jq -s '{data: .}' plain.jsonl >whole.jsonl
    tr -d '\n' <whole.jsonl >wrapped.jsonl
    mended wrapped.jsonl '"data" holds a data set, not a record'
fi

printf 'a,b\n' >folder/notes.csv
"$spectrum" train "$model" --data folder --steps 2 --seq-len 64 --batch 1 --accumulate 1 --sample-tokens 0 --eval-every 0 \
    --run beside >/dev/null 2>said || fail "a table beside the data is in its way"
grep -qF "folder/notes.csv is not read: data files are .txt" said || fail "the table is not named"

cp plain.jsonl folder/test.jsonl
got=0
"$spectrum" train "$model" --data folder --steps 2 --run other >/dev/null 2>said || got=$?
test $got = 1 || fail "test data beside training data: exit $got"
grep -qF "folder has a set for evaluation (test.jsonl) beside one for training (train.jsonl.gz)" said || fail "not named"
