#!/bin/bash
# Data as folders, with weights, tokenised once: what is said, what is refused, and that a run killed
# by signal 9 gives the uninterrupted one's weights to the bit, also without the tokens it had.
set -eu
spectrum=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache TMPDIR=$work OMP_NUM_THREADS=1

fail() {
    echo "$1" >&2
    cat "$work/said" "$work"/*/log.txt >&2 2>/dev/null || true
    exit 1
}

mkdir -p "$work/corpus/below" "$work/nothing/below"
split -b 300 -d -a 2 --additional-suffix=.txt <(head -c 4500 "$source/demo/text/shakespeare.txt") "$work/corpus/"
mv "$work/corpus/03.txt" "$work/corpus/04.txt" "$work/corpus/below"
head -n 9 "$source/demo/text/problems.jsonl" >"$work/pairs.jsonl"
echo '{"other": "file"}' | tee "$work/corpus/config.yaml" >"$work/nothing/below/readme.md"
model=$source/demo/model
command=(train "$model" --data "$work/corpus" --data "$work/pairs.jsonl" --seq-len 64 --accumulate 1 --threads 1
    --steps 160 --save-every 10 --keep 40 --lr 1e-3 --sample-tokens 0 --eval-every 0 --eval-split 0 --dtype fp32 --top 10)
weights=(--data-weight 2 --data-weight 0.4)
train() { "$spectrum" "${command[@]}" --run "$work/$1" "${@:2}" 2>"$work/said"; }
says() { grep -qF -- "$1" "$work/said" || fail "it does not say \"$1\""; }
last=checkpoints/step-00000160
same() { cmp "$work/whole/$last/weights.safetensors" "$work/$1/$last/weights.safetensors" || fail "$1: other weights"; }

train whole "${weights[@]}" || fail "it does not train"
says "tokenising 16 files"
says "$work/corpus: 15 documents, each 2 times an epoch"
says "$work/pairs.jsonl: 9 documents, each 0.4 times an epoch"
grep -q '"data_weights": \[2, 0.4\]' "$work/whole/job.json" || fail "job.json does not have the weights"
grep -qE '"epoch": [2-9]' "$work/whole/$last/state.json" || fail "too short: $(cat "$work/whole/$last/state.json")"

# Killed in the middle; what it was tokenised to is gone, then it is damaged.
for harm in gone damaged; do
    "$spectrum" "${command[@]}" "${weights[@]}" --run "$work/$harm" 2>"$work/said" &
    pid=$!
    until grep -q '"step": 57,' "$work/$harm/metrics.jsonl" 2>/dev/null; do
        kill -0 $pid 2>/dev/null || fail "it ended early"
        sleep 0.02
    done
    kill -9 $pid
    wait $pid 2>/dev/null || true
    test ! -e "$work/$harm/$last" || fail "it was killed too late"
    says "tokenised data found: "
    if [ $harm = gone ]; then
        rm -r "$work/cache/spectrum/data"
    else
        for tokens in "$work/cache/spectrum/data"/*; do printf 'no' | dd of="$tokens" bs=1 seek=40 conv=notrunc status=none; done
    fi
    "$spectrum" resume "$work/$harm" 2>"$work/said" || fail "it was not resumed"
    "$spectrum" attach "$work/$harm" >/dev/null 2>&1 || fail "the resumed run did not end well"
    grep -q "tokenising 16 files" "$work/$harm/log.txt" || fail "$harm: it was not tokenised again"
    same $harm
done

# Other weights are another run.
sed 's/"--data-weight", "0.4"/"--data-weight", "0.5"/' "$work/gone/job.json" >"$work/job.json"
cmp -s "$work/job.json" "$work/gone/job.json" && fail "no weights among the arguments"
cp "$work/job.json" "$work/gone/job.json"
rm -r "$work/gone/$last"
sed -i 's/completed/stopped/g' "$work/gone/result.json"
"$spectrum" resume "$work/gone" 2>"$work/said" && fail "a changed job.json is resumed without a question"
"$spectrum" resume "$work/gone" --trust 2>"$work/said" || true
"$spectrum" attach "$work/gone" >/dev/null 2>&1 || true
grep -q "other data" "$work/gone/result.json" || fail "other weights were taken: $(cat "$work/gone/result.json")"

# Without a cache; weights of 1, and none.
XDG_CACHE_HOME=/dev/null train uncached "${weights[@]}" || fail "it does not train without a cache"
says "tokenised data cannot be kept for the next run: cannot make folder"
same uncached
test -z "$(ls -A "$work" | grep tokens)" || fail "it left a temporary file"
train none --steps 10 || fail "it does not train without weights"
train ones --steps 10 --data-weight 1 --data-weight 1.0 || fail "it does not train with weights of 1"
cmp "$work/none/checkpoints/step-00000010/weights.safetensors" \
    "$work/ones/checkpoints/step-00000010/weights.safetensors" || fail "weights of 1 are another run"
cmp -s "$work/none/checkpoints/step-00000010/weights.safetensors" \
    "$work/whole/checkpoints/step-00000010/weights.safetensors" && fail "weights change nothing"

refused() { # refused STATUS "WHAT IT SAYS" OPTIONS...
    local got=0
    train refused "${@:3}" || got=$?
    test $got = "$1" || fail "${*:3}: exit $got"
    says "$2"
    rm -rf "$work/refused"
}
refused 2 "1 --data-weight for 2 --data" --data-weight 1
refused 2 '--data-weight takes 0.0001 to 100, not "0"' --data-weight 1 --data-weight 0
refused 2 '--data-weight takes 0.0001 to 100, not "1x"' --data-weight 1 --data-weight 1x
refused 2 '--data-weight takes 0.0001 to 100, not "nan"' --data-weight 1 --data-weight nan
refused 1 "$work/nothing: no data in this folder; it takes .txt, .jsonl and .json files" --data "$work/nothing"

# Evaluation knows folders, too, and finds what it had.
evaluate() { "$spectrum" eval "$model" --data "$work/corpus" --seq-len 64 --threads 1 --json 2>"$work/said"; }
first=$(evaluate) || fail "it does not evaluate a folder"
test "$(evaluate)" = "$first" || fail "another evaluation: $first"
says "tokenised data found"
