#!/usr/bin/env bash
# An epoch is one pass over what has a target; a step ends with its epoch; weights reach the loss; long
# documents become what --long says; a text's rows are shuffled and split. Arguments: binary, source folder.
set -uo pipefail
spectrum=$1 source=$2
model=$source/demo/model
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache HOME=$work OMP_NUM_THREADS=1
cd "$work" || exit 1
failures=0
fail() {
  echo "FAILED: $*"
  tail -n 12 said
  failures=$((failures + 1))
}
says() { grep -qF -- "$1" said || fail "it does not say \"$1\""; }
number() { sed -n "s/.*\"$1\": \([-0-9.e+]*\).*/\1/p" "$2" | tail -n 1; } # number KEY FILE: of the last line that has it
near() { awk -v a="$1" -v b="$2" 'BEGIN { d = a - b; exit !(d < 2e-5 && d > -2e-5 && a + 0 > 0) }' || fail "$3: $1, not $2"; }
train() { # train RUN FILE OPTIONS...
  "$spectrum" train "$model" --data "$2" --run "$1" --method full --dtype fp32 --sample-tokens 0 --save-every 0 \
    --eval-every 0 --threads 1 "${@:3}" >out 2>said
}
evaluate() { "$spectrum" eval "$model" --data "$1" --dtype fp32 --json "${@:2}" >evaluated 2>said; }

# Passes: five rows of one record each, two of them without a target.
{
  for word in seven eight nine; do printf '{"prompt": "Count: ", "completion": "%s %s %s"}\n' $word $word $word; done
  printf '{"prompt": "nothing follows", "completion": "ignored", "weight": 0}\n{"text": ""}\n'
} >passes.jsonl
evaluate passes.jsonl --seq-len 24
tokens=$(number tokens evaluated)
train passes passes.jsonl --seq-len 24 --accumulate 2 --epochs 3 --eval-split 0 --json || fail "it does not train"
rows=$(number epoch_rows out)
steps=$(((rows + 1) / 2 * 3))
[ "$(number supervised_tokens passes/metrics.jsonl)" = $((tokens * 3)) ] || fail "three epochs are not three passes"
[ "$(number planned_steps out)" = $steps ] && [ "$(grep -c '"lr"' passes/metrics.jsonl)" = $steps ] || fail "not $steps steps"
says "left out: 1 document without a supervised token, 1 of fewer than two tokens"
grep -q '"without_target": 1, "too_short": 1' out || fail "--json does not say what was left out: $(cat out)"
grep -q '"data_counts": {"documents": 4' passes/job.json || fail "job.json has no data counts"

# The remainder of an epoch is a step of its own, over its own tokens.
train one passes.jsonl --seq-len 24 --accumulate 100 --epochs 1 --eval-split 0 --lr 1e-9 || fail "it does not train"
near "$(number loss one/metrics.jsonl)" "$(number loss evaluated)" "the loss of a short step"

