#!/bin/bash
# `train RUN`: a run that begins where another one ended, or at one of its checkpoints, and needs
# nothing of it afterwards.
set -eu
spectrum=$1 source=$2
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
trap 'remove_folder "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache

fail() {
    echo "$1" >&2
    cat "$work/err" >&2 2>/dev/null || true
    exit 1
}
head -c 6000 "$source/demo/text/shakespeare.txt" >"$work/text.txt"
train() { # MODEL NAME OPTIONS...
    "$spectrum" train "$1" --run "$work/$2" --data "$work/text.txt" --seq-len 32 --accumulate 1 \
        --threads 1 --device cpu --lr 1e-3 --eval-every 2 --save-every 2 --keep 9 --steps 4 \
        --sample-tokens 0 --dtype fp32 "${@:3}" 2>>"$work/err"
}
refused() { # WORDS MODEL OPTIONS...
    if train "$2" refused "${@:3}"; then fail "it was not refused: ${*:2}"; fi
    tail -1 "$work/err" | grep -q -- "$1" || fail "it does not say \"$1\""
    test ! -e "$work/refused/metrics.jsonl" -o -e "$work/refused/result.json" || fail "it left a job"
    rm -rf "$work/refused"
}
loss() { # NAME STEP: its evaluation
    grep -oP "\"step\": $2, \"eval_loss\": \K[0-9.]+" "$work/$1/metrics.jsonl" | tail -1
}
state() { echo "$work/$1/checkpoints/step-$(printf %08d "$2")"; }
same() { [ "$1" = "$2" ] || fail "$3: $1, and not $2"; }

train "$source/demo/model" first --method full || fail "the first run"
digest() { sha256sum "$(state "$1" "$2")/state.json" | cut -d' ' -f1; }
begun() { tr -d ' ' <"$work/$1/job.json" | grep -oP '"start":\K[^}]*}'; }

# What the first run came to is where the second begins, of all three ways to name it.
train "$work/first" last --method full || fail "it does not begin from a run"
same "$(loss last 0)" "$(loss first 4)" "it does not begin with the last checkpoint"
same "$(begun last)" "{\"run\":\"$work/first\",\"step\":4,\"sha256\":\"$(digest first 4)\"}" "job.json"
train "$work/first" earlier --step 2 --method full || fail "it does not begin from --step"
same "$(loss earlier 0)" "$(loss first 2)" "it does not begin with the checkpoint of step 2"
train "$(state first 2)" named --method full || fail "it does not begin from a checkpoint"
same "$(loss named 0)" "$(loss first 2)" "it does not begin with that checkpoint"
train "$work/first" best --best --method full || fail "it does not begin from --best"
best=4
[ "$(echo "$(loss first 2) < $(loss first 4)" | bc)" = 0 ] || best=2
same "$(begun best | grep -oP '"step":\K[0-9]+')" "$best" "it does not begin with the best"

# The base is what an export is, to the byte.
"$spectrum" export "$work/first" -o "$work/exported" 2>>"$work/err"
cmp "$work/exported/model.safetensors" "$work/last/base/model.safetensors" || fail "another base"

# Nothing of the first run is needed any more: the second one resumes, moves, exports, evaluates,
# and is the start of a third.
cp -r "$work/last" "$work/resumed"
mv "$work/first" "$work/gone"
mv "$work/resumed" "$work/moved"
cp "$(state last 4)/weights.safetensors" "$work/expected"
"$spectrum" resume "$work/moved" --step 2 --trust 2>>"$work/err" || fail "it does not resume"
"$spectrum" attach "$work/moved" >/dev/null 2>>"$work/err" || fail "the resumed run failed"
cmp "$work/expected" "$(state moved 4)/weights.safetensors" || fail "the resumed run is another"
same "$(begun moved)" "$(begun last)" "a resume forgets where the run began"
"$spectrum" export "$work/moved" -o "$work/again" 2>>"$work/err" || fail "it cannot be exported"
"$spectrum" eval "$work/moved" --data "$work/text.txt" --seq-len 32 --device cpu >"$work/of-run" 2>>"$work/err"
"$spectrum" eval "$work/again" --data "$work/text.txt" --seq-len 32 --device cpu >"$work/of-export" 2>>"$work/err"
diff <(grep -o 'loss [0-9.]*' "$work/of-run") <(grep -o 'loss [0-9.]*' "$work/of-export") ||
    fail "the export is another model"
train "$work/moved" third --method full || fail "no third run"
same "$(loss third 0)" "$(loss moved 4)" "the third run does not begin where the second ended"

# Adapters are added to the weights, so what is built on them is a model as any other.
train "$source/demo/model" adapters --method lora --rank 4 || fail "adapters"
train "$work/adapters" merged --method lora --rank 2 || fail "it does not begin from adapters"
"$spectrum" export "$work/adapters" -o "$work/whole" --merge 2>>"$work/err"
cmp "$work/whole/model.safetensors" "$work/merged/base/model.safetensors" || fail "not the merged model"

# A dry run says what it would train, and leaves nothing.
train "$work/moved" dry --method spectrum --top 50 --dry-run >"$work/said" || fail "no dry run"
grep -q '^trains ' "$work/said" || fail "it does not say what it would train"
test ! -e "$work/dry" || fail "a dry run left a folder"

# What cannot be.
refused "is not a run" "$source/demo/model" --step 2
refused "is not a run" "$(state moved 2)" --best
refused "there are those of 2, 4" "$work/moved" --step 3
refused "exclude one another" "$work/moved" --step 2 --best
refused "is a run, and --init" "$work/moved" --init
mkdir -p "$work/empty/requests" "$work/empty/checkpoints"
sed 's/"step":4/"step":9/' "$work/last/job.json" >"$work/empty/job.json"
refused "$work/empty" "$work/empty"
# One that was ended before its base was whole needs the run that it began from.
train "$work/moved" broken --method full || fail "not trained"
rm -r "$work/broken/checkpoints" "$work/broken/base/config.json"
mkdir "$work/broken/checkpoints"
echo '{"status": "stopped", "message": "stopped before the first step"}' >"$work/broken/result.json"
mv "$work/moved" "$work/hidden"
"$spectrum" resume "$work/broken" --trust 2>"$work/said" || true
grep -q "$work/moved" "$work/said" || fail "it does not name the run that is gone: $(cat "$work/said")"
