#!/usr/bin/env bash
# Matrices that break other programs: each gets a row that is marked, the scan goes on, and nothing
# but our own lines reaches the terminal. One that is too large is refused and nothing is allocated.
set -uo pipefail
binary=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state
failures=0

fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

header= size=0
add() { # add NAME DTYPE SHAPE BYTES: the data of BYTES bytes come from standard input, or none
  header+=${header:+,}$(printf '"model.layers.0.%s.weight":{"dtype":"%s","shape":[%s],"data_offsets":[%d,%d]}' \
    "$1" "$2" "$3" "$size" $((size + $4)))
  size=$((size + $4))
  cat >>"$work/data"
}

finish() { # finish FILE: header length, header, data, the rest a hole
  local length=$((${#header} + 2)) start
  { printf "\\x$(printf %02x $((length & 255)))\\x$(printf %02x $((length >> 8)))\0\0\0\0\0\0{%s}" "$header"
    cat "$work/data"; } >"$1"
  truncate -s $((8 + length + size)) "$1"
  header= size=0
  rm "$work/data"
}

repeat() { # repeat N BYTES, as printf has them
  for ((i = 0; i < $1; i++)); do printf "$2"; done
}

one='\0\0\x80\x3f' least='\1\0\0\0' # 1.0, and the smallest denormal float

scan() { # scan FILE ARGUMENTS...: its table into out, its messages into err
  "$binary" scan "$@" --no-cache >"$work/out" 2>"$work/err" </dev/null ||
    fail "scan $* gave status $?: $(tail -1 "$work/err")"
  if grep -vE '^([0-9]+ of [0-9]+ matrices( on cuda:0)?, |model\.layers\.0\.[a-z_]+: not scored: |scored: [0-9.]+ % of the parameters, )' "$work/err"; then
    fail "scan $*: not a line of ours"
  fi
}

row() { # row NAME "what its row says"
  grep -E "^model\.layers\.0\.$1 " "$work/out" | grep -qF -- "$2" ||
    fail "$device: $1: no row with \"$2\": $(grep -F ".$1 " "$work/out")"
}

add nan F32 3,4 48 < <(printf '\0\0\xc0\x7f'; repeat 11 "$one")
add inf F32 3,4 48 < <(repeat 7 "$one"; printf '\0\0\x80\xff'; repeat 4 "$one")
add zeros F32 3,4 48 < <(head -c 48 /dev/zero)
add denormal F32 3,4 48 < <(repeat 12 "$least")
add rank_one F32 3,4 48 < <(repeat 12 "$one")
add row F32 1,9 36 < <(repeat 9 "$one")
add column F32 9,1 36 < <(repeat 9 "$one")
add single F32 1,1 4 < <(repeat 1 "$one")
add no_rows F32 0,4 0 </dev/null
add no_columns F32 4,0 0 </dev/null
add integers I64 2,2 32 < <(head -c 32 /dev/zero)
add identity F32 2,2 16 < <(repeat 1 "$one"; repeat 2 '\0\0\0\0'; repeat 1 "$one")
add ones F32 16,16 1024 < <(repeat 256 "$one")
add denormals F32 12,12 576 < <(repeat 16 '\1\0\0\0\3\0\0\0\7\0\0\0\2\0\0\0\5\0\0\0\1\1\0\0\2\0\0\0\11\0\0\0\4\0\0\0')
finish "$work/odd.safetensors"

# And on the emulated GPU, where it is built (tests/gpu).
devices="cpu reference"
export SPECTRUM_PLUGINS=$3/emulated EMULATED_CUDA_STRICT=1
[ -f "$SPECTRUM_PLUGINS/spectrum-cuda.so" ] && devices+=" cuda"
for device in $devices; do
  scan "$work/odd.safetensors" --device $device
  [ "$(wc -l <"$work/out")" -eq 15 ] || fail "$device: not a line for each matrix and one of titles"
  row nan "not scored: NaN at row 0, column 0"
  row inf "not scored: Inf at row 1, column 3"
  row zeros "not scored: all zeros"
  row denormal "4.8542e-45" # 1.4013e-45 times the root of 12
  row denormal degenerate
  row rank_one "3.4641"
  row rank_one degenerate
  row row degenerate
  row column degenerate
  row single degenerate
  row no_rows "not scored: no elements"
  row no_columns "not scored: no elements"
  row integers "not scored: the type I64 cannot be read"
  row identity degenerate
  row ones " inf "
  row ones "degenerate: noise is below resolution"
  row denormals "degenerate: denormal elements"
  scan "$work/odd.safetensors" --device $device --json
  [ "$(head -c 1 "$work/out")$(tail -c 2 "$work/out")" = "{}" ] || fail "$device: more than JSON"
done

# OpenBLAS, which an ill-conditioned matrix wants, asks for ever for addresses that a limit does not leave: it is not
# loaded then, and the scan says why. Nothing else of the program needs it.
if (ulimit -v 150000 && timeout -k 5 60 "$binary" --version) >/dev/null 2>&1; then
  (ulimit -v 150000 && timeout -k 5 60 "$binary" scan "$work/odd.safetensors" --no-cache --device cpu) >"$work/out" 2>"$work/err"
  [ $? = 1 ] || fail "without addresses for OpenBLAS the scan is not refused"
  grep -qE "^spectrum: model.layers.0.[a-z_]+.weight: OpenBLAS, .* needs .* of addresses and only .* within the limit of address space .*ulimit -v" \
    "$work/err" || fail "it does not say why: $(tail -1 "$work/err")"
else
  echo "SKIPPED: this program does not start within 150 MB of addresses (a sanitizer's takes more)"
fi

# 2^36 and 2^40 elements, 2^40 rows; terabytes that are a hole. A limit on the address space, where
# the program runs under one (not with a sanitizer), holds it to allocating nothing for them.
add many BF16 262144,262144 $((1 << 37)) </dev/null
add most BF16 1048576,1048576 $((1 << 41)) </dev/null
add tall BF16 1099511627776,1 $((1 << 41)) </dev/null
if ! finish "$work/vast.safetensors"; then
  echo "SKIPPED: no file of 4 TB can be made in $work"
else
  limit=2000000
  (ulimit -v $limit && "$binary" --version) >/dev/null 2>&1 || limit=unlimited
  for device in cpu reference; do
    (ulimit -v $limit && scan "$work/vast.safetensors" --device $device && exit "$failures") ||
      fail "$device: the vast matrices were not refused"
    for name in many most tall; do
      row $name "not scored: needs "
    done
  done
fi
exit $((failures > 0))
