#!/usr/bin/env bash
# script/bootstrap says in one line what is missing and what root is to do about it, and is silent where nothing is. A
# dpkg-query of its own tells it what there is; nobody here may install anything. Arguments: binary, source folder.
set -uo pipefail
bootstrap=$2/script/bootstrap
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
fail() {
  echo "FAILED: $*"
  cat "$work/out" "$work/err"
  failures=$((failures + 1))
}
# A PATH with what the script itself takes, an apt-get that must not be called, and a user who is not root.
mkdir "$work/bin"
for tool in bash env awk sed tr cat mktemp rm grep dirname; do
  ln -s "$(command -v $tool)" "$work/bin/$tool"
done
tool() { # tool NAME, its lines on standard input
  { echo "#!$(command -v bash)"; cat; } >"$work/bin/$1"
  chmod +x "$work/bin/$1"
}
tool id <<<'echo 1000'
tool apt-get <<<"echo \"\$*\" >>'$work/called'"
tool apt-cache <<<'exit 0'
tool dpkg-query <<<"[ -e '$work/installed' ] || grep -qx \"\${@: -1}\" '$work/packages' || exit 1; echo -n installed"
bootstrap() { # of the status that it must have
  local wanted=$1 status
  shift
  env -i PATH="$work/bin" "$BASH" "$bootstrap" "$@" >"$work/out" 2>"$work/err"
  status=$?
  [ $status = "$wanted" ] || fail "bootstrap $*: ends with $status, not $wanted"
  [ ! -e "$work/called" ] || fail "bootstrap $*: it calls apt-get as nobody: $(cat "$work/called")"
}
one_line() { [ "$(wc -l <"$work/err")" = 1 ] && [ ! -s "$work/out" ] || fail "not one line"; }
says() { grep -qE -e "$1" "$work/err" || fail "it does not say \"$1\""; }

# Nothing is there: all of the purpose by name, each once, and the command for every script.
: >"$work/packages"
bootstrap 1 build
one_line
says '^missing: gcc libc6-dev cmake ninja-build .*zlib1g-dev'
says 'as root, for all scripts: apt-get update && apt-get install -y --no-install-recommends gcc .*tmux.*python3-venv'
grep -q '^missing:[^;]*tmux' "$work/err" && fail "a build wants tmux"
bootstrap 1 fetch bench
one_line
[ "$(sed 's/;.*//' "$work/err" | grep -o 'unzip' | wc -l)" = 1 ] || fail "unzip is not named once"

# One is missing: that one alone.
env -i PATH="$work/bin" "$BASH" "$bootstrap" build 2>&1 | sed 's/^missing: //; s/;.*//' | tr ' ' '\n' | grep -vx libyaml-dev >"$work/packages"
bootstrap 1 build
one_line
says '^missing: libyaml-dev; as root'

# What is there by other ways than packages counts.
sed -i '/^cmake$/d' "$work/packages"
echo libyaml-dev >>"$work/packages"
tool cmake <<<'exit 0'
bootstrap 0
[ ! -s "$work/err" ] || fail "it says something where nothing is missing"
rm "$work/bin/cmake"
bootstrap 1
says '^missing: cmake;'

# A machine with other packages: their names here, and no command that it has not.
rm "$work/bin/apt-get"
bootstrap 1 build
one_line
says 'has no apt-get'

# A purpose that there is not.
bootstrap 2 everything
says 'build \| test \| fetch'
: >"$work/installed"
for purpose in build test fetch bench fuzz; do
  bootstrap 0 $purpose
done

echo "$failures failed"
[ $failures -eq 0 ]
