#!/usr/bin/env bash
# Runs of other tools on the screen: `:attach` of a path that means several offers them, with tool and last step; Enter
# watches one, Esc none; the library says whose run a row is and where its log lies. Arguments: binary, source folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
export OMP_NUM_THREADS=1 HOME=$work
lacks() { grep -qF -- "$2" "$work/$1" && { fail "$1 shows \"$2\":"; cat "$work/$1"; }; }
for run in alpha beta; do
  mkdir -p "$work/sweep/$run"
  printf '{"current_steps": 1, "total_steps": 9, "loss": 3.5}\n{"current_steps": 4, "total_steps": 9, "loss": 2.5}\n' \
    >"$work/sweep/$run/trainer_log.jsonl"
done
echo '{"current_steps": 7, "total_steps": 9, "loss": 2.25}' >>"$work/sweep/alpha/trainer_log.jsonl"
touch -d '190 minutes ago' "$work/sweep/alpha/trainer_log.jsonl"
mkdir "$work/one"
echo '{"step": 5, "loss": 1.5}' >"$work/one/run.jsonl"

# A list to choose from; what is under the cursor is there with its path. Esc attaches nothing.
play 80x24 <<'SCRIPT'
:attach sweep Enter
wait text " 7 "
save-screen list.txt
Esc
save-screen back.txt
SCRIPT
shows list.txt "2 runs in sweep"
grep -qE '^▶   beta +LLaMA-Factory +4 +[0-9]+ s' "$work/list.txt" || { fail "the newest is not first:"; cat "$work/list.txt"; }
grep -qE '^    alpha +LLaMA-Factory +7 +3 h' "$work/list.txt" || { fail "what is known of alpha:"; cat "$work/list.txt"; }
shows list.txt "~/sweep/beta/trainer_log.jsonl"
[ ! -e "$XDG_STATE_HOME/spectrum/attached" ] || fail "looking at the list attaches"
shows back.txt "spectrum library"

# The one that is chosen is watched, and is in the library by its name, its tool, and where its log lies.
play 80x24 <<'SCRIPT'
:attach sweep Enter
/alpha Enter
Enter
wait text "step 7 of 9"
save-screen watch.txt
Esc
wait text "run of"
save-screen library.txt
:attach one Enter
wait text "step 5"
save-screen one.txt
SCRIPT
shows watch.txt "LLaMA-Factory · alpha · "
shows watch.txt "attach alpha · LLaMA-Factory"
grep -qE '^▶ alpha .*LLaMA-F' "$work/library.txt" || { fail "the row does not say the tool:"; cat "$work/library.txt"; }
grep -qE '^run of LLaMA-Factory, .* · ~/sweep/alpha/trainer_log.jsonl' "$work/library.txt" || { fail "nor where the log is:"; cat "$work/library.txt"; }
lacks library.txt "is not a job's folder"
shows one.txt "step 5" # of one run nothing is asked

# In a wide window both stand in the row; any of it filters; a narrow one has the list, too.
play 200x20 <<'SCRIPT'
wait text "LLaMA-Factory"
save-screen wide.txt
f llama
save-screen filtered.txt
SCRIPT
grep -qE 'alpha · LLaMA-Factory .*~/sweep/alpha/trainer_log.jsonl *$' "$work/wide.txt" || { fail "the wide row:"; cat "$work/wide.txt"; }
lacks filtered.txt "JSON lines"
play 60x16 <<'SCRIPT'
:attach sweep Enter
wait text " 7 "
save-screen narrow.txt
SCRIPT
grep -qE '^    alpha +LLaMA-Factory +7 +3 h' "$work/narrow.txt" || { fail "the narrow list:"; cat "$work/narrow.txt"; }

# What cannot be attached is said.
play 80x24 <<'SCRIPT'
:attach nowhere Enter
save-screen nowhere.txt
SCRIPT
says nowhere.txt "nowhere is not a job's folder"
for job in "$XDG_STATE_HOME"/spectrum/attached/*; do
  "$binary" stop "$job" 2>/dev/null
done
[ $failures -eq 0 ]
