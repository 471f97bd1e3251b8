#!/usr/bin/env bash
# The map: what is not known yet while a scan is to come, going to a layer and to a name of several
# words, and that it says what memory the form says. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=$2/demo/model
source "${BASH_SOURCE[0]%/*}/common.bash"
export OMP_NUM_THREADS=1
hides() { # hides FILE TEXT
  grep -qF -- "$2" "$work/$1" && { fail "$1 shows \"$2\":"; cat "$work/$1"; }
}
only() { # only FILE PATTERN FILE: the same text in both
  local a b
  a=$(grep -oP "$2" "$work/$1" | tail -1) b=$(grep -oP "$2" "$work/$3" | tail -1)
  { [ -n "$a" ] && [ "$a" = "$b" ]; } || fail "$1 has \"$a\" and $3 \"$b\""
}

# Before a matrix has a score no percentage has chosen it. What was set by hand is known. The scan may be
# quicker than the keys: then the score is there.
unknown() { # unknown FILE
  grep -qF "model.layers.1.self_attn.q_proj  · not known yet" "$work/$1" || grep -qE 'SNR +[0-9]' "$work/$1" ||
    { fail "$1:"; cat "$work/$1"; }
}
play 80x24 "$model" <<'SCRIPT'
Space
l
save-screen before.txt
h
save-screen hand.txt
l
Enter
save-screen matrix.txt
Esc
wait scan
save-screen scanned.txt
SCRIPT
unknown before.txt
hides before.txt "·●"
unknown matrix.txt
grep -qE "layers.0.self_attn.q_proj  (● trains|○ frozen), by hand" "$work/hand.txt" || { fail "hand.txt:"; cat "$work/hand.txt"; }
shows scanned.txt "model.layers.1.self_attn.q_proj  ● trains"
hides scanned.txt "not known"

# A layer by its number; several words are all in the name, numbers whole parts of it.
play 80x24 "$model" <<'SCRIPT'
wait scan
type "/layer 5"
Enter
save-screen layer.txt
type "/ 3 V_proj"
Enter
save-screen case.txt
type "/3 v_proj"
Enter
save-screen words.txt
type "/2"
Enter
save-screen number.txt
type "/layers.2.mlp"
Enter
save-screen name.txt
type "/layer 50"
Enter
save-screen none.txt
SCRIPT
shows layer.txt "model.layers.5.self_attn.q_proj"
shows case.txt "no module's name has"
shows words.txt "model.layers.3.self_attn.v_proj"
shows number.txt "model.layers.2.self_attn.v_proj"
shows name.txt "model.layers.2.mlp."
shows none.txt "there is no layer 50: they are 0 to 7"

# One run, one memory: before the form was seen, in the form, in the list of plans, and after it.
play 132x43 "$model" <<'SCRIPT'
wait scan
save-screen first.txt
P
save-screen plans.txt
Esc
t
save-screen form.txt
field "batch"
type "2"
Esc
save-screen after.txt
t
field "batch"
type "x"
SCRIPT
shows first.txt "4 × 256 tokens at a time"
only first.txt 'memory \K[0-9.]+ [KMG]iB' form.txt
only first.txt 'memory \K[0-9.]+ [KMG]iB' plans.txt
shows after.txt "2 × 256 tokens at a time"

echo "$failures failed"
[ $failures -eq 0 ]
