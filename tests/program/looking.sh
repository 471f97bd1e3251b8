#!/bin/bash
# Looking before training: `tokens --data`, `train --dry-run`, and what a run says of its data.
set -eu
spectrum=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache TMPDIR=$work/tmp OMP_NUM_THREADS=1
mkdir "$work/tmp"
cd "$work"
model=$source/demo/model

fail() {
    echo "$1" >&2
    cat said out >&2 2>/dev/null || true
    exit 1
}
ends() { # ends STATUS ARGUMENTS...: standard output to `out`, standard error to `said`
    local got=0
    "$spectrum" "${@:2}" >out 2>said </dev/null || got=$?
    test $got = "$1" || fail "${*:2}: exit $got, not $1"
}
says() { grep -qF -- "$1" said || fail "it does not say \"$1\""; }
prints() { grep -qF -- "$1" out || fail "it does not print \"$1\""; }

mkdir -p data/below
printf 'One text.\n%%\nAnother.' >data/1.txt
printf '%s\n' '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}], "source": "w\u001b[31m"}' \
    '' '{"text": ""}' '{"instruction": "Say it.", "output": "It.", "weight": 0.5}' >data/below/2.jsonl
take=(--data data --mark % --template chatml)

# --- tokens ---

ends 0 tokens "$model" "${take[@]}"
prints 'records     5'
prints 'documents   4'
prints 'left out    1 of fewer than two tokens, 0 without a supervised token'
prints 'messages (1)'
prints 'not read    source (1), first in data/below/2.jsonl:1'
prints 'One[[ text.'
prints '5 of 6 tokens are trained on: the first has nothing before it'
test "$(cat out said | grep -c 'source')" = 1 || fail "what is not read is said twice"
grep -qE '^tokenising 2 files, [0-9]+ B; kept for later runs$' said || fail "it does not say what it reads"
ends 0 tokens "$model" "${take[@]}" --json
prints '"data": {"files": 2, "records": 5, "documents": 4, '
prints '"record": {"file": "data/1.txt", "line": 1, "row": 1, "form": "plain text"'
prints '"unread_columns": {"source": 1}'
prints '"forms": {"messages": 1, "text": 1, "Alpaca instruction/input/output, as turns with weight": 1, "plain text": 2}'

# A record by its number: the tokens that --chat has of a file of its own.
head -n 1 data/below/2.jsonl >alone.jsonl
ends 0 tokens "$model" --chat alone.jsonl --template chatml --json
sed -n '2s/\(.*\)], "tokens".*/\1/p' out >alone
ends 0 tokens "$model" "${take[@]}" --row 3 --json
sed -n '2s/\(.*\)], "tokens".*/\1/p' out >row
test -s alone && cmp alone row || fail "record 3 is another than --chat's"
prints '"record": {"file": "data/below/2.jsonl", "line": 1, "row": 3, '
ends 0 tokens "$model" "${take[@]}" --row 3
prints '  trained  "H"'
says 'data/below/2.jsonl:1, record 3: messages; 3 of '
says 'columns that are not read: source'
ends 0 tokens "$model" "${take[@]}" --row 5
grep -qE '^ +[0-9]+  trained  0\.5  ' out || fail "the weight is not there"
ends 0 tokens "$model" "${take[@]}" --row 4
says 'fewer than two tokens'
test ! -s out || fail "an empty record has tokens"
ends 2 tokens "$model" "${take[@]}" --row 6
says 'there is no record 6: the data has 5,'
ends 2 tokens "$model" "${take[@]}" --row 0
# The first token has nothing before it: as in transformers it has a label, and nothing comes of it.
ends 0 tokens "$model" "${take[@]}" --row 1
grep -qE '^ +[0-9]+  -        "One"' out || fail "the first token is trained on"
ends 0 tokens "$model" "${take[@]}" --row 1 --json
prints '"mask": [1, 1, 1, 1, 1, 1]'
prints '"supervised_tokens": 5'
ends 2 tokens "$model" --row 1 --text a
says '--row and --mark belong to --data'
ends 2 tokens "$model" --data data --text a
ends 1 tokens "$model" --data nowhere.txt
says 'nowhere.txt'

