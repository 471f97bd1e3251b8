#!/usr/bin/env bash
# Who may include whom (docs/architecture.md), held against the includes and against the symbols of
# the built libraries; and that inside a module no files and no folders include or call one another
# in a circle. Arguments: binary, source folder, build folder.
set -u
source=$2 build=$3
declare -A may=(
  [base]=""
  [compute]="base"
  [checkpoint]="base"
  [hub]="base checkpoint"
  [model]="base checkpoint"
  [spectra]="base compute checkpoint model"
  [plan]="base checkpoint model"
  [jinja]="base"
  [text]="base checkpoint jinja"
  [train]="base compute checkpoint model plan text"
  [tracker]="base"
  [task]="base compute checkpoint model text train"
  [job]="base compute checkpoint tracker model spectra plan text train"
  [gpu]="base compute"
  [tui]="base compute checkpoint hub tracker model spectra plan text train task job"
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

# One file talks to ncurses, one to libcurl; CUDA stays in gpu/.
curses=$(grep -rlE --include='*.[ch]' '#\s*include <n?curses' "$source/core" "$source/tui" | wc -l)
[ "$curses" -le 1 ] || fail "$curses files include <ncurses.h>"
curl=$(grep -rlE --include='*.[ch]' '#\s*include <curl/' "$source/core" "$source/tui" | wc -l)
[ "$curl" -le 1 ] || fail "$curl files include <curl/curl.h>"
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
# No circles inside a module. A unit is stem.c and stem.h; its edges are what either includes, and
# what its object calls or reads of other objects. A module that still has a circle stands here until
# it has none: then the test says that it must go.
declare -A circle_of=(
  [includes]=""
  [calls]=""
)

# Edges "unit unit" of a module's includes.
include_edges() {
  local folder=core/$1
  [[ "$1" = tui || "$1" = gpu ]] && folder=$1
  (cd "$source" && grep -rnoP --include='*.[ch]' --include='*.cu' '^\s*#\s*include "\K[^"]+' "$folder") |
    awk -F: -v module="$1" '
      { from = $1; to = $3; sub(/^core\//, "", from)
        sub(/\.[a-z]+$/, "", from); sub(/\.[a-z]+$/, "", to)
        if (from != to && to ~ "^" module "/") print from, to }' | sort -u
}

# The same of its calls, from the objects that the build made of sources that are there.
call_edges() {
  local folder=$build/core/$1 object path objects=()
  [ "$1" = tui ] && folder=$build/tui
  [ -d "$folder" ] || return 0
  while read -r object; do
    path=${object#"$build"/}
    path=$(sed -E 's|CMakeFiles/[^/]*\.dir/||; s|[^/]*/__/||g; s|\.o$||' <<<"$path")
    [ -f "$source/$path" ] && objects+=("$object")
  done < <(find "$folder" -name '*.c.o')
  [ ${#objects[@]} -gt 0 ] || return 0
  nm -A "${objects[@]}" 2>/dev/null | awk -v root="$build/" '
    { at = index($0, ".o:"); unit = substr($0, 1, at - 1); rest = substr($0, at + 3)
      unit = substr(unit, length(root) + 1); sub(/^core\//, "", unit)
      sub(/CMakeFiles\/[^\/]*\.dir\//, "", unit); gsub(/[^\/]*\/__\//, "", unit); sub(/\.c$/, "", unit)
      count = split(rest, part, " ")
      if (count == 3 && part[2] ~ /[TDBRCV]/) owner[part[3]] = unit
      if (count == 2 && part[1] == "U") needs[unit " " part[2]] = 1 }
    END { for (pair in needs) { split(pair, part, " ")
            if (part[2] in owner && owner[part[2]] != part[1]) print part[1], owner[part[2]] } }' | sort -u
}

# Units of edges to their folders.
folder_edges() {
  awk '{ a = $1; b = $2; sub(/\/[^\/]*$/, "", a); sub(/\/[^\/]*$/, "", b); if (a != b) print a, b }' | sort -u
}

# One of the circles that edges have, on one line; nothing where there is none.
circle() { tsort 2>&1 >/dev/null | sed -n 's/^tsort: //p' | grep -v 'input contains a loop' | tr '\n' ' '; }

for module in "${!may[@]}"; do
  for kind in includes calls; do
    [ $kind = calls ] && { [ "$module" = gpu ] || ! command -v nm >/dev/null; } && continue
    edges=$("${kind%s}_edges" "$module")
    found=$(circle <<<"$edges")$(folder_edges <<<"$edges" | circle)
    known=no
    [[ " ${circle_of[$kind]} " == *" $module "* ]] && known=yes
    [ -z "$found" ] || [ $known = yes ] || fail "$module has a circle of $kind: $found"
    [ -n "$found" ] || [ $known = no ] ||
      fail "$module has no circle of $kind any more: take it out of the list in this test"
  done
done

[ ${#owner[@]} -gt 0 ] || fail "no built library found under $build"
[ $failures -eq 0 ] && echo "layers: ${#owner[@]} symbols of ${#may[@]} modules in order"
exit $((failures > 0))
