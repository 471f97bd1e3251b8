#!/usr/bin/env bash
# The chat template that a run was trained with goes where the run goes; marks of a template that are no
# tokens are refused, or become some. Arguments: binary, source folder.
set -uo pipefail
binary=$1
demo=$2/demo
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
trap 'remove_folder "$work"' EXIT
cd "$work" || exit 1
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state OMP_NUM_THREADS=1
failures=0
fail() {
  echo "FAILED: $*"
  tail -n 5 out err
  failures=$((failures + 1))
}
# STATUS PATTERN COMMAND...: it ends so, and a line of what it says has that.
expect() {
  local status=$1 pattern=$2 got
  shift 2
  "$binary" "$@" >out 2>err
  got=$?
  [ $got -eq "$status" ] || fail "spectrum $*: status $got, not $status"
  [ -z "$pattern" ] || grep -q -- "$pattern" out err || fail "spectrum $*: nothing says $pattern"
}
is_over() { [ -e "$1/result.json" ] && [ ! -e "$1/lock" ]; }
wait_for_end() { wait_until is_over "$1" || fail "$1 does not end"; }
# SOURCE...: all have the same loss on the conversations
same_loss() {
  local source loss first=
  for source; do
    expect 0 '"loss"' eval "$source" --data chat.jsonl --dtype fp32 --seq-len 64 --json
    loss=$(grep -o '"loss": [0-9.]*' out)
    [ "${first:=$loss}" = "$loss" ] || fail "$source: $loss, not $first as $1"
  done
}
has_template() { grep -q "\"chat_template\": \".*$2" "$1/tokenizer_config.json"; }

cp -r "$demo/model" own
chmod -R u+w own
cp -r own bare
sed -i '/chat_template/d; s/"model_max_length": 512,/"model_max_length": 512/' bare/tokenizer_config.json
# The same without marks: two other tokens have their ids.
cp -r bare plain
sed -i 's/<|im_start|>/<|first|>/g; s/<|im_end|>/<|second|>/g' plain/tokenizer.json
for answer in me you them us; do
  echo '{"messages": [{"role": "user", "content": "who"}, {"role": "assistant", "content": "'$answer'"}]}'
done >chat.jsonl
short=(--data chat.jsonl --accumulate 1 --seq-len 64 --eval-split 0 --sample-tokens 0 --dtype fp32 --threads 1)

# --- exports ---

expect 0 done train bare "${short[@]}" --template chatml --select last:1 --steps 1 --run named
expect 0 'after step 1' export named -o named-out
has_template named-out im_start || fail "the export has not the run's template"
[ -e named-out/chat_template.jinja ] && fail "a file that the base has not"
same_loss named named-out
expect 0 done train bare "${short[@]}" --template chatml --method lora --steps 1 --run adapters
expect 0 'as PEFT has them' export adapters -o peft
expect 0 'after step 1' export adapters --merge -o merged
for folder in peft merged; do
  has_template $folder im_start || fail "$folder has not the run's template"
done

# Files go before the configuration, so they are the run's, too; other templates of the base are not.
cp -r bare filed
echo 'ANOTHER' >filed/chat_template.jinja
mkdir filed/additional_chat_templates
echo 'TOOLS' >filed/additional_chat_templates/tool_use.jinja
expect 0 done train filed "${short[@]}" --template chatml --select last:1 --steps 1 --run over
expect 0 'after step 1' export over -o over-out
has_template over-out im_start || fail "the configuration has not the run's template"
grep -q im_start over-out/chat_template.jinja || fail "chat_template.jinja is the base's"
[ -e over-out/additional_chat_templates ] && fail "the base's other templates stand above the run's"
same_loss over over-out

# A run with the model's own has all of the model's.
cp -r own whole
mkdir whole/additional_chat_templates
echo 'TOOLS' >whole/additional_chat_templates/tool_use.jinja
echo "{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}<|im_end|>{% endfor %}" >whole/chat_template.jinja
expect 0 done train whole "${short[@]}" --select last:1 --steps 1 --run whole-run
expect 0 'after step 1' export whole-run -o whole-out
for file in tokenizer_config.json chat_template.jinja additional_chat_templates/tool_use.jinja; do
  cmp -s whole/$file whole-out/$file || fail "$file is not the model's"
done
same_loss whole-run whole-out

# --- a file ---

