#!/usr/bin/env bash
# The library's tables: what a row says, columns by width, filter, order, marks; jobs steered and deleted from their
# rows; leaving says what goes on. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
source "$2/tests/waiting.bash"
export OMP_NUM_THREADS=1
lacks() { grep -qF -- "$2" "$work/$1" && { fail "$1 shows \"$2\":"; cat "$work/$1"; }; }
row() { sed 's/▶/ /' "$work/$1" | grep -E "^.{2}$2 "; } # row FILE NAME
n=0
job() { # job NAME LAST-STEP STATUS EVALUATIONS...; the newest is made last
  local run=$work/runs/$1 step=0
  n=$((n + 1))
  mkdir -p "$run/requests" "$run/checkpoints" "$XDG_STATE_HOME/spectrum/jobs"
  echo '{"format": "spectrum.job", "version": 1, "command": "train", "method": "lora",
    "model": "/models/base-model", "steps": 60}' >"$run/job.json"
  echo "{\"status\": \"$3\", \"message\": \"$3\", \"last_step\": $2}" >"$run/result.json"
  for loss in "${@:4}"; do
    step=$((step + 1))
    printf '{"step": %d, "loss": 3, "step_s": 1}\n{"step": %d, "eval_loss": %s}\n' $step $step "$loss"
  done >"$run/metrics.jsonl"
  printf '%s' "$run" >"$XDG_STATE_HOME/spectrum/jobs/$1"
  touch -d "2020-01-01 00:00:$n" "$XDG_STATE_HOME/spectrum/jobs/$1"
}
job alpha 3 completed 2.5 2.25 2.75
job beta 2 stopped 1.5 1.75
job gamma 4 failed 9 8 7 6
ln -s "$2/demo/model" "$work/demo"

# What is known: of a model its header, of a job its last and its best evaluation; what a resume took back is not the
# best of any. Columns go in their order as the window gets narrower.
printf '{"step": 5, "eval_loss": 0.5}\n{"event": "resume", "step": 4}\n' >>"$work/runs/gamma/metrics.jsonl"
for size in 60x16 80x24 132x43 200x60; do
  play $size <<SCRIPT
wait text "3.3M"
wait text " 2/60"
wait text " 3/60"
save-screen $size.txt
SCRIPT
  row $size.txt demo | grep -qE 'llama +3.3M +6.38 MiB' || { fail "$size: the model's facts"; cat "$work/$size.txt"; }
  row $size.txt alpha | grep -qE 'completed +3/60 +-' || { fail "$size: the job's facts"; cat "$work/$size.txt"; }
done
row 80x24.txt alpha | grep -qE '2.7500 +2.2500$' || fail "alpha's evaluations"
row 80x24.txt gamma | grep -qE ' 6.0000 +6.0000$' || fail "gamma's best is $(row 80x24.txt gamma)"
"$binary" jobs >"$work/listed" 2>/dev/null
grep -A1 "runs/alpha$" "$work/listed" | grep -q "evaluation 2.7500, best 2.2500$" || { fail "jobs does not say alpha's evaluations"; cat "$work/listed"; }
grep -A1 "runs/gamma$" "$work/listed" | grep -q "evaluation 6.0000$" || fail "jobs has another evaluation of gamma"
row 80x24.txt demo | grep -qE ' no +0$' || fail "demo was not scanned and has no plans: $(row 80x24.txt demo)"
lacks 60x16.txt EVAL
lacks 80x24.txt METHOD
shows 132x43.txt METHOD
lacks 132x43.txt "  MODEL"
shows 200x60.txt base-model
row 132x43.txt alpha | grep -qE ' lora +train$' || fail "method and kind: $(row 132x43.txt alpha)"

# A model that was scanned here and has a plan of its own; when its file is another one, neither is known of that.
cp -rL "$2/demo/model" "$work/copy"
play 80x24 copy <<'SCRIPT'
wait scan
Space
SCRIPT
keeps=1 play 80x24 <<'SCRIPT'
wait text "yes"
save-screen scanned.txt
SCRIPT
row scanned.txt copy | grep -qE ' yes +1$' || fail "a scanned model with a plan: $(row scanned.txt copy)"
touch "$work/copy/model.safetensors"
keeps=1 play 80x24 <<'SCRIPT'
wait text " 3/60"
save-screen changed.txt
SCRIPT
row changed.txt copy | grep -qE 'yes' && fail "another file was not scanned: $(row changed.txt copy)"
rm -r "$work/copy"

# Sorted by a column and back; filtered as one types, in any column; the cursor stays on its row.
NO_COLOR=1 play 80x24 <<'SCRIPT'
n
save-screen unasked.txt
/alpha Enter
save-screen listed.txt
s
save-screen name.txt
s s s s
save-screen evaluation.txt
s
save-screen best.txt
R
save-screen reversed.txt
f
type "STOP"
save-screen typed.txt
Enter
save-screen kept.txt
f Esc
save-screen all.txt
f
type "nothing like it"
save-screen none.txt
SCRIPT
is() { [ "$(order "$1")" = "$2" ] || { fail "$1: $(order "$1")"; cat "$work/$1"; }; }
# The mark of the cursor is one character, three bytes.
order() { sed 's/▶/ /' "$work/$1" | grep -oE '^ [ *](alpha|beta|gamma)' | cut -c3- | tr '\n' ' '; }
shows unasked.txt "/ asks what to search for"
is listed.txt "gamma beta alpha "
is name.txt "alpha beta gamma "
shows best.txt "jobs by BEST"
is best.txt "beta alpha gamma "
is reversed.txt "gamma alpha beta "
is typed.txt "beta "
shows typed.txt "filter: STOP"
shows typed.txt "Jobs 1/3"
is kept.txt "beta "
is all.txt "gamma alpha beta "
shows all.txt "▶ beta"
shows none.txt 'nothing here has "nothing like it"'

