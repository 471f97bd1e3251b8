# What scripts share that run the program in a folder of their own, sourced by them; `binary` is set: the folder,
# `work`, which goes when the script ends, a count of `failures`, and a command that is held to what it says.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state HOME=$work
failures=0
fail() { # and the end of what the last command said
  echo "FAILED: $*"
  [ ! -s "$work/err" ] || tail -3 "$work/err"
  failures=$((failures + 1))
}
expect() { # expect STATUS "what it says" ARGUMENTS...
  local status=$1 says=$2
  shift 2
  "$binary" "$@" >"$work/out" 2>"$work/err" </dev/null
  local got=$?
  [ $got = "$status" ] && grep -qF -- "$says" "$work/out" "$work/err" ||
    fail "$* gave $got (expected $status, \"$says\")"
}
