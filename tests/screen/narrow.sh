#!/usr/bin/env bash
# In small windows no number is cut, and a matrix that has no singular values says why.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
cp -rL "$2/demo/model" "$work/small"

for size in 60x16 60x20 80x24 120x40; do
  play $size small <<'SCRIPT'
wait scan
jjllll
save-screen map.txt
Enter
wait text "threshold"
save-screen matrix.txt
SCRIPT
  says map.txt "192 × 192 BF16"
  says map.txt "0.882559 rank 4 of 8"
  [ $size = 60x16 ] || # in the smallest window the map comes first, and the rest is on the matrix's screen
    for text in "noise alone 0.529225" "1.5455" "0.368464" "42 of 192"; do
      says map.txt "$text"
    done
  for type in q k v o gate up down; do
    grep -qE "^$type +" "$work/map.txt" || { fail "no $type at $size"; cat "$work/map.txt"; }
  done
  says map.txt "embed ● trains (e freezes"
  says map.txt "head ● trains, tied"
  for text in "SNR 0.882559" "(noise alone 0.5292)" "signal 42" "noise 150"; do
    says matrix.txt "$text"
  done
done

# Where not all types have room, as with many experts that are open, an arrow says that there are more.
for e in $(seq 0 11); do
  echo "\"model.layers.0.block_sparse_moe.experts.$e.w1\": {\"snr\": $e.5, \"type\": \"block_sparse_moe.experts.$e.w1\"}"
done | paste -sd, | sed 's/.*/{&}/' >"$work/experts.json"
play 60x16 experts.json <<'SCRIPT'
wait scan
E
save-screen top.txt
jjjjj
save-screen middle.txt
jjjjj
save-screen low.txt
SCRIPT
grep -qE "^e6 +↓" "$work/top.txt" && ! grep -q "↑" "$work/top.txt" || { fail "no arrow down"; cat "$work/top.txt"; }
grep -qE "^[a-z0-9.]+ +↑" "$work/middle.txt" && grep -qE "^[a-z0-9.]+ +↓" "$work/middle.txt" || { fail "no arrows in the middle"; cat "$work/middle.txt"; }
grep -qE "^e[0-9] +↑" "$work/low.txt" && ! grep -q "↓" "$work/low.txt" || { fail "no arrow up"; cat "$work/low.txt"; }

# What a run takes on its disk is said whole on the form.
play 60x16 small <<'SCRIPT'
wait scan
t
save-screen form.txt
SCRIPT
grep -qE "disk: up to [0-9]+ checkpoints of .*; .* are left *$" "$work/form.txt" || { fail "the disk line is cut"; cat "$work/form.txt"; }

# The keys without which one is stuck have room on the line before all others.
for size in 60x16 80x24; do
  play $size small <<'SCRIPT'
wait scan
save-screen map.txt
t
save-screen form.txt
F1
save-screen help.txt
Esc
type "?"
save-screen typed.txt
SCRIPT
  grep -qE "^hjkl move .*Enter open .*Esc back .*t train .*[?] help" "$work/map.txt" || { fail "keys of the map at $size"; cat "$work/map.txt"; }
  grep -qE "^Esc back .*Ctrl-S start .*F1 help" "$work/form.txt" || { fail "keys of the form at $size"; cat "$work/form.txt"; }
  shows help.txt "Keys and commands: train"
  shows typed.txt "cannot read ?" # a question mark is text there
done

# The first value of the first layer's v_proj becomes no number.
file=$work/small/model.safetensors
length=$(od -An -tu8 -N8 "$file" | tr -d ' ')
begin=$(head -c $((8 + length)) "$file" | tail -c "$length" |
  grep -oP '"model.layers.0.self_attn.v_proj.weight":\{[^}]*"data_offsets":\[\K[0-9]+')
printf '\xc0\x7f' | dd of="$file" bs=1 seek=$((8 + length + begin)) conv=notrunc status=none
play 80x24 small <<'SCRIPT'
wait scan
jj Enter
save-screen nan.txt
SCRIPT
says nan.txt "it has no singular values: NaN at row 0, column 0"
grep -q "computes them" "$work/nan.txt" && fail "a scan is said to help"

echo "$failures failed"
[ $failures -eq 0 ]
