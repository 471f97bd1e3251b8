#!/usr/bin/env bash
# A model's plans on the screen: listed, opened, copied, renamed, deleted, compared; their history;
# two sittings, two screens at once, files that cannot be read or written; and what the screen shows is
# what is written and launched. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source_folder=$2
source "${BASH_SOURCE[0]%/*}/common.bash"
source "$source_folder/tests/waiting.bash"
keeps=1
model=$work/model
plans=$XDG_STATE_HOME/spectrum/plans
cp -r "$source_folder/demo/model" "$model"
"$binary" scan "$model" -o "$work/scan.json" 2>/dev/null || fail "no scan was made"
is_kept() { ls "$plans"/*.json; }
hides() { ! grep -qF -- "$2" "$work/$1" || { fail "$1 shows \"$2\":"; cat "$work/$1"; }; }
line() { grep -F -- "$2" "$work/$1" | head -1; } # line FILE NAME, of the list

# --- a key for more or less changes something, or says that nothing is left to change ---
play 80x24 "$model" <<'SCRIPT'
wait scan
+
save-screen more.txt
-
save-screen less.txt
:top 100 Enter
+
save-screen all.txt
SCRIPT
shows more.txt "38 % of each type: trains 21 of 56"
shows less.txt "37 % of each type: trains 14 of 56"
shows all.txt "no percentage above 100 selects more"
rm -rf "$plans"

# --- several plans: made, copied, opened, renamed ---
play 120x30 "$model" <<'SCRIPT'
wait scan
save-screen map.txt
:top 50 Enter
jjll Space
:write edited.yaml Enter
P
save-screen one.txt
c mlp Space only Enter
save-screen two.txt
N fresh Enter
save-screen three.txt
/mlp Enter
Enter
save-screen opened.txt
o
:top 10 Enter
P
save-screen listed.txt
r mlp Space 10 Enter
save-screen renamed.txt
k
r default Enter
save-screen taken.txt
N a/b Enter
save-screen bad.txt
q
save-screen renamed-map.txt
SCRIPT
shows map.txt "P plan: default"
grep -qx '# by hand: 0 more train, 1 fewer' "$work/edited.yaml" || { fail "the file does not say the edit"; cat "$work/edited.yaml"; }
shows one.txt "● default"
says two.txt 'there is a plan "mlp only" now; Enter opens it'
shows three.txt "25 % of each type"
says opened.txt 'the plan "mlp only" is open: 50 % of each type, -1 by hand'
shows opened.txt "P plan: mlp only"
line listed.txt "● mlp only" | grep -q "10 % of all types" || fail "the list has no scope: $(line listed.txt 'mlp only')"
line listed.txt " default" | grep -q "50 % of each type" || fail "another plan was changed"
says renamed.txt '"mlp only" is called "mlp 10" now'
says taken.txt 'there is a plan "default" already'
says bad.txt 'a plan cannot be called "a/b"'
shows renamed-map.txt "P plan: mlp 10"
[ "$(find "$plans" -name '*.json' | wc -l)" = 3 ] || fail "there are not three plans: $(ls -A "$plans")"

# --- the numbers are those of the sub-command; a plan that is not open, too ---
counted() { # counted OPTIONS...: "MATRICES of 56", as `spectrum plan` has it
  "$binary" plan "$work/scan.json" "$@" --json -o "$work/counted.yaml" 2>/dev/null |
    sed -n 's/.*"modules": \([0-9]*\), "modules_total": \([0-9]*\).*/\1 of \2/p'
}
want=$(counted --top 50 --freeze 'layers\.2\.self_attn\.v_proj')
line listed.txt " default" | grep -qF "$want" || fail "default is not $want: $(line listed.txt ' default')"
want=$(counted --top 10 --scope global --freeze 'layers\.2\.self_attn\.v_proj')
line listed.txt "● mlp only" | grep -qF "$want" || fail "mlp only is not $want: $(line listed.txt 'mlp only')"

