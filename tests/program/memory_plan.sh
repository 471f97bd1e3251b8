#!/usr/bin/env bash
# What a run of SmolLM2 takes is what was planned, within 3 %: the most memory that the process had,
# less what it had before it took any of the plan, against the sum of memory_bytes. Prints the table.
# Arguments: binary, source folder.
set -uo pipefail
binary=$1
model=${SPECTRUM_MODELS:-}/SmolLM2-135M-Instruct.Q4_1.gguf
if [ ! -r "$model" ]; then
  echo "SKIPPED: $model is not here (script/fetch-models)"
  exit 77
fi
if ! grep -qE 'avx512_bf16|amx_bf16' /proc/cpuinfo; then
  echo "SKIPPED: without products of bf16 the libraries' own memory is more (docs/architecture.md)"
  exit 77
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state
failures=0
fail() {
  echo "FAILED: $*"
  tail -3 "$work/err"
  failures=$((failures + 1))
}

number() { sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" <<<"$2"; }

# NAME SEQ-LEN BATCH OPTION...: two steps.
check() {
  local name=$1 line planned=0 category peak base taken
  "$binary" train "$model" --data "$2/demo/text/problems.jsonl" --run "$work/$name" --steps 2 --seq-len "$3" \
    --batch "$4" --eval-every 0 --eval-split 0 --sample-tokens 0 --threads 2 "${@:5}" >"$work/out" 2>"$work/err" ||
    { fail "$name: it does not train"; return; }
  line=$(grep '"step": 2, .*memory_bytes' "$work/$name/metrics.jsonl")
  for category in weights masters gradients optimizer activations workspace; do
    planned=$((planned + $(number "$category" "$line")))
  done
  peak=$(number process_peak_bytes "$line")
  base=$(number process_base_bytes "$line")
  taken=$((peak - base))
  awk -v n="$name" -v p="$planned" -v t="$taken" 'BEGIN {
    off = t / p - 1
    printf "%-14s planned %7.1f MiB, taken %7.1f MiB, %+5.2f %%\n", n, p / 1048576, t / 1048576, 100 * off
    exit !(off < 0.03 && off > -0.03) }' || fail "$name: more than 3 % from the plan"
}

check full "$2" 512 1 --method full
check full-1024-x-2 "$2" 1024 2 --method full
check spectrum "$2" 512 1 --top 25
check recomputed "$2" 512 1 --top 25 --memory-limit 1250M
grep -q 'recomputes .* blocks' "$work/err" || fail "no block was recomputed"
check lora "$2" 512 1 --method lora
check muon "$2" 512 1 --method full --optimizer muon
check lion "$2" 512 1 --method full --optimizer lion
check qlora "$2" 512 1 --method qlora

echo "$failures failed"
[ $failures -eq 0 ]
