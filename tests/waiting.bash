# Sourced by tests that wait for what others do, and by tests/run.

# Adds to $1, a variable, the hundredths of a second that $2 seconds were worth: where more processes want to run than
# there are processors, each counts for as much less.
count_seconds() {
  local load processors
  processors=$(nproc)
  read -r load _ </proc/loadavg || load=0.00
  load=$((10#${load/./}))
  printf -v "$1" %d $(($1 + (load > 100 * processors ? 100 * 100 * processors / load : 100) * $2))
}

# The bound is there to name what did not come; it says nothing about how long that may take on a busy machine, and a
# wait that is over costs a twentieth of a second.
wait_until() { # wait_until COMMAND...: 1 if it does not come true
  local used=0 counted=$SECONDS now
  until "$@" >/dev/null 2>&1; do
    now=$SECONDS
    if [ $now -gt $counted ]; then
      count_seconds used $((now - counted))
      counted=$now
      [ $used -lt 24000 ] || return 1
    fi
    sleep 0.05
  done
}

# Who runs a job: its "pid" (the supervisor's, where it has one) or its "worker". Tests end processes by these alone.
holder() { # holder pid|worker RUN
  grep -oP "\"$1\": \K[0-9]+" "$2/lock"
}

# $1 seconds of a machine that is idle, on this one as it is: for `timeout`.
patience() {
  local worth=0
  count_seconds worth 1
  echo $(($1 * 100 / (worth > 1 ? worth : 1)))
}

# A folder in which a job that has said its result may still be about its last line.
remove_folder() { # remove_folder FOLDER
  local i
  for i in {1..100}; do
    rm -rf "$1" 2>/dev/null && return
    sleep 0.05
  done
  rm -rf "$1"
}
