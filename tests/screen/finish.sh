#!/usr/bin/env bash
# What is made of a run from its watch screen: an evaluation, a text, an export, more steps; each is
# a job with a result, or a reason. Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
export OMP_NUM_THREADS=1
hides() { ! grep -qF -- "$2" "$work/$1" || { fail "$1 shows \"$2\":"; cat "$work/$1"; }; }

printf 'Once upon a time there was a dog. %.0s' $(seq 1 200) >"$work/data.txt"
"$binary" train "$2/demo/model" --data "$work/data.txt" --run "$work/real" --steps 4 --seq-len 16 \
  --batch 1 --accumulate 1 --eval-every 2 --save-every 2 2>"$work/err" || { fail "training: $?"; cat "$work/err"; }
printf '{"text": "Once upon a time."}\n{"text": "There\n' >"$work/torn.jsonl"

play 80x24 real <<'SCRIPT'
save-screen ended.txt
e
save-screen asks.txt
type "data.txt"
Enter
wait text "evaluation of real: completed"
save-screen evaluated.txt
Esc
save-screen closed.txt
y
type "Once upon a time"
Enter
wait text "trial of a prompt of real: completed"
save-screen text.txt
j
save-screen second.txt
k k
save-screen first.txt
PgDn PgDn PgDn PgDn PgDn PgDn PgDn PgDn PgDn PgDn
save-screen end.txt
Y
type "Hello"
Enter
wait text "of real: "
E
type "~/model-1"
Enter
wait text "export of real: completed"
save-screen exported.txt
E
type "model-1"
Enter
save-screen there.txt
e
type "nothing.txt"
Enter
save-screen nothing.txt
:merge merged Enter
save-screen whole.txt
e
type "torn.jsonl"
Enter
wait text "evaluation of real: failed"
save-screen failed.txt
SCRIPT
says ended.txt "e evaluates, y prompts, v lists, M adds steps"
shows asks.txt "evaluate"
loss=$("$binary" eval "$work/real" --data "$work/data.txt" | grep -oP '^loss +\K.*')
says evaluated.txt "loss $loss, perplexity"
says evaluated.txt "in rows of 16, as the run has them; the checkpoint of step 4"
hides closed.txt "evaluation of real"
text=$("$binary" generate "$work/real" --prompt "Once upon a time" | head -1) # the prompt is the screen's
shows text.txt "Once upon a time${text:0:20}"
hides second.txt "Once upon a time$text"
shows first.txt "Once upon a time"
shows end.txt "trial of a prompt of real: completed"
shows exported.txt "model-1: the model after step 4"
[ -f "$work/model-1/model.safetensors" ] || fail "nothing was exported"
# The losses of a run and its export are of rows of other lengths, and say so.
rows() { "$binary" eval "$@" --data "$work/data.txt" 2>/dev/null | grep -E '^rows ' | tr -s ' '; }
[ "$(rows "$work/real")" = "rows of 16 tokens, as the run has them" ] || fail "the run: $(rows "$work/real")"
[ "$(rows "$work/model-1")" = "rows of 512 tokens, as no run says a length; --seq-len sets another" ] ||
  fail "its export: $(rows "$work/model-1")"
[ "$(rows "$work/model-1" --seq-len 16)" = "rows of 16 tokens, as --seq-len says" ] || fail "asked for: $(rows "$work/model-1" --seq-len 16)"
"$binary" eval "$work/real" --data "$work/data.txt" --json 2>/dev/null | grep -qF '"seq_len": 16, "seq_len_by": "run"' || fail "not as JSON"
shows there.txt "model-1 is there, and not an empty folder"
says nothing.txt "$("$binary" eval "$work/real" --data nothing.txt 2>&1 | sed -n 's/^spectrum: //p')"
hides nothing.txt "started"
says whole.txt "the run has no adapters to merge: its export is a whole model"
shows failed.txt "torn.jsonl"

# They are jobs, listed and opened like all others, and deleted.
"$binary" jobs >"$work/jobs.txt"
for name in real-eval real-generate real-generate-2 real-export real-eval-2; do
  shows jobs.txt "state/spectrum/made/$name"
done
[ "$(grep -c 'made/' "$work/jobs.txt")" -eq 5 ] || fail "what was refused is a job"