cat >mine.jinja <<'J'
{%- for m in messages %}
{{- '<|im_start|>' + m.role + ' says ' + m.content + '<|im_end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant says ' }}{% endif %}
J
cp mine.jinja kept.jinja
# Refused, mended, and begun in the same folder: the file counts, not what was refused of it.
{ printf '<|nope|>'; cat kept.jinja; } >mine.jinja
expect 1 'nope' train bare "${short[@]}" --template mine.jinja --select last:1 --steps 1 --run mended
cp kept.jinja mine.jinja
expect 0 done train bare "${short[@]}" --template mine.jinja --select last:1 --steps 1 --run mended
cmp -s mine.jinja mended/chat_template.jinja || fail "what was refused of a file is taken for the file"
iconv -f UTF-8 -t UTF-16 kept.jinja >wide.jinja
expect 1 'wide.jinja: this is UTF-16' train bare "${short[@]}" --template wide.jinja --run wide
[ ! -e wide ] || fail "a template that is none leaves a folder"
expect 2 'no such file' train bare "${short[@]}" --template other.jinja --run no
expect 0 done train bare "${short[@]}" --template mine.jinja --select last:1 --steps 4 --save-every 2 --run file
cmp -s mine.jinja file/chat_template.jinja || fail "the run has no copy of the file"
cp -r file again
expect 0 '"ids"' generate file --chat --prompt who --tokens 3 --json
cp out generated
echo 'CHANGED' >mine.jinja
same_loss file again
expect 0 '"ids"' generate file --chat --prompt who --tokens 3 --json
cmp -s out generated || fail "generate takes the changed file"
rm mine.jinja
expect 0 '' resume again --step 2
wait_for_end again
cmp -s {file,again}/checkpoints/step-00000004/weights.safetensors || fail "resumed without the file it is another run"
expect 0 'after step 4' export file -o file-out
has_template file-out 'says' || fail "the export has not the file's template"
same_loss file file-out
rm again/chat_template.jinja
expect 1 'again/chat_template.jinja is gone' eval again --data chat.jsonl

# A start that is refused leaves nothing to the next one of the folder: neither its text nor its file.
echo '{% for m in messages %}<|nope|>{{ m.content }}{% endfor %}' >mine.jinja
expect 1 'the template writes <|nope|>' train bare "${short[@]}" --template mine.jinja --select last:1 --run twice
cp kept.jinja mine.jinja
expect 0 'says who' train bare "${short[@]}" --template mine.jinja --select last:1 --run twice
cmp -s kept.jinja twice/chat_template.jinja || fail "the run has the template of the start before it"
echo '{% for m in messages %}<|nope|>{{ m.content }}{% endfor %}' >mine.jinja
expect 1 'the template writes <|nope|>' train bare "${short[@]}" --template mine.jinja --select last:1 --run thrice
expect 0 done train bare "${short[@]}" --template chatml --select last:1 --run thrice
[ -e thrice/chat_template.jinja ] && fail "the run has the template of the start before it"

# --- a day ---

cat >dated.jinja <<'J'
{%- for m in messages %}
{{- '<|im_start|>' + m.role + strftime_now(' %Y-%m-%d ') + m.content + '<|im_end|>' }}
{%- endfor %}
{%- if add_generation_prompt %}{{- '<|im_start|>assistant' + strftime_now(' %Y-%m-%d ') }}{% endif %}
J
expect 0 done train bare "${short[@]}" --template dated.jinja --select last:1 --steps 4 --save-every 2 --run day
grep -q "\"template_date\": \"20..-..-..\"" day/job.json || fail "the run does not keep the date"
grep -q template_date file/job.json && fail "a date of a template that writes none"
cp -r day past
sed -i 's/"template_date": "[^"]*"/"template_date": "2020-02-02"/' past/job.json
for run in day past; do
  expect 0 '"loss"' eval $run --data chat.jsonl --dtype fp32 --json
  grep -o '"loss": [0-9.]*' out >$run.loss
done
cmp -s day.loss past.loss && fail "eval takes today's date, not the run's"
expect 1 'other data to train on' resume past --step 2

# --- marks that are no tokens ---

new='<|im_start|> and <|im_end|>'
expect 1 "$new, which are not tokens of this tokenizer.*--add-tokens" \
  train plain "${short[@]}" --template chatml --method full --steps 1 --run no
expect 0 "no token of this tokenizer, and cut into pieces: $new" \
  tokens plain --chat chat.jsonl --template chatml
