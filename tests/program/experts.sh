#!/usr/bin/env bash
# Models whose experts lie in one tensor: what scan, plan and info say of them, the cache, and what
# is refused. Arguments: binary, source folder.
set -uo pipefail
binary=$1 models=$2/tests/data/spectra/experts
# shellcheck source=tests/folder.bash
source "$2/tests/folder.bash"
names() { # names FILE: the tensors of the blocks that a plan has
  grep '^- .*layers' "$1" | tr -d '^$' | cut -c3- | sort
}

# The share, by what scans and what does not, in words and in numbers.
share="85.62 % of the parameters, 6,192 of 7,232; not: 5.31 % embeddings and head, 9.07 % norms"
expect 0 "$share" info "$models/gpt_oss"
expect 0 "$share" scan "$models/gpt_oss" -o "$work/scan.json"
expect 0 '"scored_parameters": 6192' info "$models/gpt_oss" --json
expect 0 '"what": "embeddings and head", "parameters": 384' info "$models/gpt_oss" --json
expect 0 '"scored_parameters": 6192' scan "$models/gpt_oss" --json
expect 0 "3 tensors, model.layers.0.linear_attn.conv1d.weight first: more than two dimensions" \
  info "$models/qwen3_5_moe_text"
expect 0 '"first": "model.layers.0.linear_attn.conv1d.weight", "count": 3, "parameters": 192' \
  info "$models/qwen3_5_moe_text" --json
[ "$(grep -o 'gate_up_proj\.[0-9]' "$work/scan.json" | sort -u | wc -l)" = 3 ] || fail "not three experts"

# Another scan computes nothing, and one of some by name has those.
expect 0 "not: " scan "$models/gpt_oss" -o "$work/again.json"
grep -q " matrices" "$work/err" && fail "matrices that the cache knows are computed"
cmp -s "$work/scan.json" "$work/again.json" || fail "the cached scan is another"
expect 0 "layers.1.mlp.experts.down_proj.2" scan "$models/gpt_oss" --modules '1\.mlp\.experts\.down_proj\.2$'
[ "$(grep -c down_proj "$work/out")" = 1 ] || fail "--modules by an expert's name has others, too"
expect 0 "layers.1.mlp.experts.down_proj.2" scan "$models/gpt_oss" --modules '1\.mlp\.experts\.down_proj$'
[ "$(grep -c down_proj "$work/out")" = 3 ] || fail "--modules by the tensor's name has not its experts"

# A plan of the file is the plan of the model; each and together differ, and are said.
for how in each together; do
  for of in "$models/gpt_oss" "$work/scan.json"; do
    expect 0 "trains 14 of 28 scanned modules" plan "$of" --top 50 --experts $how -o "$work/plan.yaml"
    names "$work/plan.yaml" >"$work/$how.$(basename "$of")"
  done
  cmp -s "$work/$how.gpt_oss" "$work/$how.scan.json" || fail "$how: the file's plan is another"
  [ "$(grep -c 'experts\.gate_up_proj$' "$work/$how.gpt_oss")" = 2 ] || fail "$how: not two tensors train"
  grep -qE 'proj\.[0-9]' "$work/$how.gpt_oss" && fail "$how: an expert alone is in the plan"
done
grep -q "percent of each selection, experts together" "$work/plan.yaml" || fail "together is not said"

# The plan of a plan: as it is read for training.
expect 2 "it belongs to --scope type" plan "$work/scan.json" --scope global --experts together
expect 2 "each or together" plan "$work/scan.json" --experts both
expect 1 "trains or freezes as one tensor" plan "$work/scan.json" --train 'down_proj\.2$'
expect 0 'train "1.mlp.experts.down_proj$": 1 module' plan "$work/scan.json" --train '1.mlp.experts.down_proj$'

# Fused projections: apart where they are asked for and known, else as one.
expect 0 "layers.0.self_attn.qkv_proj.v" scan "$models/phi3" --split-fused -o - --no-cache
expect 0 '"tensor": "model.layers.0.self_attn.qkv_proj.weight"' scan "$models/phi3" --split-fused --json
expect 0 "trains 8 of 16 scanned modules" plan "$models/phi3" --top 50
"$binary" scan "$models/phi3" --split-fused -o "$work/fused.json" 2>/dev/null
expect 0 "trains 8 of 16 scanned modules" plan "$work/fused.json" --top 50 -o "$work/plan.yaml"
grep -q "qkv_proj.weight\$\$" "$work/plan.yaml" || fail "no fused tensor in the plan"
expect 0 "self_attn.qkv_proj" plan "$work/fused.json" --top 50 --format peft
grep -qE 'qkv_proj\.[qkv]' "$work/out" && fail "an adapter beside a part of a layer"
cp -rL "$models/phi3" "$work/unknown"
sed -i 's/"model_type": "phi3"/"model_type": "phi99"/' "$work/unknown/config.json"
expect 1 'is not known for the architecture "phi99"' scan "$work/unknown" --split-fused
expect 0 "scored: " scan "$work/unknown" --no-cache

# A matrix has halves whatever its rows: they are projections where the configuration says their size.
changed() { # changed MODEL KEY VALUE: a copy in which the configuration has that
  rm -rf "$work/changed"
  cp -rL "$models/$1" "$work/changed"
  sed -i "s/\"$2\": [^,}]*/\"$2\": $3/" "$work/changed/config.json"
  grep -qF "\"$2\": $3" "$work/changed/config.json" || fail "$1: no $2 to change"
}
for of in phi3:intermediate_size gpt_oss:intermediate_size qwen3_5_moe_text:moe_intermediate_size; do
  changed "${of%:*}" "${of#*:}" 24
  expect 1 "is not what the configuration's heads and sizes make of it" scan "$work/changed" \
    --split-fused --no-cache
done

# A number of experts, or of heads, that is another model's, or none.
changed gpt_oss num_local_experts 5
expect 0 'has 3 experts, and "num_local_experts" in the configuration is 5' info "$work/changed"
expect 0 'has 3 experts, and "num_local_experts" in the configuration is 5' scan "$work/changed"
changed phi3 num_attention_heads '"4"'
expect 1 '"num_attention_heads" must be there and be a whole number' scan "$work/changed"
expect 0 "parameters" info "$models/gpt_oss"
grep -q "in the configuration is" "$work/out" "$work/err" && fail "a right number of experts is said"

# What PEFT has no adapter for is said.
expect 0 "other tensors of the plan left out" plan "$work/scan.json" --top 50 --format peft
grep -q "experts in one tensor would be its target_parameters" "$work/err" || fail "where experts go in PEFT is not said"

[ $failures = 0 ] || echo "$failures failed"
[ $failures = 0 ]
