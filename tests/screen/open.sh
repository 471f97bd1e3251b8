#!/usr/bin/env bash
# The full screen, played from scripts at 80x24 and 200x50: what it shows is what --json says.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=${SPECTRUM_SHARED_DATA:-}/models/stories260K-hf-f32
[ -d "$model" ] || { echo "SKIPPED: no shared data"; exit 77; }
source "${BASH_SOURCE[0]%/*}/common.bash"
"$binary" scan "$model" --json --no-cache >"$work/scan.json" 2>/dev/null
number() { # number MODULE KEY, six digits as the screen has them
  grep -F "\"$1\":" "$work/scan.json" | grep -oP "\"$2\": \K[-0-9.e]+" | head -1 |
    LC_ALL=C awk '{printf "%.6g", $1}'
}

for size in 80x24 200x50; do
  rm -rf "$work/state" "$work/cache" "$work/plan.yaml"
  play $size "$model" <<'SCRIPT'
save-screen first.txt
wait scan
jjll
save-screen cell.txt
Enter
wait text "threshold"
save-screen scree.txt
p x
save-screen histogram.txt
q %50
Enter
save-screen half.txt
Space
save-screen toggled.txt
u
save-screen undone.txt
:write! plan.yaml Enter
save-screen saved.txt
e
save-screen frozen.txt
?
save-screen help.txt
SCRIPT
  module=model.layers.2.self_attn.v_proj
  shows first.txt stories260K-hf-f32
  shows first.txt "not computed yet"
  shows cell.txt $module
  shows cell.txt "64"
  for key in snr null_snr sigma_max threshold signal_count; do
    value=$(number $module $key)
    [ -n "$value" ] && shows cell.txt "$value"
  done
  shows scree.txt "singular values"
  shows scree.txt "noise alone"
  shows histogram.txt "values in a bin"
  shows saved.txt "plan saved to plan.yaml"
  shows frozen.txt "○ frozen"
  shows help.txt "train or freeze all of this layer"
  grep -qE "Keys and commands: model +1 of [0-9]{2}, / searches" "$work/help.txt" || { fail "help does not say how much there is"; cat "$work/help.txt"; }
  tail -1 "$work/help.txt" | grep -q "Enter open" && fail "help offers Enter, which opens nothing"
  cmp -s "$work/half.txt" "$work/toggled.txt" && fail "Space changed nothing"
  diff <(grep " of 35 .* params" "$work/half.txt") <(grep " of 35 .* params" "$work/undone.txt") ||
    fail "undo did not bring the plan back"
  "$binary" plan "$model" --top 50 --json -o "$work/other.yaml" >"$work/plan.json" 2>/dev/null
  count=$(grep -oP '"modules": \K[0-9]+' "$work/plan.json")
  shows half.txt "50 % of each type: "
  grep -q ": \(trains \)\?$count of 35 " "$work/half.txt" || fail "not $count of 35 matrices train"
  diff <(grep '^- ' "$work/plan.yaml") <(grep '^- ' "$work/other.yaml") ||
    fail "the saved plan is not the plan of spectrum plan --top 50"
  [ "$(wc -L <"$work/cell.txt")" -le "${size%x*}" ] || fail "a line is wider than $size"
done

play 50x10 "$model" <<'SCRIPT'
save-screen small.txt
SCRIPT
shows small.txt "needed: 60x16"

# Every size that there can be: nothing breaks, nothing is written outside.
for size in 1x1 59x16 60x15 60x16 61x17 79x23 100x20 139x60 140x40 300x100 1000x16; do
  play $size "$model" <<'SCRIPT'
wait scan
$ G Enter p x Esc ? Esc t Down Down Esc
save-screen size.txt
SCRIPT
  [ "$(wc -l <"$work/size.txt")" -le "${size#*x}" ] || fail "more lines than $size"
done

echo "$failures failed"
[ $failures -eq 0 ]