# --- the next sitting: the plan that was open last is open; what is shown is what is written ---
play 120x30 "$model" <<'SCRIPT'
wait scan
save-screen again.txt
:write shown.yaml Enter
P
k k
save-screen compared.txt
Tab
save-screen matrices.txt
Space
j
save-screen marked.txt
SCRIPT
shows again.txt "P plan: mlp 10"
shows again.txt "10 % of all types"
cmp -s <(grep -v '^#' "$work/shown.yaml") <(grep -v '^#' "$work/counted.yaml") || fail "what is written is not what is shown"
says compared.txt "beside mlp 10:"
grep -qE 'beside mlp 10: [0-9]+ matri(x|ces) more \([0-9.kM]+\), [0-9]+ fewer \([0-9.kM]+\), [0-9]+ in both · memory [+-]' "$work/compared.txt" ||
  { fail "nothing is compared"; cat "$work/compared.txt"; }
shows compared.txt "mlp.up_proj"
hides compared.txt "model.layers"
shows matrices.txt "model.layers"
shows marked.txt "="

# --- the contrast is right: a plan beside what it was copied from, with one matrix more, one less ---
rm -r "$plans"
play 120x30 "$model" <<'SCRIPT'
wait scan
:top 50 Enter
P
c second Enter
Enter
jjll Space
j Space
P
save-screen contrast.txt
/default Enter
save-screen other-side.txt
SCRIPT
shows other-side.txt "beside second:"
counts=$(grep -oE '[0-9]+ matri(x|ces) more|[0-9]+ fewer' "$work/other-side.txt" | grep -oE '^[0-9]+' | paste -sd+)
[ "$((counts))" = 2 ] || { fail "two matrices differ, not $counts"; cat "$work/other-side.txt"; }

# --- history: of this sitting and the last, and back to any step ---
rm -r "$plans"
play 80x24 "$model" <<'SCRIPT'
wait scan
save-screen h0.txt
jjll Space
save-screen h1.txt
+ + o
e
SCRIPT
play 80x24 "$model" <<'SCRIPT'
wait scan
:top 20 Enter
Y
save-screen history.txt
g j
Enter
save-screen went.txt
Ctrl-R
save-screen further.txt
Y
save-screen middle.txt
SCRIPT
shows history.txt 'History of "default": step 7 of 7'
for text in "25 % of each type" "- layer 2 self_attn.v_proj" "38 % of each type" "50 % of each type" \
  "50 % of all types" "embeddings frozen" "20 % of all types" "$(date +%Y-)"; do
  shows history.txt "$text"
done
says went.txt "step 2 of 7: 25 % of each type"
[ "$(grep -o '[0-9]* of 56' "$work/went.txt" | tail -1)" = "$(grep -o '[0-9]* of 56' "$work/h1.txt" | tail -1)" ] || fail "it is not as it was then"
shows further.txt "38 % of each type"
grep -q "○.*20 % of all types" "$work/middle.txt" || fail "what was undone is not marked"
# a change from the middle: what came after it is gone, what came before is not
play 80x24 "$model" <<'SCRIPT'
wait scan
:top all Enter
Y
save-screen changed.txt
SCRIPT
shows changed.txt "step 4 of 4"
shows changed.txt "everything"

# --- deleting asks; the open one gives way to another ---
rm -r "$plans"
play 80x24 "$model" <<'SCRIPT'
wait scan
:top 30 Enter
P
c spare Enter
D
save-screen asked.txt
n
save-screen not.txt
D y
save-screen gone.txt
c spare Enter
k
D y
save-screen open-gone.txt
q
save-screen left.txt
SCRIPT
says asked.txt 'delete the plan "spare": 30 % of each type, with its history? (y/n)'
says not.txt "nothing was done"
line not.txt "spare" | grep -q 56 || fail "it was deleted unasked"
says gone.txt 'the plan "spare" is deleted; "default" is open'
says open-gone.txt 'the plan "default" is deleted; "spare" is open'
shows left.txt "30 % of each type"
[ "$(find "$plans" -name '*.json' | wc -l)" = 1 ] || fail "there is not one plan left: $(ls -A "$plans")"

