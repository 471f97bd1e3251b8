#!/usr/bin/env bash
# Whatever number colours the heat map, the screen shows the one that --json has.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=$2/demo/model
source "${BASH_SOURCE[0]%/*}/common.bash"
module=model.layers.2.self_attn.v_proj
number() { # number FILE KEY, six digits as the screen has them
  grep -F "\"$module\":" "$work/$1" | grep -oP "\"$2\": \K[-0-9.e]+" |
    LC_ALL=C awk '{printf "%.6g", $1}'
}

# name on the prompt | key in the file | title on the screen
metrics="snr|snr|SNR
mp|snr_mp|mp SNR
gavish-donoho|snr_gavish_donoho|gavish-donoho SNR
frobenius|frobenius|Frobenius norm
sigma-max|sigma_max|sigma max
stable-rank|stable_rank|stable rank
effective-rank|effective_rank|effective rank
spikes|spikes|spikes"

"$binary" scan "$model" --json --no-cache >"$work/scan.json" 2>/dev/null || fail "scan ended with $?"
"$binary" scan "$model" --estimator mp --json --no-cache >"$work/mp.json" 2>/dev/null
"$binary" scan "$model" -o "$work/file.json" 2>/dev/null
for key in null_snr null_snr_mp null_snr_gavish_donoho spike_edge; do
  [ -n "$(number scan.json $key)" ] || fail "--json has no $key"
done
for pair in snr:snr_mp null_snr:null_snr_mp; do
  [ "$(number mp.json ${pair%:*})" = "$(number scan.json ${pair#*:})" ] ||
    fail "--estimator mp has another ${pair%:*} than ${pair#*:} beside the reference's"
done

for size in 80x24 200x50; do
  for target in "$model" file.json; do
    {
      [ "$target" = file.json ] || echo "wait scan"
      echo jjll
      while IFS='|' read -r name key title; do
        echo ":metric $name Enter"
        echo "save-screen $name.txt"
      done <<<"$metrics"
      echo ":metric snr Enter"
      for press in 1 2 3 4 5 6 7 8; do echo "m"; done
      echo "save-screen round.txt"
      echo ":metric nothing Enter"
      echo "save-screen none.txt"
      echo "Enter"
      echo "save-screen matrix.txt"
    } >"$work/keys"
    play $size "$target" <"$work/keys"
    while IFS='|' read -r name key title; do
      value=$(number scan.json "$key")
      [ -n "$value" ] || fail "--json has no $key"
      shows "$name.txt" "colour: $title $value"
      shows "$name.txt" "$title v " # the legend
      shows "$name.txt" "plan ranks by SNR"
      shows "$name.txt" "$(number scan.json snr)  rank "
      [ "$(wc -L <"$work/$name.txt")" -le "${size%x*}" ] || fail "$name.txt: a line is too wide"
    done <<<"$metrics"
    shows mp.txt "(noise $(number scan.json null_snr_mp))"
    [ "$target" = file.json ] || shows spikes.txt "plan ranks by SNR (reference)"
    cmp -s "$work/snr.txt" "$work/round.txt" || fail "m does not come round to SNR at $size"
    cmp -s "$work/snr.txt" "$work/spikes.txt" && fail "the metric changes nothing at $size"
    shows matrix.txt "spikes $(number scan.json spikes) above "
    shows none.txt 'there is no metric "nothing"'
  done
done

# By what the plan ranks is another thing than the colour: said beside the rank, undone, and refused where it is nothing.
play 120x30 "$model" <<'SCRIPT'
wait scan
jjll
blast Enter
save-screen last.txt
:by stable-rank Enter
save-screen stable.txt
uu
save-screen undone.txt
:by luck Enter
save-screen luck.txt
SCRIPT
shows last.txt "25 % of each type by last"
shows last.txt "plan ranks by last"
shows last.txt "rank 6 of 8 by last"
shows stable.txt "plan ranks by stable rank"
shows undone.txt "plan ranks by SNR (reference)"
shows luck.txt 'there is nothing called "luck" to rank by'

# What a file of another tool does not have is not known, and not 0.
echo "{\"$module\": {\"snr\": 1.5, \"type\": \"self_attn.v_proj\"}}" >"$work/other.json"
play 80x24 other.json <<'SCRIPT'
ll
:metric spikes Enter
save-screen unknown.txt
:by spikes Enter
save-screen refused.txt
SCRIPT
shows unknown.txt "colour: spikes n/a"
shows refused.txt "no matrix of this scan has its spikes: a scan file of the model itself has"

echo "$failures failed"
[ $failures -eq 0 ]
