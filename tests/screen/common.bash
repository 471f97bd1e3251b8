# What the screen's scripts share, sourced by them; `binary` is set: a folder of their own (tests/folder.bash),
# playing a script and looking at what it saved.
# shellcheck source=tests/folder.bash
source "${BASH_SOURCE[0]%/*}/../folder.bash"
shows() { # shows FILE TEXT
  grep -qF -- "$2" "$work/$1" || { fail "$1 does not show \"$2\":"; cat "$work/$1"; }
}
says() { # says FILE TEXT, over as many lines as it takes
  grep -qF -- "$2" <<<"$(tr -s '\n ' '  ' <"$work/$1")" ||
    { fail "$1 does not say \"$2\":"; cat "$work/$1"; }
}
play() { # play SIZE [TARGET], script on standard input; no plan and no form is kept from before, unless `keeps` is set
  [ -n "${keeps:-}" ] || rm -rf "$XDG_STATE_HOME/spectrum/plans" "$XDG_STATE_HOME/spectrum/forms"
  (cd "$work" && cat >script && "$binary" --script script --size "$@") 2>"$work/err" ||
    { fail "playing $* ended with $?"; cat "$work/err"; }
}