# What is undesired trains nothing, and is counted once.
printf '%s\n' '{"prompt": "a", "completion": "b", "label": true}' '{"prompt": "c", "completion": "d", "label": false}' >kto.jsonl
ends 0 tokens "$model" --data kto.jsonl
prints 'left out    0 of fewer than two tokens, 1 without a supervised token, 1 of them undesired (label false)'
test "$(cat out said | grep -c undesired)" = 1 || fail "what is undesired is said twice"
ends 0 tokens "$model" --data kto.jsonl --row 2
says 'tokens are trained on: it is undesired (label false)'
ends 0 tokens "$model" --data kto.jsonl --row 2 --json
prints '"undesired": true'

# Of many columns that are not read each is counted, and a line that is too long for them says how many more.
{ printf '{"text": "a b c"'; printf ', "a_column_with_a_name_%s": 1' $(seq 60); echo '}'; } >many.jsonl
ends 0 tokens "$model" --data many.jsonl --json
prints '"a_column_with_a_name_60": 1'
grep -qE 'a_column_with_a_name_1 \(many.jsonl:1\), .* and [0-9]+ more$' said || fail "the rest is not said"

# On a terminal what is trained stands out; without colours it is between marks alone.
command -v script >/dev/null && {
    script -qec "'$spectrum' tokens '$model' --data data --mark % --template chatml --row 3" /dev/null </dev/null >out 2>&1 || fail "no terminal"
    grep -q $'\e\\[1m\\[\\[Ho' out || fail "nothing stands out"
    NO_COLOR=1 script -qec "'$spectrum' tokens '$model' --data data --mark % --template chatml --row 3" /dev/null </dev/null >out 2>&1 || fail "no terminal"
    grep -q $'\e' out && fail "NO_COLOR is not obeyed"
    prints '[[Ho'
}

# --- train --dry-run ---

for i in $(seq 30); do echo "{\"prompt\": \"What is $i + 1?\", \"completion\": \" It is $((i + 1)).\", \"id\": $i}"; done >sums.jsonl
printf '%s\n' '{"text": ""}' '{"prompt": "Nothing", "completion": "", "weight": 0}' >>sums.jsonl
run=(train "$model" --data sums.jsonl --seq-len 16 --accumulate 2 --threads 1 --dtype fp32 --sample "What is")
nothing_left() { # beside the data and its tokens
    test -z "$(find . -path ./cache -prune -o \( -newer before -type d -name 'runs*' -o -path './state/*' -o -path './tmp/*' -o -name job.json \) -print)" ||
        fail "it left $(find . -newer before)"
}
touch before
ends 0 "${run[@]}" --dry-run
nothing_left
prints 'left out    1 of fewer than two tokens, 1 without a supervised token'
prints 'samples     begin with "What is"'
prints 'it fits'
grep -q -- '--long' out && fail "it speaks of a --long that nobody asked for"
says 'data: columns that are not read: id (sums.jsonl:1)'
says 'sums.jsonl:1 is seen as, trained between [[ and ]]: What is 1 + 1?[[ It is 2.'
ends 0 "${run[@]}" --dry-run --json
nothing_left
cp out dry
prints '"optimizer": "adamw", "seq_len": 16, "batch": 1, "accumulate": 2, "seed": 42, "schedule": "cosine", "lr": 2e-05, "min_lr": 0, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-08, "device": "auto"'
prints '"forms": {"prompt and completion, texts": 30, "text": 1, "prompt and completion, texts with weight": 1}, "unread_columns": {"id": 30}'
ends 0 "${run[@]}" --run real --json --eval-every 0 --save-every 0
# What it said is what the run did.
value() { grep -o "\"$1\": *[0-9][0-9]*" "$2" | head -n 1 | grep -o '[0-9]*$'; }
for key in documents tokens supervised_tokens epoch_supervised_tokens epoch_rows epoch_steps without_target too_short truncated; do
    test -n "$(value $key dry)" && grep -qF "\"$key\": $(value $key dry)" real/job.json || fail "$key: $(value $key dry)"