expect 0 "cut into pieces: $new" generate plain --chat --prompt who --template chatml --tokens 1
expect 0 'supervised\|trained' tokens plain --chat chat.jsonl --template zephyr
grep -q 'no token\|not a token\|not tokens' err && fail "Zephyr's marks are plain text"
expect 0 done train plain "${short[@]}" --template zephyr --select last:1 --steps 1 --run zephyr
# A model's own is as it is.
cp -r own odd
sed -i 's/<|im_start|>/<|first|>/g; s/<|im_end|>/<|second|>/g' odd/tokenizer.json
expect 0 "the chat template writes $new, which are not tokens" \
  train odd "${short[@]}" --select last:1 --steps 1 --run odd-run

for option in '--method lora' --no-embeddings --no-head; do
  # shellcheck disable=SC2086
  expect 2 '--add-tokens' train plain "${short[@]}" --template chatml --add-tokens $option --run no
done
expect 0 '' plan plain --top 25 --no-embeddings -o frozen.yaml
expect 1 'the plan freezes model.embed_tokens' \
  train plain "${short[@]}" --template chatml --add-tokens --plan frozen.yaml --steps 1 --run no2
expect 0 'adds none' train bare "${short[@]}" --template chatml --add-tokens --method full --steps 1 --run none

for method in '--method full' '--select last:1'; do
  rm -rf added added-again added-out
  # shellcheck disable=SC2086
  expect 0 "added to the vocabulary: $new" \
    train plain "${short[@]}" --template chatml --add-tokens $method --steps 4 --lr 1e-3 --save-every 2 --run added
  grep -q '"added_tokens": {"<|im_start|>": \?2048, \?"<|im_end|>": \?2049}' added/job.json ||
    fail "the run does not keep what it added"
  cp -r added added-again
  expect 0 'after step 4' export added -o added-out
  grep -q '"vocab_size":[[:space:]]*2050' added-out/config.json || fail "the export is too small"
  grep -q '"eos_token_id": \[0, 2049\]' added-out/generation_config.json || fail "texts do not end at the new token"
  expect 0 '"ids": \[2048, 78, 2049\]' tokens added-out --text '<|im_start|>l<|im_end|>' --json
  same_loss added added-out added/checkpoints/step-00000004
  for source in added added-out; do
    expect 0 '"ids"' generate $source --chat --prompt who --tokens 5 --dtype fp32 --json
    grep -o '"ids".*' out >$source.ids
  done
  cmp -s added.ids added-out.ids || fail "the export says something else than the run"
  expect 0 '' resume added-again --step 2
  wait_for_end added-again
  cmp -s {added,added-again}/checkpoints/step-00000004/weights.safetensors || fail "resumed it is another run"
done
# A run's record and its model belong together.
sed -i 's/"added_tokens": {[^}]*}/"added_tokens": {"<|im_start|>": 2049, "<|im_end|>": 2048}/' added/job.json
expect 1 'had the id 2049, and would get 2048' eval added --data chat.jsonl
sed -i 's/"added_tokens": {[^}]*}/"added_tokens": [1]/' added/job.json
expect 1 'added: "added_tokens" is not an object' eval added --data chat.jsonl

# A dry run says it all, and leaves nothing.
cp kept.jinja mine.jinja
expect 0 'model.embed_tokens .* 393,600 parameters' train plain "${short[@]}" --template mine.jinja --add-tokens --method full --dry-run
expect 1 "$new, which are not tokens" train plain "${short[@]}" --template mine.jinja --method full --dry-run
[ -e runs ] && fail "a dry run left a folder"

# Rows that are there beyond the tokenizer's size are taken; the model keeps its own.
cp -r plain padded
last=$(grep -o '"[^"]*":2047[,}]' padded/tokenizer.json | head -1 | sed 's/":2047.*//; s/^"//')
sed -i "s/,\"$last\":2047//; s/,\[\"Ġsu\",\"pp\"\]//; s/,\"Ġsu pp\"//" padded/tokenizer.json
cp -r padded short
expect 0 "added to the vocabulary" \
  train padded "${short[@]}" --template chatml --add-tokens --method full --steps 1 --run padded-run
expect 0 'after step 1' export padded-run -o padded-out
grep -q '"<|im_start|>": \?2047, \?"<|im_end|>": \?2048' padded-run/job.json || fail "the free row is not taken"
grep -q '"vocab_size":[[:space:]]*2049' padded-out/config.json || fail "there are other rows than one more"
same_loss padded-run padded-out
cmp -s plain/model.safetensors padded/model.safetensors || fail "the base was written to"

exit $((failures > 0))
