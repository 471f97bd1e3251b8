#!/usr/bin/env bash
# A look at the data: every record as the model will see it, with its place, form and ids; a folder as
# data, a template by its name. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=$2/demo/model
source "${BASH_SOURCE[0]%/*}/common.bash"
hides() { # hides FILE TEXT
  grep -qF -- "$2" "$work/$1" && { fail "$1 shows \"$2\":"; cat "$work/$1"; }
}

mkdir -p "$work/folder/below"
printf 'One text.\n' >"$work/folder/1.txt"
printf '%s\n' '{"messages": [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": "It, 日本."}], "id": 1}' '' \
  '{"instruction": "Red\u001b[31m?", "output": "Yes.", "weight": 0.5}' '{"text": ""}' >"$work/folder/below/2.jsonl"
play 80x24 "$model" <<'SCRIPT'
wait scan
t
type "folder"
field "chat template"
type "mine"
save-screen wrong.txt
<Ctrl-U>
type "chatml"
save-screen form.txt
Ctrl-D
save-screen first.txt
PgDn
save-screen messages.txt
i
save-screen ids.txt
Down Down
save-screen scrolled.txt
Home Right
PgDn
save-screen paged.txt
PgUp
save-screen back.txt
Right
Down Down Down Down Down Down Down Down
save-screen weighted.txt
Tab
save-screen alpaca.txt
PgDn
save-screen empty.txt
:row 2 Enter
save-screen row.txt
:row 5 Enter
save-screen none.txt
PgDn
?
/ids Enter
save-screen help.txt
q q
Right
save-screen turned.txt
SCRIPT
shows wrong.txt '"mine" is not a chat template'
shows form.txt "folder                             ✓"
shows form.txt "chatml"
shows first.txt "4 records, "
shows first.txt "1.txt:1  plain text"
shows messages.txt "record 2 of 4"
shows messages.txt "below/2.jsonl:1  messages; not read: id"
shows messages.txt "It, 日本.<|im_end|>"
shows messages.txt "i text/ids"
hides messages.txt '"<|im_start|>"'
shows ids.txt '      1  -           "<|im_start|>"'
shows ids.txt "below/2.jsonl:1  messages"
hides ids.txt "It, 日本."
[ "$(sed -n 8p "$work/ids.txt")" = "$(sed -n 6p "$work/scrolled.txt")" ] || { fail "it does not scroll"; cat "$work/scrolled.txt"; }
shows weighted.txt "below/2.jsonl:3  Alpaca instruction/input/output, as turns"
shows weighted.txt "  x 0.5       "
hides weighted.txt "trained"
shows alpaca.txt "Red?[31m?<|im_end|>"
shows empty.txt "below/2.jsonl:4  text; left out: fewer than two tokens"
shows empty.txt "1 left out (fewer than two tokens)"
# A page on in a long record stays in it.
shows paged.txt "record 2 of 4"
[ "$(sed -n 22p "$work/ids.txt")" = "$(sed -n 22p "$work/back.txt")" ] || { fail "a page back is not where it was"; cat "$work/back.txt"; }
cmp -s "$work/paged.txt" "$work/back.txt" && fail "a page on is none"
shows row.txt "record 2 of 4"
says none.txt "there is no record 5"
shows help.txt ":ids"
says help.txt "its tokens one by one with their ids"
shows turned.txt "llama3"

# Undesired records and marks that are no tokens are said; "added tokens" makes them some, and Ctrl-S
# says so before there is a job.
printf '%s\n' '{"prompt": "a", "completion": "b", "label": false}' '{"prompt": "c", "completion": "d", "label": true}' >"$work/kto.jsonl"
printf '%s' '{% for m in messages %}<start_of_turn>{{ m.role }}: {{ m.content }}<end_of_turn>{% endfor %}' >"$work/marks.jinja"
play 80x24 "$model" <<'SCRIPT'
wait scan
t
type "kto.jsonl"
field "chat template"
type "marks.jinja"
Ctrl-S
save-screen refused.txt
SCRIPT
[ ! -e "$work/runs" ] || fail "a job was made"
play 80x24 "$model" <<'SCRIPT'
wait scan
t
type "kto.jsonl"
field "chat template"
type "marks.jinja"
Ctrl-D
save-screen kto.txt
i
save-screen pieces.txt
q
Ctrl-S
Right
Ctrl-D
i
save-screen whole.txt
q
save-screen added.txt
field "method"
Right
field "steps"
type "1"
field "sequence length"
type "64"
Ctrl-S
wait text "completed"
SCRIPT
grep -qF '"added_tokens": {"<start_of_turn>":' "$work"/runs/*/job.json || { fail "the job has no added tokens"; cat "$work"/runs/*/job.json; }
shows kto.txt "0 supervised: undesired (label false)"
shows kto.txt "1 undesired (label false); cut into pieces: <start_of_turn> and <end_of_turn>"
hides pieces.txt '"<start_of_turn>"'
says refused.txt "no tokens of this tokenizer: <start_of_turn> and <end_of_turn> of the chat template"
shows refused.txt "▶ added tokens      no"
shows whole.txt '"<start_of_turn>"'
hides whole.txt "cut into pieces"
shows added.txt "added rows"

