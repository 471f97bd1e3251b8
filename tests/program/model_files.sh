#!/bin/bash
# What a model's files say is obeyed, refused by name, or said in a line: by every command that opens it.
# Arguments: binary, source folder.
set -eu
spectrum=$1 source=$2
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
trap 'remove_folder "$work"' EXIT
export HOME=$work XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
cd "$work"

fail() {
    echo "$1" >&2
    cat said >&2 2>/dev/null || true
    exit 1
}
says() { grep -qF -- "$1" said || fail "nobody says: $1"; }
head -c 1500 "$source/demo/text/shakespeare.txt" >text.txt

# model NAME 's/OF/CONFIG/': the demo's, with another configuration.
model() {
    cp -r "$source/demo/model" "$1"
    chmod -R u+w "$1"
    sed -i "$2" "$1/config.json"
    cmp -s "$1/config.json" "$source/demo/model/config.json" && fail "$1: nothing changed"
    return 0
}
train() { # train MODEL RUN OPTIONS...
    "$spectrum" train "$1" --data text.txt --run "$2" --seq-len 32 --accumulate 1 --steps 4 --save-every 2 \
        --threads 1 --sample-tokens 0 --eval-split 0 --eval-every 0 --dtype fp32 --lr 1e-3 --top 10 "${@:3}" 2>said
}
loss() {
    "$spectrum" eval "$1" --data text.txt --seq-len 64 --dtype fp32 --json 2>said | sed 's/.*"loss": \([^,]*\).*/\1/'
}
# What is not computed is still looked at.
refused() { # refused MODEL "WHAT IS SAID"
    for command in "eval $1 --data text.txt" "generate $1 --prompt a" "train $1 --data text.txt --run run-$1" \
        "train $1 --data text.txt --run run-$1-init --init"; do
        # shellcheck disable=SC2086
        if "$spectrum" $command >out 2>said; then fail "$command: not refused"; fi
        says "$2"
        ! grep -q 'layer -1' said || fail "$command speaks of layer -1"
    done
    for command in "info $1" "scan $1" "plan $1"; do
        # shellcheck disable=SC2086
        "$spectrum" $command >out 2>said || fail "$command"
    done
}
model capped 's/^{/{"final_logit_softcapping": 30.0,/'
refused capped '"final_logit_softcapping": 30'
model other 's/"model_type": *"[a-z0-9]*"/"model_type": "granite"/'
refused other 'the architecture "granite" can be scanned and planned but not trained, evaluated or generated from; supported for that: llama, mistral, qwen2, qwen3'
model slides 's/^{/{"use_sliding_window": true,/'
refused slides '"use_sliding_window": true'
model small 's/"rms_norm_eps": *[^,]*/"rms_norm_eps": "tiny"/'
refused small '"rms_norm_eps" is "tiny"'

# New weights need a deviation.
for range in 0 0.0 -0.02; do
    model flat "s/\"initializer_range\": *[^,]*/\"initializer_range\": $range/"
    "$spectrum" train flat --data text.txt --run flat-run --init --steps 1 >out 2>said && fail "--init with $range"
    says '"initializer_range" is '
    rm -rf flat
done

# A tied model without its embeddings' tensor is missed by name.
model untied 's/"tie_word_embeddings": *true/"tie_word_embeddings": false/'
"$spectrum" eval untied --data text.txt >out 2>said && fail "a model without a head was evaluated"
says 'untied: it has no tensor lm_head.weight'
says '"tie_word_embeddings": true'

# A file beside the shards: said by all, read by all.
cp -r "$source/demo/model" beside
chmod -R u+w beside
printf '{"metadata": {}, "weight_map": {"a.weight": "none.safetensors"}}' >beside/model.safetensors.index.json
test "$(loss beside)" = "$(loss "$source/demo/model")" || fail "the index was read"
for command in "info beside" "scan beside" "plan beside" "eval beside --data text.txt" "generate beside --prompt a --tokens 1"; do
    # shellcheck disable=SC2086
    "$spectrum" $command >out 2>said || fail "$command"
    says 'beside has both model.safetensors and model.safetensors.index.json'
done
train beside run-beside --steps 1 || fail "it does not train"
says 'beside has both model.safetensors and model.safetensors.index.json'

# Text that is a number trains, and the export has the number.
model texts 's/"rms_norm_eps": *\([^,]*\)/"rms_norm_eps": "\1"/'
test "$(loss texts)" = "$(loss "$source/demo/model")" || fail "a number that is a text is another"
train texts run-texts --steps 1 || fail "it does not train"
"$spectrum" export run-texts -o texts-out 2>said || fail export
grep -q '"rms_norm_eps":[[:space:]]*[0-9]' texts-out/config.json || fail "$(cat texts-out/config.json)"

