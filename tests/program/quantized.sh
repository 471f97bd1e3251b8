#!/usr/bin/env bash
# Checkpoints of quantisers, as the tools store them (tests/oracle/make_composed.py, make_compressed.py): listed and scored as
# the weights that they are, planned, and not trained; what is not read is refused by name.
# Arguments: binary, source folder.
set -uo pipefail
binary=$1 data=$2/tests/data/checkpoint/composed
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state
cd "$work" || exit 2
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

for form in fp8 fp8_shapes fp8_powers mlx bnb mxfp4 fp4 ints; do
  "$binary" info "$data/$form" --json >out 2>err || fail "info $form: $(cat err)"
  [ -s err ] && fail "info $form says: $(cat err)"
  grep -q '"quantized": true' out || fail "info $form: not quantised"
  ! grep -qE '"name": "[^"]*(scale|biases|absmax|quant_|SCB|_blocks|_packed|zero_point|_shape)' out || fail "info $form lists what is no weight"
done
for form in fp8 fp8_shapes fp8_powers mlx bnb mxfp4 fp4 ints; do
  "$binary" scan "$data/$form" -o $form.json --modules . 2>err || fail "scan $form: $(cat err)"
  ! grep -qE '"[^"]*(scale|biases|absmax|quant_|SCB|_packed|zero_point|_shape)[^"]*": *\{' $form.json || fail "scan $form scores what is no weight"
  "$binary" plan $form.json --top 100 -o $form.yaml 2>err || fail "plan $form: $(cat err)"
done
grep -q '"dtype": "F8_E4M3 16x32"' fp8.json || fail "the scan does not say how a weight is stored"
# The same weights in floating point have the same scores.
mkdir plain
cp "$data/mlx/expected.safetensors" plain/model.safetensors
"$binary" scan plain -o plain.json --modules . 2>err || fail "scan of the tool's own: $(cat err)"
scores() { grep -oE '"m\.[^"]*": *\{"snr": [^,]*' "$1" | sort; }
[ -n "$(scores mlx.json)" ] && [ "$(scores mlx.json)" = "$(scores plain.json)" ] || fail "other scores than the tool's weights have"

exit $((failures > 0))
