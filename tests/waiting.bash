# Sourced by tests that wait for what others do. The bound is there to name what did not come; it says nothing about how
# long that may take on a busy machine, and a wait that is over costs a twentieth of a second.
wait_until() { # wait_until COMMAND...: 1 if it does not come true
  local end=$((SECONDS + 240))
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.05
  done
}