# Weights: sum of w times loss over sum of w.
conversation() { printf '{"messages": [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": "%s"%s}]%s}\n' "$1" "$2" "$3"; }
conversation "red green blue" "" "" >a.jsonl
conversation "nobody was there before" "" "" >b.jsonl
evaluate a.jsonl --template chatml; la=$(number loss evaluated) na=$(number tokens evaluated)
evaluate b.jsonl --template chatml; lb=$(number loss evaluated) nb=$(number tokens evaluated)
mean=$(awk -v la="$la" -v lb="$lb" -v na="$na" -v nb="$nb" 'BEGIN { printf "%.9f", (.75 * na * la + 2 * nb * lb) / (.75 * na + 2 * nb) }')
{
  conversation "red green blue" ', "weight": 1.5' ', "weight": 0.5'
  conversation "nobody was there before" "" ', "weight": 2'
  conversation "nobody hears this" ', "train": false' ""
  conversation "nor this" "" ', "weight": 0'
} >weighted.jsonl
evaluate weighted.jsonl --template chatml
near "$(number loss evaluated)" "$mean" "the evaluation's weighted mean"
[ "$(number tokens evaluated)" = $((na + nb)) ] || fail "tokens of weight 0 are counted"
train weighted weighted.jsonl --template chatml --seq-len 64 --accumulate 4 --epochs 1 --eval-split 0 --lr 1e-9 || fail "it does not train"
near "$(number loss weighted/metrics.jsonl)" "$mean" "the step's weighted mean"
says "losses count as much as the records' and turns' weights say"
"$spectrum" tokens "$model" --chat weighted.jsonl --template chatml --json >tokens 2>said
grep -q '"weights": \[0, .*0.75' tokens || fail "tokens does not show the weights"
# Somebody else's turn trains where its record says so.
printf '{"messages": [{"role": "user", "content": "red green blue", "train": true}, {"role": "assistant", "content": "no", "train": false}]}\n' >user.jsonl
"$spectrum" tokens "$model" --chat user.jsonl --template chatml --json >tokens 2>said
grep -q '"supervised_tokens": [1-9]' tokens || fail "\"train\": true of a user's turn is not obeyed"
for wrong in '"weight": -1' '"weight": "0.5"' '"weight": 1e300' '"weight": 1e-300' '"weight": true' '"train": "no"' \
  '"weight": 1, "loss_weight": 2' '"train": true, "training": false' '"train_detail": []'; do
  conversation "red" ", $wrong" "" >wrong.jsonl
  evaluate wrong.jsonl --template chatml && fail "$wrong is taken"
  grep -q 'wrong.jsonl:1: message 2 of "messages": .*\(weight\|train\)' said || fail "$wrong: the message is $(cat said)"
done
printf '{"prompt": "a", "completion": "b", "weight": "heavy"}\n' >wrong.jsonl
evaluate wrong.jsonl && fail "a record's weight that is a text is taken"
says '"weight" must be a number'
# A record says it as a turn does; --columns that name a weight alone leave the other names as they are.
printf '{"prompt": "a", "completion": "b c", "train": false}\n{"prompt": "a", "completion": "b", "loss_weight": 0.5}\n' >record.jsonl
"$spectrum" tokens "$model" --chat record.jsonl --json >tokens 2>said
[ "$(grep -c '"weights": \[[0, ]*\]' tokens)" = 1 ] && grep -q '"weights": \[.*0.5' tokens || fail "a record's own words: $(cat tokens)"
printf '{"prompt": "a", "completion": "b c", "score": 0.5}\n' >score.jsonl
for columns in weight=score prompt=prompt,completion=completion,weight=score; do
  "$spectrum" tokens "$model" --chat score.jsonl --columns $columns --json >tokens 2>said
  grep -q '"weights": \[.*0.5' tokens || fail "--columns $columns is not obeyed: $(cat said)"
done
conversation "red" ', "weight": 1e-15' ', "weight": 1e-15' >wrong.jsonl
evaluate wrong.jsonl --template chatml && fail "a product of weights below all that are let pass is taken"
says "its weight times the record's is 1e-30"

# With weights of sources an epoch's targets are those that come; what happens to evaluation data is said.
train thrice passes.jsonl --data-weight 3 --seq-len 24 --accumulate 1 --epochs 1 --eval-split 0 --json || fail "it does not train"
[ "$(number epoch_supervised_tokens out)" = $((tokens * 3)) ] && [ "$(number supervised_tokens thrice/metrics.jsonl)" = $((tokens * 3)) ] ||
  fail "with weight 3 an epoch is said to have $(number epoch_supervised_tokens out) targets"