# The loss of an evaluation stands in its row, as the last one of a run does.
short=$(LC_ALL=C printf '%.4f' "$loss")
grep -A1 "made/real-eval$" "$work/jobs.txt" | grep -q "^ *evaluation $short$" || { fail "jobs has no loss of the evaluation"; cat "$work/jobs.txt"; }
"$binary" jobs --json | grep -qE "made/real-eval\".*\"eval_loss\": ${loss%??}" || fail "no loss of the evaluation in the JSON"
play 100x30 <<'SCRIPT'
wait text " completed"
save-screen rows.txt
SCRIPT
grep -qE "real-eval +completed .* $short" "$work/rows.txt" || { fail "the library has no loss of the evaluation"; cat "$work/rows.txt"; }
play 80x24 "$XDG_STATE_HOME/spectrum/made/real-eval" <<'SCRIPT'
save-screen again.txt
e
save-screen eval-e.txt
m
save-screen eval-m.txt
SCRIPT
shows again.txt "loss $loss, perplexity"
shows again.txt "data: data.txt"
hides again.txt "best checkpoint"
for words in "nothing to show yet" "learning rate" "step 0" "x log" "n norms" "r resume"; do hides again.txt "$words"; done
says eval-e.txt "it is an evaluation, and leaves no model"
says eval-m.txt "it is an evaluation, which has no steps to draw"

# All that was made of the run is listed on its screen, with what came of it, and opened there.
play 132x43 real <<'SCRIPT'
v
save-screen made.txt
j j j j
Enter
save-screen opened.txt
Esc
save-screen listed.txt
Esc
save-screen shut.txt
SCRIPT
shows made.txt "made of this run: 5"
grep -qE "^▶ evaluation on torn.jsonl +failed: " "$work/made.txt" || { fail "no failed evaluation"; cat "$work/made.txt"; }
grep -qE "evaluation on data.txt +loss $loss, perplexity" "$work/made.txt" || { fail "no evaluation"; cat "$work/made.txt"; }
grep -qE "export: .*model-1: the model after step 4" "$work/made.txt" || fail "no export"
shows opened.txt "evaluation of real: completed"
shows opened.txt "loss $loss, perplexity"
hides listed.txt "evaluation of real"
grep -qE "^▶ evaluation on data.txt" "$work/listed.txt" || { fail "Esc does not go back to the list, where one was"; cat "$work/listed.txt"; }
hides shut.txt "made of this run"
"$binary" jobs delete --yes real-eval >"$work/out" 2>&1 || { fail "not deleted"; cat "$work/out"; }
[ ! -e "$XDG_STATE_HOME/spectrum/made/real-eval" ] || fail "its folder is there"

# What has lines is one line there.
lines=$XDG_STATE_HOME/spectrum/made/real-lines
mkdir -p "$lines/requests"
echo "{\"command\": \"generate\", \"model\": \"$work/real\", \"arguments\": [\"generate\", \"--prompt\", \"one\\ntwo\"]}" >"$lines/job.json"
echo '{"status": "completed", "message": "completed"}' >"$lines/result.json"
echo '{"format": "spectrum.generation", "prompt": "one\ntwo", "text": "\tthree\u0007"}' >"$lines/output.json"
printf '%s' "$lines" >"$XDG_STATE_HOME/spectrum/jobs/lines"
play 132x43 real <<<$'v\nsave-screen lines.txt'
grep -qE "trial of a prompt: one two +one two three\?" "$work/lines.txt" || { fail "lines of a text"; cat "$work/lines.txt"; }
rm -r "$lines" "$XDG_STATE_HOME/spectrum/jobs/lines"

# More steps: of a run that has ended, by a number.
play 80x24 real <<'SCRIPT'
:more-steps none Enter
save-screen none.txt
M
type "3"
Enter
wait step 7
wait text "completed"
save-screen more.txt
SCRIPT
shows none.txt 'how many steps more? A number above 0, not "none"'
shows more.txt "step 7 of 7"

