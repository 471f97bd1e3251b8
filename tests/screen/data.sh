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
Down Down
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
PgDn
Down Down Down Down Down Down Down Down
save-screen weighted.txt
Tab
save-screen alpaca.txt
PgDn
save-screen empty.txt
PgDn
?
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
shows help.txt ":ids"
shows turned.txt "llama3"

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
