#!/usr/bin/env bash
# Experts on the map: folded to a row a projection, opened to a row an expert, and planned together.
# Arguments: binary, source folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
cp -rL "$2/tests/data/spectra/experts/gpt_oss" "$work/model"

for size in 60x16 80x24 120x40; do
  play $size model <<'SCRIPT'
wait scan
jjjj
save-screen folded.txt
E
save-screen open.txt
jll
save-screen second.txt
Esc
save-screen again.txt
Space
save-screen frozen.txt
SCRIPT
  shows folded.txt "e.gat"
  shows folded.txt "frozen, 0 of 3 experts"
  [ $size = 60x16 ] || shows folded.txt "colour: median SNR 3.55" # which has no room for it
  grep -qE "^e[0-2]" "$work/folded.txt" && fail "an expert has a row on the folded map"
  grep -qE "^e0" "$work/open.txt" || { fail "no row of an expert"; cat "$work/open.txt"; }
  grep -qE "^(q|router)" "$work/open.txt" && fail "other types are on the opened map"
  shows second.txt "model.layers.2.mlp.experts.gate_up_proj.1"
  shows second.txt "SNR 6.1485"
  shows again.txt "trains, 3 of 3 experts"
  shows again.txt "layers.2.mlp.experts.gate"
  shows frozen.txt "by hand, 0 of 3 experts"
done

# What is searched for is the expert that the map then shows; a type without experts says so.
play 100x30 model <<'SCRIPT'
wait scan
E
save-screen none.txt
/layers.1.mlp.experts.down_proj.2<Enter>
save-screen found.txt
Enter
wait text "threshold"
l
save-screen beside.txt
Esc
ooo
save-screen scope.txt
u
save-screen together.txt
SCRIPT
says none.txt "is no projection of experts"
shows found.txt "model.layers.1.mlp.experts.down_proj.2"
shows beside.txt "model.layers.2.mlp.experts.down_proj.2"
shows together.txt "25 % of each type, experts together"

# A hundred and twenty-eight experts in forty-eight layers, from a scan file.
awk 'BEGIN {
  printf "{"
  for (layer = 0; layer < 48; layer++)
    for (e = 0; e < 128; e++)
      printf "%s\"model.layers.%d.mlp.experts.down_proj.%d\": {\"snr\": %d, \"type\": \"mlp.experts.down_proj.%d\", " \
        "\"tensor\": \"model.layers.%d.mlp.experts.down_proj\", \"tensor_parameters\": 1280, \"expert\": %d}",
        layer + e ? ", " : "", layer, e, layer + 1, e, layer, e
  printf "}"
}' >"$work/many.json"
for size in 60x16 80x24; do
  play $size many.json <<'SCRIPT'
G
save-screen folded.txt
E
save-screen open.txt
jjjjjjjjjj
save-screen moved.txt
SCRIPT
  shows folded.txt "trains, 128 of 128 experts"
  shows folded.txt "12 of 48"
  shows moved.txt "experts.down_proj.10"
  grep -qE "^e10 .*" "$work/moved.txt" || { fail "no row e10"; cat "$work/moved.txt"; }
done

[ $failures -eq 0 ] || echo "$failures failed"
[ $failures -eq 0 ]
