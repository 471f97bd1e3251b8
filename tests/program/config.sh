#!/bin/bash
# `train --config FILE`: a run from YAML or from another run's job.json. What is typed counts before
# what the file says; what is no option, or no value for it, is refused with its line; what another
# user may have written is shown, and wants --trust.
set -eu
spectrum=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache HOME=$work/home

fail() {
    echo "$1" >&2
    cat "$work/err" >&2 2>/dev/null || true
    exit 1
}
mkdir -p "$work/there/data" "$work/home"
chmod 755 "$work/there"
head -c 4000 "$source/demo/text/shakespeare.txt" >"$work/there/data/a.txt"
head -c 5000 "$source/demo/text/shakespeare.txt" | tail -c 1500 >"$work/there/data/b.txt"
ln -s "$source/demo/model" "$work/there/model"
umask 022

config() { # YAML, from standard input, as FILE
    cat >"$work/there/$1"
}
run() { (cd "$work" && "$spectrum" train "$@" 2>"$work/err"); }
dry() { run "$@" --dry-run --json >"$work/dry" || fail "refused: $*"; }
has() { grep -q -- "$1" "$work/dry" || fail "not in what would run: $1"; }
refused() { # WORDS ARGUMENTS...
    if run "${@:2}" --dry-run >/dev/null; then fail "it was not refused: ${*:2}"; fi
    grep -q -- "$1" "$work/err" || fail "it does not say \"$1\""
}
bad() { # WORDS LINE...: a file of these lines is refused with these words
    printf '%s\n' "${@:2}" | config bad.yaml
    refused "$1" --config there/bad.yaml
}

# Every kind of value; paths from the file's folder, wherever it is used from.
config run.yaml <<'E2'
# a run
model: model
data: [data/a.txt, "data/b.txt"]
data-weight:
  - 1
  - 0.5
method: full
seq_len: 32
accumulate: 1
device: cpu
threads: 1
lr: 2e-4
steps: 3
sample_tokens: 0
eval_split: 0
weight_decay: 0.1
add_tokens: false
lr_factor: ["norm=0.5"]
memory-limit: 8G
E2
dry --config there/run.yaml
has '"lr": 0.0002'
has '"seq_len": 32'
has '"model": "'"$work"'/there/model"'
(cd / && "$spectrum" train --config "$work/there/run.yaml" --dry-run >/dev/null 2>"$work/err") || fail "from another folder"

# What is typed counts: values, lists as a whole, and what excludes what the file says.
dry --config there/run.yaml --lr 1e-3 --seq-len 48 --epochs 1 --data there/data/a.txt --data-weight 2
has '"lr": 0.001'
has '"seq_len": 48'
grep -q '"steps": 3,' "$work/dry" && fail "--epochs does not replace the file's steps"
dry --seq-len 48 "$source/demo/model" --config=there/run.yaml
has "\"model\": \"$source/demo/model\""
refused "exclude one another" --config there/run.yaml --eval-data there/data/a.txt --eval-split 0.1

dry --config there/run.yaml --data there/data/b.txt # whose weights are of other data

# The run is what the same command line makes, says so in job.json, and needs the file no more.
run --config there/run.yaml --run by-file --save-every 2 || fail "it does not train"
run there/model --data there/data/a.txt --data there/data/b.txt --data-weight 1 --data-weight 0.5 --method full \
    --seq-len 32 --accumulate 1 --device cpu --threads 1 --lr 2e-4 --steps 3 --sample-tokens 0 --eval-split 0 \
    --weight-decay 0.1 --lr-factor norm=0.5 --memory-limit 8G --run typed --save-every 2 || fail "it does not train"
cmp "$work/by-file/checkpoints/step-00000003/weights.safetensors" \
    "$work/typed/checkpoints/step-00000003/weights.safetensors" || fail "another run"
if grep -q -- '--config' "$work/by-file/job.json"; then fail "job.json leans on the file"; fi
mv "$work/there/run.yaml" "$work/there/kept.yaml"
cp "$work/by-file/checkpoints/step-00000003/weights.safetensors" "$work/expected"
"$spectrum" resume "$work/by-file" --step 2 2>"$work/err" || fail "it is not resumed"
"$spectrum" attach "$work/by-file" >/dev/null 2>&1 || fail "the resumed run failed"
cmp "$work/expected" "$work/by-file/checkpoints/step-00000003/weights.safetensors" || fail "the resumed run differs"

# Another run, by its folder or its job.json: what it was asked for, but for its folder.
for other in "$work/by-file" "$work/typed/job.json"; do
    run --config "$other" --run "$work/again" || fail "it does not train from $other"
    cmp "$work/expected" "$work/again/checkpoints/step-00000003/weights.safetensors" || fail "$other: another run"
    rm -r "$work/again"
done
dry --config "$work/by-file" --method spectrum --top 50 --lr-factor proj=0.5
has '"method": "spectrum"'

