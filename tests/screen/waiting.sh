#!/usr/bin/env bash
# A run that waits for another: seen in the library and on its own screen, from where it is stopped.
# Arguments: binary, source folder.
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
model=$2/demo/model
train() { # NAME STEPS OPTIONS...
  (cd "$work" && "$binary" train "$model" --run "runs/$1" --steps "$2" --data "$2.txt" --method full --seq-len 32 \
    --accumulate 1 --eval-every 0 --eval-split 0 --sample-tokens 0 --dtype fp32 "${@:3}" >/dev/null 2>>"$work/train")
}
for steps in 1 100000; do head -c 3000 "$2/demo/text/shakespeare.txt" >"$work/$steps.txt"; done
train first 100000 --detach
train second 1 --after first --detach
leave() {
  kill "$(holder worker "$work/runs/first" 2>/dev/null)" 2>/dev/null
  remove_folder "$work"
}
trap leave EXIT
wait_until test -e "$work/runs/second/requests/waiting" || fail "it does not wait: $(cat "$work/train")"

play 80x24 <<'SCRIPT'
save-screen library.txt
SCRIPT
says library.txt "waiting"
grep -q "^2 jobs go on" "$work/err" || { fail "leaving does not count the one that waits"; cat "$work/err"; }
play 80x24 "$work/runs/second" <<'SCRIPT'
wait text "waiting for first"
save-screen watch.txt
p
save-screen pause.txt
S
S
wait text "stopped"
save-screen stopped.txt
SCRIPT
shows watch.txt "waiting for first"
says pause.txt "can be stopped"
says stopped.txt "stopped"
[ $failures -eq 0 ]
