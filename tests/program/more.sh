#!/bin/bash
# `resume RUN --more N`: a run goes on beyond its end, at the last learning rate unless another one
# or a schedule is asked for, and is to the bit the run that was begun with as many steps.
set -eu
spectrum=$1 source=$2
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
trap 'remove_folder "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
model=$source/demo/model

fail() {
    echo "$1" >&2
    cat "$work/err" "$work"/*/log.txt >&2 2>/dev/null || true
    exit 1
}
train() {
    "$spectrum" train "$model" --data "$work/text.txt" --run "$1" --method full \
        --seq-len 32 --accumulate 1 --threads 1 --device cpu --lr 1e-3 --warmup 2 \
        --eval-every 4 --save-every 4 --sample-tokens 0 --dtype fp32 --keep 20 "${@:2}" 2>>"$work/err" || fail "$1 was not trained"
}
more() {
    "$spectrum" resume "$@" 2>"$work/said" || fail "it does not go on: $(cat "$work/said")"
    "$spectrum" attach "$1" >/dev/null 2>&1 || fail "$1 did not end well"
}
refused() { # WORDS ARGUMENTS...: refused with these words
    if "$spectrum" resume "${@:2}" 2>"$work/said"; then fail "it was not refused: ${*:2}"; fi
    grep -q -- "$1" "$work/said" || fail "it does not say \"$1\": $(cat "$work/said")"
}
# Of every step the last line: its number and a value.
values() { # RUN KEY
    grep -oP "^{\"step\": \K[0-9]+, .*\"$2\": [0-9.e-]+" "$1/metrics.jsonl" |
        sed "s/, .*\"$2\": / /" | awk '{ v[$1] = $2 } END { for (s in v) print s, v[s] }' | sort -n
}
weights() { echo "$1/checkpoints/step-$(printf %08d "$2")/weights.safetensors"; }
rate() { values "$1" lr | awk -v s="$2" '$1 == s { print $2 }'; }

head -c 6000 "$source/demo/text/shakespeare.txt" >"$work/text.txt"

# N steps and M more are N + M steps, where the schedule is constant.
train "$work/whole" --steps 9 --schedule constant
train "$work/parts" --steps 4 --schedule constant
more "$work/parts" --more 3
more "$work/parts" --more 2
diff <(values "$work/whole" loss) <(values "$work/parts" loss) || fail "the losses differ"
cmp "$(weights "$work/whole" 9)" "$(weights "$work/parts" 9)" || fail "the weights differ"
cmp "${work}/whole/checkpoints/step-00000009/optimizer.safetensors" \
    "${work}/parts/checkpoints/step-00000009/optimizer.safetensors" || fail "the optimisers differ"
grep -q '{"event": "more", "step": 4, "steps": 3, "lr": 0.001, "schedule": "constant"}' \
    "$work/parts/metrics.jsonl" || fail "metrics.jsonl has no event of it"
tr -d ' \n' <"$work/parts/job.json" |
    grep -q '"steps":9,"continued":\[{"from":4,"steps":3,"lr":0.001,"schedule":"constant"},{"from":7,"steps":2,' ||
    fail "job.json does not say how it was continued: $(cat "$work/parts/job.json")"

"$spectrum" attach "$work/parts" 2>/dev/null | grep -qx "step 4  3 steps more, at a learning rate of 0.001" ||
    fail "attach does not say what was added"

# What was added stays with the run: killed or stopped in it, it goes on to its new end.
train "$work/again" --steps 4 --schedule constant
"$spectrum" resume "$work/again" --more 5 --lr 5e-4 2>"$work/said"
"$spectrum" attach "$work/again" >/dev/null 2>&1
test "$(rate "$work/again" 4) $(rate "$work/again" 5) $(rate "$work/again" 9)" = "0.001 0.0005 0.0005" ||
    fail "--lr is not the learning rate of what was added: $(values "$work/again" lr)"
cp "$(weights "$work/again" 9)" "$work/at-9"
more "$work/again" --step 8
cmp "$work/at-9" "$(weights "$work/again" 9)" || fail "a resume within what was added differs"

# From a checkpoint before what was added, the run is without it.
more "$work/again" --step 4 --more 2
tr -d ' \n' <"$work/again/job.json" |
    grep -q '"steps":6,"continued":\[{"from":4,"steps":2,"lr":0.001,"schedule":"constant"}\]' ||
    fail "what was left is still in job.json"

# A run that ended by its epochs goes on as one of as many steps.
train "$work/passes" --epochs 0.05 --schedule constant
last=$(values "$work/passes" lr | tail -1 | cut -d' ' -f1)
[ "$last" -lt 9 ] || fail "it has too many steps for this test"
more "$work/passes" --more $((9 - last))
cmp "$(weights "$work/whole" 9)" "$(weights "$work/passes" 9)" || fail "a run of epochs goes on as another"

# A run that ended by its epochs, on a schedule that had come down; then with one of its own.
train "$work/epochs" --epochs 0.05 --schedule linear
last=$(values "$work/epochs" lr | tail -1 | cut -d' ' -f1)
more "$work/epochs" --more 2
test "$(rate "$work/epochs" $((last + 1)))" = "$(rate "$work/epochs" "$last")" ||
    fail "it does not go on at the last learning rate"
more "$work/epochs" --more 4 --lr 8e-4 --schedule linear
test "$(rate "$work/epochs" $((last + 3))) $(rate "$work/epochs" $((last + 6)))" = "0.0008 0.0002" ||
    fail "the schedule of what was added is another: $(values "$work/epochs" lr)"

# What is refused before a step leaves the run as complete as it was, and says why.
mv "$work/text.txt" "$work/hidden.txt"
refused "text.txt" "$work/whole" --more 2
mv "$work/hidden.txt" "$work/text.txt"
grep -q '"status": "completed", .*"last_step": 9, .*"refused": ".*text.txt' "$work/whole/result.json" ||
    fail "a refusal changes how it ended: $(cat "$work/whole/result.json")"
"$spectrum" jobs --json | grep -q "\"job\": \"$work/whole\", .*completed at step 9; a resume was refused: .*text.txt" ||
    fail "the list does not say it: $("$spectrum" jobs --json)"
refused "nothing to resume" "$work/whole"
cp -r "$work/whole" "$work/later"
sed -i 's/"version": 1/"version": 7/' "$work/later/job.json"
refused "spectrum.job version 7" "$work/later" --more 2
cmp "$work/whole/result.json" "$work/later/result.json" || fail "a refused run ended otherwise"
more "$work/whole" --more 1
if grep -q refused "$work/whole/result.json"; then fail "what was refused is still said"; fi
refused "from 1 to" "$work/whole" --more 2000000000

# What stands in the way of a start leaves it so, too, and is named; a folder that is gone is made.
cp -r "$work/whole" "$work/linked"
rm -r "$work/linked/requests"
ln -s elsewhere "$work/linked/requests"
refused "$work/linked/requests is not a folder.*remove it" "$work/linked" --more 2 --trust
cmp "$work/whole/result.json" "$work/linked/result.json" || fail "a link for requests/ changes how it ended"
rm "$work/linked/requests"
mkdir -p "$work/linked/requests/paused/full"
refused "did not start" "$work/linked" --more 2 --trust
grep -q "requests/paused" "$work/linked/log.txt" || fail "the log does not say what is in the way"
cmp "$work/whole/result.json" "$work/linked/result.json" || fail "a folder for a mark changes how it ended"
"$spectrum" jobs --json | grep -q "\"job\": \"$work/linked\", .*completed at step 10" ||
    fail "the list has it otherwise: $("$spectrum" jobs --json)"
rm -r "$work/linked/requests"
more "$work/linked" --more 1 --trust

# What cannot be.
refused "belong to --more" "$work/whole" --lr 1e-4
refused "belong to --more" "$work/whole" --step 8 --schedule linear
refused "from 1 to" "$work/whole" --more 0
refused "nothing to resume" "$work/whole"
train "$work/young" --steps 500 --detach >/dev/null
wait_until grep -q '"step": 1,' "$work/young/metrics.jsonl" || fail "it does not begin"
refused "before more steps are added" "$work/young" --more 2
"$spectrum" stop "$work/young" 2>/dev/null
"$spectrum" attach "$work/young" >/dev/null 2>&1 || true
at=$(ls "$work/young/checkpoints" | grep -o '[1-9][0-9]*' | tail -1)
"$spectrum" resume "$work/young" --more 1 2>"$work/said" || fail "no step more"
grep -q "goes on for 1 step more, after step $at, to step $((at + 1)) and not to its planned 500" "$work/said" ||
    fail "it does not say where it will end: $(cat "$work/said")"
"$spectrum" attach "$work/young" >/dev/null 2>&1 || true
test "$(values "$work/young" loss | tail -1 | cut -d' ' -f1)" = $((at + 1)) ||
    fail "a run that was stopped does not end one step after its checkpoint"