# --rope-scaling: in the record, for the run's evaluation, in the export; a resume ends where the run did.
train "$source/demo/model" scaled --rope-scaling yarn:4 || fail "it does not train"
grep -q '"rope_scaling": "yarn:4"' scaled/job.json || fail "$(cat scaled/job.json)"
train "$source/demo/model" plain || fail "it does not train"
own=$(loss scaled)
test "$own" != "$(loss plain)" || fail "the scaling changed nothing"
"$spectrum" export scaled -o scaled-out 2>said || fail export
test "$(loss scaled-out)" = "$own" || fail "the export computes $(loss scaled-out), the run $own"
positions=$(sed -n 's/.*"max_position_embeddings": *\([0-9]*\).*/\1/p' "$source/demo/model/config.json")
grep -q "\"max_position_embeddings\":[[:space:]]*$((4 * positions))\b" scaled-out/config.json || fail "$(cat scaled-out/config.json)"
grep -q "\"original_max_position_embeddings\":[[:space:]]*$positions\b" scaled-out/config.json || fail "$(cat scaled-out/config.json)"
cp -r scaled again
rm -rf again/checkpoints/step-00000004
sed -i 's/completed/stopped/' again/result.json
"$spectrum" resume again >out 2>said || fail resume
wait_until grep -qs completed again/result.json || true
cmp scaled/checkpoints/step-00000004/weights.safetensors again/checkpoints/step-00000004/weights.safetensors ||
    fail "resumed, it is another"
train "$source/demo/model" lora --rope-scaling linear:2 --top 25 --method spectrum+lora || fail "adapters do not train"
"$spectrum" export lora -o lora-out 2>said || fail export
says 'they were trained with --rope-scaling'
"$spectrum" export lora -o lora-merged --merge 2>said || fail export
grep -q '"linear"' lora-merged/config.json || fail "$(cat lora-merged/config.json)"
for wrong in linear yarn:x ntk:4 llama3:0; do
    status=0
    train "$source/demo/model" wrong --rope-scaling "$wrong" || status=$?
    test $status = 2 || fail "--rope-scaling $wrong: exit $status"
    test ! -e wrong || fail "--rope-scaling $wrong left a folder"
done

# What must be an object is none: no key of it counts as absent.
for name in config.json tokenizer_config.json generation_config.json tokenizer.json; do
    for text in '[]' null '"{}"'; do
        rm -rf odd
        cp -r "$source/demo/model" odd
        chmod -R u+w odd
        echo "$text" >"odd/$name"
        ! "$spectrum" generate odd --prompt a --tokens 1 >out 2>said || fail "$name is $text: not refused"
        says "odd/$name is not a JSON object"
    done
done
: >odd/tokenizer.json
! "$spectrum" tokens odd --text a >out 2>said || fail "an empty tokenizer.json: not refused"
says "odd/tokenizer.json is empty"

# A link to nothing is no file that is absent: a cache's whose blob is gone, a disk that is not mounted.
led() { # led NAME COMMAND...: of the demo's model, whose NAME leads nowhere
    rm -rf led out
    cp -r "$source/demo/model" led
    chmod -R u+w led
    rm -rf "led/$1"
    ln -s nowhere "led/$1"
    ! "$spectrum" "${@:2}" >out 2>said || fail "$1 leads nowhere: ${*:2} goes on"
    says "led/$1 is a link to nothing: bring back what it leads to, or remove the link"
}
for command in info scan plan; do
    for name in config.json model.safetensors; do led $name $command led; done
done
for name in tokenizer.json tokenizer_config.json chat_template.jinja config.json additional_chat_templates; do
    led $name tokens led --text a
done
for name in tokenizer_config.json chat_template.jinja added_tokens.json generation_config.json; do
    led $name train led --data text.txt --run led-run --seq-len 32 --steps 1 --dry-run
    [ $name = generation_config.json ] || led $name eval led --data text.txt # which generates nothing
done
led generation_config.json generate led --prompt a --tokens 1
rm -rf led
ln -s nowhere led
! "$spectrum" info led 2>said || fail "a model that leads nowhere"
says "led is a link to nothing"
# What is not read may lead where it likes, and a link to a file is as good as one.
rm led
cp -r "$source/demo/model" led
chmod -R u+w led
ln -s nowhere led/pytorch_model.bin
mv led/config.json elsewhere.json
ln -s ../elsewhere.json led/config.json
"$spectrum" info led >out 2>said || fail "links to files"
says "led has both model.safetensors and pytorch_model.bin: model.safetensors is read"
# What a run trained from is exported whole or not at all.
train led linked || fail "a model of links does not train"
for name in special_tokens_map.json added_tokens.json vocab.json additional_chat_templates generation_config.json; do
    rm -rf "led/$name"
    ln -s nowhere "led/$name"
    ! "$spectrum" export linked -o linked-out 2>said || fail "$name leads nowhere: exported without it"
    says "led/$name is a link to nothing"
    test ! -e linked-out || fail "$name leads nowhere: half an export"
    rm "led/$name"
done

# A folder that may not be looked into is no job's.
mkdir -m 700 shut
chmod 755 .
as_other=()
[ "$(id -u)" != 0 ] || as_other=(setpriv --reuid=4711 --regid=4711 --clear-groups)
[ "$(id -u)" = 0 ] || chmod 000 shut
if "${as_other[@]}" "$spectrum" --version >/dev/null 2>&1; then
    ! "${as_other[@]}" "$spectrum" info shut >out 2>said || fail "a folder without rights: it is read"
    says "cannot read shut/"
    says "Permission denied"
else
    echo "SKIPPED: another user cannot run $spectrum"
fi