# A model is not marked and not deleted; a foreign file stops a deletion by its name; y deletes what is marked.
echo mine >"$work/runs/beta/notes.txt"
play 80x24 <<'SCRIPT'
g
D
save-screen model.txt
Space
save-screen unmarked.txt
G
Space
save-screen marked.txt
/beta Enter
Space
D
save-screen foreign.txt
SCRIPT
says model.txt "only jobs are deleted here"
says unmarked.txt "only jobs are marked"
shows marked.txt "Jobs *1"
says foreign.txt "notes.txt is not what spectrum wrote there: nothing was deleted"
[ -e "$work/runs/alpha/metrics.jsonl" ] || fail "one that was marked beside it is gone"
rm "$work/runs/beta/notes.txt"
play 80x24 <<'SCRIPT'
/beta Enter
Space
/alpha Enter
Space
D
save-screen asked.txt
n
save-screen no.txt
D
y
save-screen deleted.txt
SCRIPT
says asked.txt "delete 2 jobs, 6 files of spectrum's"
shows no.txt "alpha"
says deleted.txt "deleted 2 jobs"
is deleted.txt "gamma "
[ ! -e "$work/runs/alpha" ] && [ ! -e "$work/runs/beta" ] || fail "their folders are there"

# What cannot be is said by the rules of all jobs.
play 80x24 <<'SCRIPT'
/gamma Enter
save-screen ended.txt
k k k k k k k k k k k k
save-screen model.txt
/gamma Enter
p
save-screen pause.txt
S
save-screen stop.txt
r
save-screen resume.txt
SCRIPT
keys() { # keys FILE WANTED REFUSED: what the key line has and has not, an extended pattern each
  tail -1 "$work/$1" | grep -qE -- "$2" || fail "$1 has no key \"$2\": $(tail -1 "$work/$1")"
  ! tail -1 "$work/$1" | grep -qE -- "$3" || fail "$1 offers \"$3\": $(tail -1 "$work/$1")"
}
keys ended.txt "r resume .*D delete.*[?] help" "pause|checkpoint|stop"
keys model.txt "[?] help" "pause|checkpoint|stop|resume|mark|delete"
says pause.txt "the training run cannot pause: failed"
says stop.txt "the training run cannot stop: failed"
grep -q "cannot be resumed" "$work/resume.txt" || { fail "a job without arguments"; cat "$work/resume.txt"; }

# A job that runs, from its row: it pauses, goes on, saves, is not deleted, stops when asked twice, and goes on again.
head -c 6000 "$2/demo/text/shakespeare.txt" >"$work/text.txt"
run=$work/runs/live
cleanup() {
  [ -f "$run/lock" ] && kill -TERM "$(holder pid "$run")" 2>/dev/null
  sleep 0.3
  remove_folder "$work"
}
trap cleanup EXIT
"$binary" train "$2/demo/model" --data "$work/text.txt" --run "$run" --steps 100000 --seq-len 16 --accumulate 1 \
  --threads 1 --device reference --save-every 0 --eval-split 0 --sample-tokens 0 --detach >"$work/out" 2>"$work/err" ||
  { fail "it does not start"; cat "$work/err"; }
wait_until grep -q '"step": 1,' "$run/metrics.jsonl" || fail "no step"
"$binary" jobs >"$work/listed" 2>/dev/null
grep -qE "^ +step [0-9]+ of 100,000.*, at least [0-9hmins ]+ left" "$work/listed" || { fail "jobs does not say how far it is"; cat "$work/listed"; }
play 100x30 <<'SCRIPT'
/live Enter
wait text "running"
save-screen running.txt
D
save-screen alive.txt
p
save-screen pausing.txt
wait text "paused"
p
wait text "running"
c
save-screen saving.txt
S
save-screen sure.txt
Esc
save-screen kept.txt
Q
SCRIPT
keys running.txt "p pause.*c save.*S stop.*[?] help" "resume|delete"
grep -qE '/100000 .*[0-9] (s|min|h) ' "$work/running.txt" || { fail "no time left"; cat "$work/running.txt"; }
says alive.txt "is running: stop it before it is deleted"
says pausing.txt "the training run pauses after the current step"
says saving.txt "the training run saves a checkpoint after the current step"
says sure.txt "the same key again stops it, with a checkpoint"
says kept.txt "as it was"
grep -q "^1 job goes on; \`spectrum jobs\` lists it" "$work/err" || { fail "leaving says nothing"; cat "$work/err"; }

# One that waits does not go on, and what it did last is not what it does.
play 100x30 <<'SCRIPT'
/live Enter Enter
c
p
wait text "paused"
save-screen paused.txt
Q
SCRIPT
shows paused.txt "paused"
if grep -q "paused · " "$work/paused.txt"; then fail "a paused job does something"; cat "$work/paused.txt"; fi
grep -q "^1 job is paused; \`spectrum jobs\` lists it" "$work/err" || { fail "leaving says nothing of one that is paused"; cat "$work/err"; }
play 100x30 <<'SCRIPT'
/live Enter
p
wait text "running"
SCRIPT
play 100x30 <<'SCRIPT'
/live Enter
wait text "running"
S S
wait text "stopped"
save-screen stopped.txt
r
wait text "running"
S S
wait text "stopped"
D
y
save-screen gone.txt
SCRIPT
says stopped.txt "stopped at step"
[ ! -e "$run" ] || { fail "it is there"; cat "$work/gone.txt"; find "$run"; }

echo "$failures failed"
[ $failures -eq 0 ]