# What the sequence length cuts off is said beside the form's field as soon as the data is known, for
# another length without another look; it is marked in the text, and counted. Where it takes half of the data, a start is asked about.
cp "$2/demo/text/problems.jsonl" "$work/problems.jsonl"
head -c 3000 "$2/demo/text/shakespeare.txt" >"$work/plain.txt"
play 80x30 "$model" <<'SCRIPT'
wait scan
t
type "problems.jsonl"
field "sequence length"
type "64"
wait text "399 of 400 records longer"
Ctrl-D
save-screen cut.txt
i PgDn PgDn PgDn
save-screen cut-ids.txt
Esc
save-screen noted.txt
Ctrl-S
save-screen asked.txt
type "512"
save-screen fewer.txt
field "sequence length"
type "1024"
save-screen beyond.txt
field "sequence length"
type "64"
field "long documents"
Right
Ctrl-D
save-screen dropped.txt
Esc
field "long documents"
Left
field "data"
<Ctrl-U>
type "plain.txt"
Ctrl-D
save-screen split.txt
SCRIPT
says cut.txt "problems.jsonl:1 prompt and completion, texts; cut off: longer than a row of 64 tokens"
says cut.txt "Natalia sold [cut off here, at 64 tokens] 48/2"
says cut.txt "at 64 tokens a row: 119 cut off, 280 cut off before what trains"
shows noted.txt "399 of 400 records longer"
says noted.txt "of 400 records 119 cut off, 280 cut off before what trains: longer than a row"
says asked.txt "Ctrl-S again starts all the same"
[ ! -e "$work/runs/model-2" ] || fail "a run was started that nobody agreed to"
shows fewer.txt "1 of 400 records longer"
shows beyond.txt "beyond 512 positions"
says beyond.txt "The model has 512 positions: what is longer goes where it was never trained"
says dropped.txt "left out: longer than a row of 64 tokens"
says dropped.txt "at 64 tokens a row: 399 left out"
grep -q "trained" "$work/dropped.txt" && fail "what is left out is shown as trained"
says split.txt "plain text; split: longer than a row of 64 tokens"
says split.txt "[row 2]"

# Columns that are not read are named on as many lines as it takes.
printf '{"text": "a b c", "a_long_name_of_a_column": 1, "another_long_name_of_it": 2, "and_the_last_of_them": 3}\n' >"$work/columns.jsonl"
play 80x24 "$model" <<'SCRIPT'
wait scan
t
type "columns.jsonl"
Ctrl-D
save-screen columns.txt
Down Down Down Down Down Down
save-screen end.txt
SCRIPT
says columns.txt "not read: a_long_name_of_a_column, another_long_name_of_it, and_the_last_of_them"
cmp -s "$work/columns.txt" "$work/end.txt" || fail "it scrolls behind the record's end"

# A path that is longer than its field is cut with a mark.
long=$work/a-folder-with-a-name-that-is-longer-than-its-field
mkdir "$long"
cp "$work/kto.jsonl" "$long"
play 80x24 "$model" <<SCRIPT
wait scan
t
type "$long/kto.jsonl"
save-screen long.txt
SCRIPT
shows long.txt "…"
shows long.txt "kto.jsonl"

# Only the first part of large data is read; nothing is written anywhere.
mkdir -p "$work/tmp"
for i in $(seq 9000); do printf '{"text": "Line %s of some data that is longer than a look."}\n' $i; done >"$work/large.jsonl"
TMPDIR=$work/tmp play 80x24 "$model" <<'SCRIPT'
wait scan
t
type "large.jsonl"
Ctrl-D
save-screen large.txt
End
save-screen last.txt
SCRIPT
says large.txt "records, "
says large.txt "in the first part"
says last.txt "record 4096 of 4096"
shows last.txt "Line 4096 of"
[ -z "$(ls "$work/tmp")" ] || fail "it left $(ls "$work/tmp")"

# What is wrong with a record is said with its line.
printf '{"text": "a"}\n{"prompt": "b"}\n' >"$work/wrong.jsonl"
play 80x24 "$model" <<'SCRIPT'
wait scan
t
type "wrong.jsonl"
Ctrl-D
save-screen refused.txt
SCRIPT
says refused.txt 'wrong.jsonl:2: a prompt alone is not trained: no "completion"'

echo "$failures failed"
[ $failures -eq 0 ]
