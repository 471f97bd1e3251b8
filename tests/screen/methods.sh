#!/usr/bin/env bash
# A run with adapters from the form, on the demo's model: its fields, what is passed on, what the
# screen says that it takes and trains. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=$2/demo/model
source "${BASH_SOURCE[0]%/*}/common.bash"
hides() { # hides FILE TEXT
  grep -qF -- "$2" "$work/$1" && { fail "$1 shows \"$2\":"; cat "$work/$1"; }
}
field() { # field FILE LABEL VALUE, whatever is between them
  grep -qF -- "$2 $3 " <<<"$(tr -s ' ' <"$work/$1")" || { fail "$1 has no $2 $3:"; cat "$work/$1"; }
}
has() { # has RUN MEMBER: of the run's job.json
  grep -qF -- "$2" "$work/runs/$1/job.json" || { fail "$1 has no $2:"; cat "$work/runs/$1/job.json"; }
}
lacks() { # lacks RUN TEXT
  grep -qF -- "$2" "$work/runs/$1/job.json" && { fail "$1 has $2:"; cat "$work/runs/$1/job.json"; }
}
memory() { grep -oP 'memory \K[0-9.]+ ([KMG]i)?B' "$work/$1" | head -1; }
planned() { grep -oP 'memory ([0-9.]+|n/a)( [KMG]?i?B)? of \K[0-9.]+ ([KMG]i)?B' "$work/$1" | head -1; }
export OMP_NUM_THREADS=1
head -30 "$2/demo/text/problems.jsonl" >"$work/data.jsonl"

# Fields of adapters come with the method, one that is empty follows it; the learning rate is the
# demonstration's, until it is empty.
play 80x40 "$model" <<'SCRIPT'
wait scan
t
type "data.jsonl"
field "method"
save-screen spectrum.txt
Right Right
save-screen lora.txt
Esc
save-screen lora-map.txt
t
field "rank"
type "4"
field "steps"
type "2"
field "sequence length"
type "64"
field "learning rate"
<Ctrl-U>
save-screen filled.txt
Ctrl-S Ctrl-S
wait text "completed"
save-screen completed.txt
SCRIPT
play 120x50 "$model" <<'SCRIPT'
wait scan
t
field "method"
Right Right
Esc
save-screen wide-map.txt
SCRIPT
hides spectrum.txt "rank "
hides spectrum.txt "alpha "
shows lora.txt "--method  adapters beside every linear layer"
field lora.txt rank 16
field lora.txt alpha "auto (32)"
shows lora.txt "trains adapters at 56 matrices · 417.8k params (12.5 %)"
shows lora-map.txt "25 % of each type: trains 14 of 56 matrices" # what its dots show
shows wide-map.txt "tokens at a time; the form: lora"
field filled.txt rank 4
field filled.txt alpha "auto (8)"
field filled.txt "learning rate" "auto (2e-4)"
shows completed.txt "trains 56 adapters, 104.4k parameters"
hides completed.txt "get no gradient"
says completed.txt "makes a PEFT folder, or with --merge a complete Hugging Face folder of it"
has model-1 '"method": "lora"'
has model-1 '"rank": 4'
has model-1 '"alpha": 8'
has model-1 '"lr": 0.0002'
lacks model-1 plan
[ -e "$work/runs/model-1/plan.yaml" ] && fail "a run without a plan has one"
[ -n "$(planned completed.txt)" ] && [ "$(memory filled.txt)" = "$(planned completed.txt)" ] ||
  fail "memory: the form says $(memory filled.txt), the job $(planned completed.txt)"

# With a plan, types of one's own and an alpha of one's own; the run's bars are the form's.
play 120x50 "$model" <<'SCRIPT'
wait scan
t
type "data.jsonl"
field "method"
Left
save-screen turned.txt
field "rank"
type "8"
field "alpha"
type "12"
field "steps"
type "1"
field "sequence length"
type "64"
field "NEFTune"
type "5"
field "spike guard"
type "4"
field "optimizer"
Right Right
field "dtype"
Left
field "frozen dtype"
Right Right
save-screen free.txt
field "memory limit"
type "1MM"
save-screen bytes.txt
<Ctrl-U>
type "9M"
save-screen tight.txt
<Ctrl-U>
type "24M"
save-screen mixed.txt
Ctrl-S Ctrl-S
wait text "completed"
save-screen mixed-run.txt
SCRIPT
field turned.txt method "spectrum+qlora"
field turned.txt "frozen dtype" "auto (nf4)"
says turned.txt "--method spectrum+qlora"
shows turned.txt "25 % of each type: trains adapters at 14 of 56 matrices · 104.4k adapter + 393.2k params (14.9 %)"
field mixed.txt optimizer adamw-8bit
field mixed.txt "frozen dtype" int8
field mixed.txt dtype fp32
hides mixed.txt "masters           fp32"
shows bytes.txt "bytes, as in 8G or 500M"
says tight.txt "of 9.00 MiB: it does not fit within the memory limit; a lower sequence length"
shows tight.txt "the run takes "
says tight.txt "with every block recomputed; a lower sequence length"
shows mixed.txt " of 8 blocks recomputed"
hides free.txt "recomputed"
has model-2 '"method": "spectrum+qlora"'
has model-2 '"alpha": 12'
has model-2 '"optimizer": "adamw-8bit"'
has model-2 '"frozen_dtype": "int8"'
has model-2 '"neftune": 5'
has model-2 '"spike_guard": 4'
has model-2 '"memory_limit": 25165824'
shows mixed-run.txt "trains 14 adapters, 1 tensor, 445.4k parameters"
[ -s "$work/runs/model-2/plan.yaml" ] || fail "a run with a plan has none"
categories='(weights|masters|gradients|optimizer|activations|workspace)' bytes='[0-9.]+ ([KMG]i)?B'
bars() { grep -oE "$categories +$bytes" "$work/$1" | tr -s ' '; }
planned() { # of a run, whose first column is what it holds
  grep -oE "$categories +(n/a|$bytes) +$bytes" "$work/$1" | sed -E "s,(n/a|$bytes) +($bytes),\\3," | tr -s ' '
}
[ "$(bars mixed.txt | wc -l)" -eq 6 ] && [ "$(bars mixed.txt)" = "$(planned mixed-run.txt)" ] ||
  { fail "the bars are not the run's:"; cat "$work/mixed.txt" "$work/mixed-run.txt"; }

# What was typed for another method is not in its way.
play 80x24 "$model" <<'SCRIPT'
wait scan
t
type "data.jsonl"
field "method"
Right Right
field "rank"
type "0"
save-screen wrong.txt
Ctrl-S Ctrl-S
save-screen refused.txt
field "method"
Left
field "steps"
type "1"
field "sequence length"
type "64"
Ctrl-S Ctrl-S
wait text "completed"
SCRIPT
shows wrong.txt "from 1 to 65536"
shows refused.txt "rank: from 1 to 65536"
has model-3 '"method": "full"'
lacks model-3 '"rank"'
lacks model-3 '--rank'
lacks model-3 '--frozen-dtype'

echo "$failures failed"
[ $failures -eq 0 ]
