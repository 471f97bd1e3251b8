#!/usr/bin/env bash
# Who may include whom (docs/architecture.md), held against the includes and against the symbols of
# the built libraries. Arguments: binary, source folder, build folder.
set -u
source=$2 build=$3
declare -A may=(
  [base]=""
  [compute]="base"
  [checkpoint]="base"
  [model]="base checkpoint"
  [spectra]="base compute checkpoint model"
  [plan]="base checkpoint model"
  [jinja]="base"
  [text]="base checkpoint jinja"
  [train]="base compute checkpoint model plan text"
  [job]="base compute checkpoint model spectra plan text train"
  [gpu]="base compute"
  [tui]="base compute checkpoint model spectra plan text train job"
)
failures=0
fail() {
  echo "LAYERS: $*"
  failures=$((failures + 1))
}
allowed() { [[ " $1 ${may[$1]} " == *" $2 "* ]]; }

# Includes: every "folder/file.h" of a module names that module or one it may see.
for module in "${!may[@]}"; do
  folder=$source/core/$module
  [[ "$module" = tui || "$module" = gpu ]] && folder=$source/$module
  [ -d "$folder" ] || continue
  while IFS=: read -r file include; do
    target=${include%%/*}
    [[ "$include" == */* ]] || fail "$file includes \"$include\" without its folder"
    [[ -v may[$target] ]] || { fail "$file includes \"$include\", which is no module's"; continue; }
    allowed "$module" "$target" || fail "$file: $module may not include $target"
  done < <(grep -rnoP --include='*.[ch]' --include='*.cu' '^\s*#\s*include "\K[^"]+' "$folder" | cut -d: -f1,3)
done

# Of compute, the plug-in sees what back ends are, and nothing of the other ones.
! grep -rnE '#\s*include "compute/' "$source/gpu" |
  grep -vE '"compute/(backend|plugin|spectra)\.h"' || fail "gpu/ sees more than compute's interface"

# One file talks to ncurses; CUDA stays in gpu/.
curses=$(grep -rlE --include='*.[ch]' '#\s*include <n?curses' "$source/core" "$source/tui" | wc -l)
[ "$curses" -le 1 ] || fail "$curses files include <ncurses.h>"
! grep -rlE --include='*.[ch]' '#\s*include <(cuda|cublas|cusolver)' "$source/core" "$source/tui" ||
  fail "a CUDA header outside gpu/"

# core/ never prints and never exits.
! grep -rnE --include='*.c' '\b(printf|puts|putchar|perror|exit|abort)\(' "$source/core" ||
  fail "core/ prints or exits"

# Symbols: what a library needs, some library that it may see has.
library() { echo "$build/$([ "$1" = tui ] && echo tui || echo "core/$1")/libspectrum_$1.a"; }
declare -A owner
for module in "${!may[@]}"; do
  [ -f "$(library "$module")" ] || continue
  while read -r symbol; do owner[$symbol]=$module; done < <(
    nm --defined-only -g "$(library "$module")" 2>/dev/null | awk 'NF == 3 {print $3}')
done
for module in "${!may[@]}"; do
  [ -f "$(library "$module")" ] || continue
  while read -r symbol; do
    target=${owner[$symbol]:-}
    [ -z "$target" ] || allowed "$module" "$target" ||
      fail "$module uses $symbol of $target, which it may not see"
  done < <(nm -u "$(library "$module")" 2>/dev/null | awk 'NF == 2 {print $2}' | sort -u)
done
[ ${#owner[@]} -gt 0 ] || fail "no built library found under $build"
[ $failures -eq 0 ] && echo "layers: ${#owner[@]} symbols of ${#may[@]} modules in order"
exit $((failures > 0))