# --- two screens over one model: neither loses its plan ---
rm -r "$plans"
(cd "$work" && cat >first.script && "$binary" --script first.script --size 80x24 "$model") >"$work/first.out" 2>&1 <<'SCRIPT' &
wait scan
:top 30 Enter
wait idle
save-screen first-kept.txt
P
wait text "second's"
q
:top 31 Enter
wait idle
save-screen first.txt
SCRIPT
first=$!
wait_until [ -s "$work/first-kept.txt" ] || fail "the first screen did not come so far: $(cat "$work/first.out")"
wait_until is_kept || fail "the first screen kept nothing"
play 80x24 "$model" <<'SCRIPT'
wait scan
save-screen second-opened.txt
:top 40 Enter
P
c second's Enter
SCRIPT
wait $first || fail "the first screen ended with an error: $(cat "$work/first.out")"
shows second-opened.txt "30 % of each type"
shows first.txt "31 % of each type"
play 80x24 "$model" <<'SCRIPT'
wait scan
P
save-screen both.txt
SCRIPT
for percent in 31 40; do
  grep -lq "\"percent\": $percent," "$plans"/*.json || fail "the plan of $percent % is lost: $(ls -A "$plans")"
done
shows both.txt "default 2"

# --- hostile names and files: shown as text, told, let be ---
key=$(ls "$plans" | grep -oE '^[0-9a-f]{32}-reference' | head -1)
rm -r "$plans" && mkdir -p "$plans"
printf '{"format": "spectrum.plan", "version": 1, "scanned": 56, "train": [], "now": 0, "steps": [{"time": 1, "base": "names", "names": ["model.layers.0.mlp.up_proj"], "source": "x\\u001b]0;owned\\u0007\\u202e.yaml", "embeddings": true, "head": true, "train": [], "freeze": []}]}' >"$plans/$key.escape.json"
printf '{"format": "spectrum.plan", "version": 9, "scanned": 56}' >"$plans/$key.future.json"
printf 'no plan' >"$plans/$key.other.json"
mkdir "$plans/$key.folder.json"
play 80x24 "$model" <<'SCRIPT'
wait scan
P
save-screen hostile.txt
/future Enter
save-screen future.txt
Enter
save-screen refused.txt
/escape Enter
Enter
save-screen escape.txt
SCRIPT
LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$work"/{hostile,escape}.txt && fail "a control character is on the screen"
says future.txt "not read, and let be"
says future.txt "version 9"
says refused.txt "version 9"
shows escape.txt "trains 1 of 56 matrices"
[ "$(cat "$plans/$key.other.json")" = "no plan" ] || fail "a file that is no plan was changed"
[ -d "$plans/$key.folder.json" ] || fail "a folder was removed"

# --- a state folder that cannot be written: said, and the open plan goes on ---
rm -r "$plans"
touch "$plans" # in the folder's place
play 80x24 "$model" <<'SCRIPT'
wait scan
P
save-screen unkept.txt
c copy Enter
save-screen nowhere.txt
Esc
:top 33 Enter
save-screen goes-on.txt
SCRIPT
shows unkept.txt "not kept"
says nowhere.txt "plans"
hides nowhere.txt "there is a plan"
shows goes-on.txt "33 % of each type"
rm "$plans"

# --- a window of any size, and none of colour ---
for size in 60x16 80x24 132x43 200x60; do
  rm -rf "$plans"
  NO_COLOR=1 play $size "$model" <<'SCRIPT'
wait scan
jjll Space
P
c a-rather-long-name-that-does-not-fit-in-a-narrow-window Enter
save-screen sized.txt
Esc
Y
save-screen sized-history.txt
SCRIPT
  shows sized.txt "56"
  shows sized.txt "a-rather-long"
  shows sized-history.txt "step 2 of 2"
done

sleep 0.5 # scans that are left alone end
echo "$failures failed"
[ $failures -eq 0 ]
