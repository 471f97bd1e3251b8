#!/usr/bin/env bash
# The gradient norms of a run on the layer grid: values, frozen cells, adapters, earlier lines, the
# course; live. No training but one of four steps.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
export OMP_NUM_THREADS=1

# Four layers, of which down trains in the last two alone; 40 lines, of norms that are the step times
# the layer's number and 1.
job=$work/run
mkdir -p "$job/requests" "$job/checkpoints"
echo '{"command": "train", "model": "m", "method": "spectrum", "steps": 400}' >"$job/job.json"
echo '{"status": "completed", "message": "m", "last_step": 400}' >"$job/result.json"
LC_ALL=C awk 'BEGIN { for (s = 10; s <= 400; s += 10) {
  printf "{\"step\": %d, \"loss\": 2}\n{\"step\": %d, \"grad_norms\": {\"model.embed_tokens.weight\": 0.5", s, s
  for (l = 0; l < 4; l++) {
    printf ", \"model.layers.%d.self_attn.q_proj.lora_A.weight\": %g", l, s * (l + 1) / 1000
    printf ", \"model.layers.%d.self_attn.q_proj.lora_B.weight\": %g", l, 0
    if (l > 1) printf ", \"model.layers.%d.mlp.down_proj.weight\": %g", l, s * (l + 1)
  }
  print "}}" } }' >"$job/metrics.jsonl"

for size in 60x16 80x24 132x43 200x60; do
  play $size run <<'SCRIPT'
n
save-screen frozen.txt
l l
save-screen down.txt
j
save-screen moved.txt
h h
save-screen new.txt
k l l l
, , ,
save-screen earlier.txt
. . .
save-screen newest.txt
.
save-screen last.txt
Esc
save-screen back.txt
SCRIPT
  for file in frozen down moved new earlier; do
    [ "$(wc -L <"$work/$file.txt")" -le "${size%x*}" ] || fail "$file.txt: a line is too wide at $size"
  done
  shows new.txt "gradient norms after step 400, the newest of 40"
  shows new.txt "q A"
  shows new.txt "q B"
  shows new.txt "· frozen"
  shows new.txt "embed_tokens 0.5"
  shows new.txt "model.layers.0.self_attn.q_proj.lora_A  0.4"
  shows moved.txt "model.layers.2.self_attn.q_proj.lora_A  1.2"
  shows down.txt "model.layers.2.mlp.down_proj  1200"
  shows frozen.txt "layer 0, mlp.down_proj  frozen"
  shows earlier.txt "gradient norms after step 370, 37 of 40"
  shows earlier.txt "model.layers.3.mlp.down_proj  1480"
  shows newest.txt "gradient norms after step 400, the newest of 40"
  shows last.txt "this is the newest line"
  shows back.txt "completed at step 400"
done
shows new.txt "norm"
NO_COLOR=1 play 80x24 run <<<$'n\nsave-screen mono.txt'
shows mono.txt "9" # the hottest cell is a digit

# A run of adapters as it writes them, and one without a line.
printf 'Once upon a time there was a dog. %.0s' $(seq 1 200) >"$work/data.txt"
"$binary" train "$2/demo/model" --data "$work/data.txt" --run "$work/real" --method lora --steps 4 \
  --seq-len 16 --batch 1 --accumulate 1 --eval-every 2 2>"$work/err" || { fail "training: $?"; cat "$work/err"; }
play 80x24 real <<<$'n\nsave-screen real.txt'
shows real.txt "gradient norms after step 4, the newest of 2"
shows real.txt "lora_A  "
# Its first two layers alone train: the others are on the map, too.
"$binary" train "$2/demo/model" --data "$work/data.txt" --run "$work/part" --method spectrum --top 100 --steps 4 \
  --seq-len 16 --batch 1 --accumulate 1 2>"$work/err" || { fail "training: $?"; cat "$work/err"; }
grep -q '"layers": *8' "$work/part/proof.json" || { fail "the proof does not say how many blocks there are"; head -c 600 "$work/part/proof.json"; }
sed -E -i 's/"model\.layers\.[2-7]\.[a-z_.]+": *[0-9.e-]+,? ?//g; s/"model\.layers\.[01]\.mlp\.up_proj\.weight": *[0-9.e-]+,? ?//g; s/, *\}/}/g' "$work/part/metrics.jsonl"
play 80x24 part <<<$'n\n$\nsave-screen part.txt'
shows part.txt "layer   0     1     2     3     4     5     6     7"
grep -qE "^up  " "$work/part.txt" || { fail "a type that is all frozen has no row"; cat "$work/part.txt"; }
shows part.txt "model.layers.7.self_attn.q_proj  frozen"
mkdir -p "$work/none/requests"
echo '{"command": "train", "model": "m", "steps": 4}' >"$work/none/job.json"
echo '{"step": 1, "loss": 2}' >"$work/none/metrics.jsonl"
play 80x24 none <<<$'n\nsave-screen none.txt\n,\n.\nj'
shows none.txt "no gradient norms so far"

# Live: a line that comes while it is open is what is shown, unless an earlier one is.
rm "$job/result.json"
echo '{"host": "another.machine", "pid": 1, "boot_id": "x", "start_time": 1}' >"$job/lock"
(cd "$work" && printf 'nj\nsave-screen before.txt\nwait text "step 410"\nsave-screen live.txt\n' >live &&
  "$binary" --script live --size 80x24 run 2>live.err) &
player=$!
wait_until [ -f "$work/before.txt" ] || fail "it does not open"
echo '{"step": 410, "grad_norms": {"model.layers.0.self_attn.q_proj.lora_A.weight": 7.25}}' >>"$job/metrics.jsonl"
wait $player || { fail "the player: $?"; cat "$work/live.err"; }
shows live.txt "the newest of 41"
shows live.txt "lora_A  7.25"

# Names of a file that is not ours are text.
printf '{"step": 420, "grad_norms": {"model.layers.0.a\\u001b[31mb.weight": 1, "x\\u0007": 2}}\n' >>"$job/metrics.jsonl"
play 80x24 run <<<$'n\nG\nsave-screen odd.txt'
LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f]' "$work/odd.txt" && fail "controls reach the screen"
echo "$failures failed"
[ $failures -eq 0 ]