done
test "$(value steps dry)" = "$(value planned_steps out)" || fail "steps: $(value steps dry)"
grep -oP '(?<=\{"name": ")[^"]+' dry | sort >tensors
grep -oP '"\K[^"]+(?=": *\{"parameters")' real/proof.json | sort >proved
test -s proved && cmp tensors proved || fail "other tensors train: $(diff tensors proved)"
test "$(value trained_parameters dry)" = "$(value trained_parameters real/proof.json)" || fail "other parameters"
for key in weights masters gradients optimizer activations workspace; do
    test "$(value $key dry)" = "$(value $key real/metrics.jsonl)" || fail "memory: $key"
done

# A run's data as the run reads it: its template, its columns, the tokens that it added; also where there is no checkpoint.
printf '%s' '{% for m in messages %}<start_of_turn>{{ m.role }}: {{ m.content }}<end_of_turn>{% endfor %}' >marks.jinja
head -n 30 sums.jsonl | sed 's/"prompt"/"question"/' >asked.jsonl
ends 0 train "$model" --data asked.jsonl --columns prompt=question,completion=completion --template marks.jinja --add-tokens --method full \
    --seq-len 64 --steps 1 --threads 1 --dtype fp32 --sample-tokens 0 --run added
mv marks.jinja own.jinja
rm -r added/checkpoints/*
ends 0 tokens added --data asked.jsonl --row 2
prints '"<start_of_turn>"'
says '2: prompt and completion, texts as turns; '
cp out by_run
ends 0 tokens "$model" --data asked.jsonl --columns prompt=question,completion=completion --template own.jinja --row 2
says 'cut into pieces: <start_of_turn> and <end_of_turn> of the chat template; --add-tokens shows them as tokens'
grep -qF '"<start_of_turn>"' out && fail "a mark is no token, and is shown as one"
ends 0 tokens "$model" --data asked.jsonl --columns prompt=question,completion=completion --template own.jinja --add-tokens --row 2
cmp out by_run || fail "--add-tokens shows other tokens than the run's"
ends 2 tokens added --data asked.jsonl --add-tokens
says 'added is a run, which has its tokens already'
ends 2 tokens "$model" --text a --template chatml
says '--template and --columns belong to --chat and --data'
ends 2 tokens "$model" --data asked.jsonl --no-special
says '--no-special belongs to --text'
"$spectrum" tokens --help | grep -qF 'of text, prompt, completion, instruction, input, output, messages, conversations, system, tools, documents, history, label, weight' ||
    fail "--help lists no keys of --columns"

grep -qF '"forms": {"prompt and completion, texts": 30, "text": 1, "prompt and completion, texts with weight": 1}' real/job.json || fail "job.json has no forms"
ends 0 "${run[@]}" --dry-run --seq-len 13 --long drop
grep -qE ', [1-9][0-9]* longer than a row \(--long drop\)$' out || fail "what --long drops is not said"
ends 0 "${run[@]}" --dry-run --seq-len 4
prints 'a longer --seq-len keeps them together'

# What is refused is refused alike, and leaves nothing.
refused() { # refused STATUS OPTIONS...
    ends "$1" "${run[@]}" --run other "${@:2}"
    tail -n 1 said >real_said
    rm -rf other
    ends "$1" "${run[@]}" --run other "${@:2}" --dry-run
    tail -n 1 said | cmp - real_said || fail "${*:2}: other words than $(cat real_said)"
    test ! -e other || fail "${*:2}: there is a folder"
}
refused 1 --memory-limit 1M
refused 1 --seq-len 16 --eval-data alone.txt
refused 1 --method spectrum+lora --select random:0.0001
ends 2 "${run[@]}" --dry-run --lr 0
says '--lr 0 trains nothing'
ends 1 "${run[@]}" --dry-run --run real
says 'real holds a job already'
ends 2 "${run[@]}" --dry-run --detach
says 'exclude one another'

# Random weights are drawn and gone.
ends 0 "${run[@]}" --dry-run --init --json
prints '"format": "spectrum.dry-run"'
test -z "$(ls tmp)" || fail "it left $(ls tmp)"
test "$("$spectrum" jobs --json | grep -o '"job":' | wc -l)" -le 2 || fail "$("$spectrum" jobs)"