# What is wrong is said with file and line.
bad "bad.yaml:2: there is no option \"lerning_rate\"" "model: model" "lerning_rate: 1"
bad "bad.yaml:1: there is no option \"seq_lenn\"; did you mean seq-len?" "seq_lenn: 1"
bad "bad.yaml:2: --lr takes a number" "model: model" "lr: fast"
bad "bad.yaml:1: --batch takes" "batch: 1.5"
bad "bad.yaml:1: --schedule takes" "schedule: polynomial"
bad "bad.yaml:1: lr has one value, not a list" "lr: [1e-4]"
bad "bad.yaml:2: .*none has others below it" "optimizer:" "  name: adamw"
bad "bad.yaml:1: lr has no value" "lr:"
bad "bad.yaml:1: data is an empty list" "data: []"
bad "bad.yaml:2: a list has\|bad.yaml:2: .*a list has" "data:" "  - [a, b]"
bad "bad.yaml:1: init is true or false" "init: yes"
bad "bad.yaml:3: seq-len is there a second time" "seq_len: 8" "batch: 1" "seq-len: 9"
bad "bad.yaml:1: .*belongs on the command line" "detach: true"
bad "bad.yaml:1: .*belongs on the command line" "config: other.yaml"
bad "bad.yaml:1: a model is a folder" "model: --detach"
bad "bad.yaml:1: there are no anchors" "lr: &a 1"
bad "bad.yaml:2: there are no aliases" "batch: 1" "lr: *a"
bad "bad.yaml:2: a second document" "batch: 1" "---" "lr: 1"
bad "bad.yaml:1: \"name: value\" was expected" "just a text"
bad "bad.yaml:[0-9]*: not valid YAML" "batch: 1" "data: [a"
bad "bad.yaml:1: a configuration is lines of \"name: value\", not a list" "- lr: 1" "- batch: 2"
bad "bad.yaml:1: a configuration is lines of \"name: value\", not a list" "[]"
bad "bad.yaml:1: an option's name is a text, not a list" "? [a]" ": 1"
bad "bad.yaml:2: there are no tags here (tag:yaml.org,2002:str)" "batch: 1" "lr: !!str 1e-4"
bad "bad.yaml:1: there are no tags here (!mine)" "!mine lr: 1"
bad "bad.yaml:1: there are no tags here" "data: !!seq [data/a.txt]"
bad "bad.yaml:1: there are no tags here" "!!map {lr: 1}"
bad "bad.yaml:1: there are no anchors" "data: &a [data/a.txt]"
bad "bad.yaml:1: --data takes the name of a file or a folder, not \"\"" "data: ''"
bad "bad.yaml:2: --data takes the name of a file or a folder, not \"\"" "data:" "  - \"\""
bad "says nothing of a run" "# nothing"
refused "cannot open\|cannot read" --config there/none.yaml
refused "a folder without a job.json" --config there
head -c 2000000 /dev/zero | tr '\0' '#' >"$work/there/long.yaml"
refused "long.yaml" --config there/long.yaml
refused "train takes one MODEL" --lr 1

# The checkpoint that a file names is one of its model: the same run begins there again, and one from
# another model does not; what is typed counts.
run "$work/by-file" --data there/data/b.txt --step 2 --run from-two --method full --seq-len 32 --accumulate 1 --device cpu \
    --threads 1 --steps 1 --sample-tokens 0 --eval-split 0 || fail "it does not begin from a run"
begins() { # WHERE OPTIONS...
    run --config "$work/from-two" --run "$work/again" "${@:2}" || fail "it does not train: ${*:2}"
    grep -q "begins from $1: " "$work/err" || fail "${*:2}: it does not begin from $1"
    rm -r "$work/again"
}
begins "step 2 of $work/by-file"
begins "step 3 of $work/by-file" --step 3
begins "step 3 of $work/typed" "$work/typed"
grep -q "from-two/job.json: its --step or --best is of $work/by-file and left out: the run begins from $work/typed" "$work/err" ||
    fail "it does not say what it leaves out"
begins "step 2 of $work/typed" "$work/typed" --step 2
if grep -q "its --step" "$work/err"; then fail "what was typed is left out"; fi

# A record in which two models are named says neither; a MODEL that is typed counts, and what it leaves out is said.
cp -r "$work/typed" "$work/two"
cp -rL "$work/there/model" "$work/another"
sed -i "s|\"model\": \"[^\"]*\"|\"model\": \"$work/another\"|" "$work/two/job.json"
refused "two/job.json contradicts itself: its \"model\" is $work/another, and its" --config "$work/two"
dry "$work/another" --config "$work/two"
has "\"model\": \"$work/another\""
grep -q "two/job.json: its model is $work/there/model and left out: the run is of $work/another" "$work/err" ||
    fail "it does not say whose model counts"
dry "$work/there/model" --config "$work/typed"
if grep -q "left out" "$work/err"; then fail "the same model is said to be left out"; fi

# A scan's job is not a run.
mkdir -p "$work/scan"
echo '{"format": "spectrum.job", "version": 1, "command": "scan", "arguments": ["scan", "m"]}' >"$work/scan/job.json"
refused "not a training run" --config "$work/scan"
# What another version's record means is not known.
mkdir -p "$work/later"
sed 's/"version": 1/"version": 7/' "$work/by-file/job.json" >"$work/later/job.json"
refused "spectrum.job version 7" --config "$work/later"

# What others may have written: shown, refused, taken with --trust, and then known.
chmod 666 "$work/there/kept.yaml"
refused "kept.yaml is taken with --trust only: others may write" --config there/kept.yaml
grep -q "it would read data: $work/there/data/a.txt" "$work/err" || fail "it does not show what it reads"
dry --config there/kept.yaml --trust
dry --config there/kept.yaml
echo "seq_len: 16" >>"$work/there/kept.yaml"
sed -i '0,/^seq_len/{/^seq_len/d}' "$work/there/kept.yaml"
refused "with --trust only" --config there/kept.yaml
cp -r "$work/typed" "$work/foreign"
sed -i 's/"--lr", "2e-4"/"--lr", "3e-4"/' "$work/foreign/job.json"
refused "neither started nor approved" --config "$work/foreign"
dry --config "$work/foreign" --trust
has '"lr": 0.0003'