# A run that was stopped early would end before its planned steps: which step it leads to is said while
# the number is typed, and asked about; the command says it, too.
sed -i 's/"steps": *7/"steps": 90/' "$work/real/job.json"
play 80x24 real <<'SCRIPT'
M
save-screen stands.txt
type "10"
save-screen typed.txt
Enter
save-screen early.txt
n
save-screen early-no.txt
SCRIPT
says stands.txt "it stands at step 7 of 90: 83 more reach its planned end, as r does"
says typed.txt "after step 7, to step 17 and not to its planned 90"
says early.txt "resume it after step 7, to step 17 and not to its planned 90? (y/n)"
says early-no.txt "nothing was done"
sed -i 's/"steps": 90/"steps": 7/' "$work/real/job.json"

# A run that this user has not approved is shown first, and a no leaves it.
rm -r "$XDG_STATE_HOME/spectrum/approved"
play 80x24 real <<'SCRIPT'
:more-steps 2 Enter
save-screen asked.txt
n
save-screen no.txt
:more-steps 2 Enter
y
wait step 9
wait text "completed"
save-screen yes.txt
SCRIPT
says asked.txt "resume it? it"
shows no.txt "step 7 of 7"
shows yes.txt "step 9 of 9"

# One that works says how far it is, and is stopped as any job is.
printf 'Once upon a time there was a dog. %.0s' $(seq 1 40000) >"$work/long.txt"
(cd "$work" && printf 'e\ntype "long.txt"\nEnter\nwait text "evaluating"\nsave-screen works.txt\nwait text "stopped"\nsave-screen stopped.txt\n' >long &&
  "$binary" --script long --size 80x24 real 2>long.err) &
player=$!
wait_until [ -f "$work/works.txt" ] || fail "it does not evaluate"
"$binary" stop real-eval >"$work/out" 2>&1 || { fail "no stop"; cat "$work/out"; }
wait $player || { fail "the player: $?"; cat "$work/long.err"; }
shows works.txt "evaluation of real: evaluating"
shows stopped.txt "evaluation of real: stopped"

# A run that works is let work; a scan is no model.
mkdir -p "$work/busy/requests" "$work/scan/requests"
echo '{"command": "train", "model": "m", "steps": 9}' >"$work/busy/job.json"
echo '{"command": "scan", "model": "m"}' >"$work/scan/job.json"
echo '{"host": "another.machine", "pid": 1, "boot_id": "x", "start_time": 1}' >"$work/busy/lock"
echo '{"step": 1, "loss": 2, "step_s": 0.5}' >"$work/busy/metrics.jsonl"
play 80x24 busy <<<'save-screen busy-keys.txt'
play 80x24 busy <<'SCRIPT'
:evaluate data.txt Enter
save-screen busy.txt
:more-steps 3 Enter
save-screen added.txt
SCRIPT
shows busy.txt "step 1 of 9 · at least 4 s left"
touch "$work/busy/requests/paused"
play 80x24 busy <<<'save-screen pauses.txt'
shows pauses.txt "paused on another machine"
hides pauses.txt " left"

# The key line has what would be obeyed now, and no more; what was asked and is not taken yet is said.
shows busy-keys.txt "p pause"
hides busy-keys.txt "y try"
hides busy-keys.txt "r resume"
shows pauses.txt "p go on"
shows pauses.txt "E export"
hides ended.txt "r resume"
hides ended.txt "p pause"
"$binary" pause "$work/busy" >"$work/out" 2>&1
[ $? -eq 1 ] && grep -q "paused on another machine; there is nothing to pause" "$work/out" || { fail "a pause of a pause"; cat "$work/out"; }
"$binary" stop "$work/busy" 2>/dev/null || fail "no request to stop"
play 80x24 busy <<<'save-screen pending.txt'
shows pending.txt "paused on another machine, asked to stop"
shows busy.txt "it ends or pauses first"
shows added.txt "stop it before more steps are added"

# What a folder says that is not ours reaches the terminal as text alone.
mkdir -p "$work/odd/requests"
echo '{"format": "spectrum.job", "command": "generate", "model": "m\u001b[31m"}' >"$work/odd/job.json"
echo '{"status": "completed", "message": "completed"}' >"$work/odd/result.json"
echo '{"format": "spectrum.generation", "prompt": "a\u001b]0;b\u0007", "text": "c\u009b31m"}' >"$work/odd/output.json"
play 80x24 odd <<<'save-screen odd.txt'
LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f]|\xc2\x9b' "$work/odd.txt" && fail "controls reach the screen"
echo "$failures failed"
[ $failures -eq 0 ]
