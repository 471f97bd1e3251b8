#!/usr/bin/env bash
# A monkey: keys, words and pastes by chance, over a library, a model and a run, in windows of all sizes. Nothing may
# end it but a request to leave. Sanitizers see what nobody else does, so they get a minute of it (MONKEY_SECONDS says
# otherwise), other builds ten seconds. MONKEY_SEED plays one sitting again.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
export OMP_NUM_THREADS=1
seconds=${MONKEY_SECONDS:-$(grep -q '^SPECTRUM_SANITIZE:.*=ON' "$3/CMakeCache.txt" && echo 60 || echo 10)}
ln -s "$2/demo/model" "$work/model"
printf 'Once upon a time there was a dog. %.0s' $(seq 1 100) >"$work/data.txt"
make_run() {
  "$binary" train "$work/model" --data "$work/data.txt" --run "$work/run" --steps 2 --seq-len 16 --batch 1 \
    --accumulate 1 --eval-every 1 --threads 1 2>"$work/err" || { fail "training: $?"; cat "$work/err"; }
}
make_run

# Not among them: "/" in what is typed, so that what is written stays in this folder; Ctrl-S, which starts a run that
# nobody waits for; Ctrl-C, Q and q, which leave.
keys=(Up Down Left Right PgUp PgDn Home End Tab BackTab Enter Esc Del Backspace Space Ctrl-A Ctrl-B Ctrl-D Ctrl-E Ctrl-F
  Ctrl-G Ctrl-K Ctrl-L Ctrl-O Ctrl-P Ctrl-R Ctrl-U Ctrl-W a b c d e f g h i j k l m n o p r s t u v w x y z
  A B C D E F G H I J K L M N O P R S T U V W X Y Z + - "=" _ % 0 5 9 "," . "<lt>" : ? "$" "!")
words=(30 snr all nothing dark default lora 1e-5 -1 nan data.txt .. run steps "learning rate" "x y z" "ünïcödé" "漢字")
pastes=('top 30\n' 'a\nb\n' '\e[31m' 'data.txt' '' '漢字漢字漢字')
sizes=(60x16 80x24 132x43 200x60 40x10 1x1 61x17)
targets=("" model run)
sitting() { # sitting SEED: one play of 120 lines, with what it was in $work/script
  RANDOM=$1
  [ -d "$work/run" ] || make_run # "D" and "Y" in the list of jobs delete it, as they should
  local size=${sizes[RANDOM % ${#sizes[@]}]} target=${targets[RANDOM % ${#targets[@]}]} i
  for ((i = 0; i < 120; i++)); do
    case $((RANDOM % 12)) in
    0) echo "type \"${words[RANDOM % ${#words[@]}]}\"" ;;
    1) echo "paste \"${pastes[RANDOM % ${#pastes[@]}]}\"" ;;
    *) echo "keys ${keys[RANDOM % ${#keys[@]}]}" ;;
    esac
  done >"$work/script"
  (cd "$work" && "$binary" --script script --size "$size" ${target:+"$target"}) >"$work/out" 2>"$work/err" ||
    { fail "sitting $1 at $size of \"$target\" ended with $?:"; cat "$work/err"; }
}
first=${MONKEY_SEED:-$RANDOM} count=0
until [ "$failures" -gt 0 ] || { [ "$count" -gt 0 ] && { [ "$SECONDS" -ge "$seconds" ] || [ -n "${MONKEY_SEED:-}" ]; }; }; do
  sitting $(((first + count) % 32768))
  count=$((count + 1))
done
echo "$count sittings from seed $first"
none_lives() {
  ! "$binary" jobs | grep -qE '(running|paused|starting|waiting)'
}
"$binary" jobs | awk '/running|paused|starting|waiting/ { print $1 }' | while read -r job; do "$binary" stop "$job" 2>/dev/null; done
wait_until none_lives || fail "a job lives on"
[ "$failures" -eq 0 ] || echo "$failures failed"
[ "$failures" -eq 0 ]
