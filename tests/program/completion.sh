#!/usr/bin/env bash
# What shells complete and what the manual page lists are the options that --help has, of every
# command. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}

"$binary" completion bash >bash || fail "there is none for bash"
source ./bash
# proposes WORD...: what bash would show behind these words, the last of which is being typed
proposes() {
  COMP_WORDS=(spectrum "$@") COMP_CWORD=$# COMPREPLY=()
  _spectrum 2>/dev/null
  printf '%s\n' "${COMPREPLY[@]}" | sort
}
# same WHAT EXPECTED GOT
same() { [ "$2" = "$3" ] || fail "$1: $(diff <(echo "$2") <(echo "$3"))"; }

"$binary" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort >commands
[ "$(wc -l <commands)" -ge 16 ] || fail "--help lists no commands"
same "commands" "$(cat commands)" "$(proposes '' | grep -v '^commands$\|^bash$')"
while read -r command; do
  "$binary" "$command" --help | sed -n '/^Options:/,$s/^  \(--*[a-z0-9-]*\).*/\1/p' | sort >options
  grep -qx -- --help options || fail "$command --help lists no options"
  same "$command" "$(cat options)" "$(proposes "$command" -)"
done <commands

# What follows an option: its names, files, or what only its user knows.
mkdir folder
: >folder/file.jsonl
same "a method" "$(printf '%s\n' spectrum spectrum+lora spectrum+qlora)" "$(proposes train x --method spec)"
same "a method behind =" lora "$(proposes train x --method = lo)"
same "a method behind = at once" "$(proposes train x --method '')" "$(proposes train x --method =)"
same "a file" folder/file.jsonl "$(proposes train x --data folder/f)"
same "a name or a file" "$(printf '%s\n' folder zephyr)" "$(proposes train x --template '' | grep '^[fz]')"
same "a number" "" "$(proposes train x --steps '')"
same "behind a flag" folder "$(proposes train --dry-run fol)"
same "an option" --memory-limit "$(proposes train x --mem)"
same "of the screen" --script "$(proposes --sc)"
same "a kind of cache" spectra "$(proposes cache sp)"
same "a shell" zsh "$(proposes completion z)"

# The others' scripts are read, and know the same options.
"$binary" train --help | sed -n 's/^  --\([a-z0-9-]*\) .*/\1/p' >options
for shell in zsh fish; do
  "$binary" completion $shell >script.$shell || fail "there is none for $shell"
  while read -r option; do
    grep -qE -- "(--|-l )$option[ =\[]" script.$shell || fail "$shell lacks $option"
  done <options
  command -v $shell >/dev/null || { echo "SKIPPED: completion by $shell, which is not here"; continue; }
  $shell -n script.$shell || fail "$shell does not read it"
done
if command -v fish >/dev/null; then
  export HOME=$work XDG_CONFIG_HOME=$work/config XDG_DATA_HOME=$work/data
  fish_proposes() { fish --no-config -c "source script.fish; complete -C '$1'" | cut -f 1 | sort; }
  same "fish: options" "$("$binary" train --help | sed -n 's/^  \(--s[a-z0-9-]*\).*/\1/p' | sort)" "$(fish_proposes 'spectrum train --s' | sed 's/=$//')"
  same "fish: a method" "$(printf '%s\n' lora)" "$(fish_proposes 'spectrum train x --method lo')"
fi
if command -v zsh >/dev/null; then
  zsh -f -c 'autoload -U compinit; compinit -D; source ./script.zsh; [ "$_comps[spectrum]" = _spectrum ]' ||
    fail "zsh does not take it"
fi

# The manual page is what the tables say.
same "docs/spectrum.1 is not what script/man-options writes" "$("$binary" completion man)" \
  "$(sed -n '/^\.\\" OPTIONS: /,/^\.\\" END OF OPTIONS$/p' "$source/docs/spectrum.1" | sed '1d;$d')"

for wrong in "" tcsh "bash zsh"; do
  # shellcheck disable=SC2086
  "$binary" completion $wrong >out 2>err
  [ $? -eq 2 ] && [ ! -s out ] && grep -q "takes one of bash, zsh and fish" err || fail "completion $wrong: $(cat err)"
done

echo "$failures failed"
[ $failures -eq 0 ]
