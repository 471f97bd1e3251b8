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
  for text in "192 × 192 BF16" "0.882559 rank 4 of 8" "noise alone 0.529225" "1.5455" "0.368464" \
    "42 of 192"; do
    says map.txt "$text"
  done
  for text in "SNR 0.882559" "(noise alone 0.5292)" "signal 42" "noise 150"; do
    says matrix.txt "$text"
  done
done

# Where not all types have room, an arrow says that there are more.
play 60x16 small <<'SCRIPT'
wait scan
save-screen top.txt
j j
save-screen middle.txt
j j j j j j
save-screen low.txt
SCRIPT
grep -qE "^k +↓" "$work/top.txt" && ! grep -q "↑" "$work/top.txt" || { fail "no arrow down"; cat "$work/top.txt"; }
grep -qE "^[a-z]+ +↑" "$work/middle.txt" && grep -qE "^[a-z]+ +↓" "$work/middle.txt" || { fail "no arrows in the middle"; cat "$work/middle.txt"; }
grep -qE "^up +↑" "$work/low.txt" && ! grep -q "↓" "$work/low.txt" || { fail "no arrow up"; cat "$work/low.txt"; }

# The keys without which one is stuck have room on the line before all others.
for size in 60x16 80x24; do
  play $size small <<'SCRIPT'
wait scan
save-screen map.txt
t
save-screen form.txt
SCRIPT
  grep -qE "^hjkl move .*Enter open .*Esc back .*t train .*[?] help" "$work/map.txt" || { fail "keys of the map at $size"; cat "$work/map.txt"; }
  grep -qE "Enter open .*Esc back .*Ctrl-S start .*[?] help" "$work/form.txt" || { fail "keys of the form at $size"; cat "$work/form.txt"; }
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