# A run's own mark and columns are what eval takes; options that would do nothing are refused.
printf 'the first tale\n###\nand another, longer one\n###\nthe end' >marked.txt
train marked marked.txt --eval-data marked.txt --mark '###' --seq-len 32 --steps 1 --eval-every 1 || fail "it does not train"
"$spectrum" eval marked --data marked.txt --json >evaluated 2>said
near "$(number loss evaluated)" "$(number eval_loss marked/metrics.jsonl)" "eval of a run whose texts have a mark"
[ "$(number tokens evaluated)" = "$(number eval_tokens marked/metrics.jsonl)" ] || fail "eval has other tokens than the run"
refuses() { train refused "$@"; [ $? = 2 ] || fail "accepted: $*"; }
train both passes.jsonl --steps 2 --epochs 9 --seq-len 24 --accumulate 1 --eval-split 0 || fail "it does not train"
says "--steps goes before --epochs"
refuses passes.jsonl --eval-split 0.1 --eval-data passes.jsonl
refuses passes.jsonl --sample hello --sample-tokens 0 --steps 1
refuses passes.jsonl --steps 9 --warmup 1.5
train warm passes.jsonl --steps 3 --warmup 9 --eval-split 0 || fail "it does not train"
says "--warmup 9 is cut to 2 steps"

# Long documents.
long=$(printf 'one two three four five six seven eight nine ten %.0s' 1 2 3 4 5 6)
printf '{"text": "%s"}\n' "$long" >text.jsonl
printf '{"prompt": "Count.", "completion": "%s"}\n' "$long" >pair.jsonl
evaluate text.jsonl --seq-len 32; says "1 document split"
evaluate text.jsonl --seq-len 32 --long truncate; says "1 document truncated"
[ "$(number tokens evaluated)" = 31 ] || fail "a truncated row of 32 has $(number tokens evaluated) targets"
evaluate pair.jsonl --seq-len 32; says "1 document truncated"
evaluate pair.jsonl --seq-len 32 --long split && fail "--long split takes records with a prompt"
says "--long split is for plain text"
evaluate text.jsonl --seq-len 32 --long drop && fail "dropping everything is taken"
says "left out by --long drop"
evaluate text.jsonl --long cut; [ $? = 2 ] || fail "--long cut is not refused as wrong usage"
train long pair.jsonl --seq-len 32 --long truncate --epochs 1 --eval-split 0 --json || fail "it does not train"
says "longer than --seq-len: 1 document truncated"
grep -q '"long": "truncate"' long/job.json || fail "job.json does not have --long"
train held passes.jsonl --eval-data pair.jsonl --seq-len 48 --steps 1 --json || fail "it does not train"
says "evaluation: longer than --seq-len: 1 document truncated"
grep -q '"evaluation": {.*"truncated": 1' out || fail "--json does not say what became of evaluation data: $(cat out)"
grep -q '"truncated": 1' long/job.json || fail "job.json does not count what was truncated"

# A text: rows are shuffled by the seed and held back for evaluation; its positions are the model's.
head -c 9000 "$source/demo/text/shakespeare.txt" >play.txt
for seed in 1 2; do
  train play$seed play.txt --seq-len 64 --accumulate 1 --steps 4 --lr 1e-9 --seed $seed || fail "it does not train"
done
grep -qE '[1-9][0-9]* documents for evaluation' said || fail "no row of a text is held back: $(cat said)"
grep -q '"eval_loss"' play1/metrics.jsonl || fail "no evaluation of a text"
[ "$(grep -o '"loss": [0-9.]*' play1/metrics.jsonl)" != "$(grep -o '"loss": [0-9.]*' play2/metrics.jsonl)" ] || fail "another seed begins with the same rows"
positions=$(sed -n 's/.*"max_position_embeddings": \([0-9]*\).*/\1/p' "$model/config.json")
head -c 3000 play.txt >longer.txt
evaluate longer.txt --seq-len $((positions * 2)) || fail "it is not evaluated"
says "beyond the model's $positions positions"
evaluate longer.txt --seq-len "$positions"; grep -q "positions" said && fail "it speaks of positions that are there"

echo "$failures failed"
[ $failures -eq 0 ]
