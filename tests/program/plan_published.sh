#!/usr/bin/env bash
# Published scans plan as the reference does: the same modules in the same order at every percentage.
set -uo pipefail
binary=$1 source=$2
scans=${SPECTRUM_SHARED_DATA:-}/published-scans
[ -d "$scans" ] || { echo "SKIPPED: $scans is not here"; exit 77; }
failures=0 checked=0
said=$(mktemp)
trap 'rm -f "$said"' EXIT
while IFS=$'\t' read -r name percent count digest; do
  modules=$("$binary" plan "$scans/$name" --top "$percent" --no-embeddings --no-head 2>"$said" | grep '^- ')
  got=$(printf '%s\n' "$modules" | sha256sum | cut -d' ' -f1)
  n=$(printf '%s\n' "$modules" | grep -c .)
  checked=$((checked + 1))
  if [ "$n" != "$count" ] || [ "$got" != "$digest" ]; then
    echo "DIFFERENT: $name at $percent %: $n modules, the reference has $count: $(tail -1 "$said")"
    failures=$((failures + 1))
  fi
done < <(sed -n 's/^"\(.*\) \([0-9]*\)": {$/\1\t\2/p; s/^"count": \([0-9]*\),$/\1/p; s/^"sha256": "\(.*\)"$/\1/p' \
  "$source/tests/data/plan/published.json" | paste - - -)
echo "$checked selections compared, $failures different"
[ $failures -eq 0 ] && [ $checked -eq 28 ]
