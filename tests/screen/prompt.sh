#!/usr/bin/env bash
# The prompt: editing, what was typed before, proposals on Tab; and pasted texts, which are text.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
cp -rL "$2/demo/model" "$work/small"
mkdir -p "$work/runs/first" "$work/runs/final"
echo x >"$work/runs/notes.txt"

# Keys go to where the cursor is; words are words.
play 80x24 small <<'SCRIPT'
wait scan
:top 130 Left Left Backspace
save-screen edited.txt
Ctrl-A Ctrl-K
type "metric stable-ramk"
Left Backspace
type "n"
Enter
save-screen metric.txt
:write one two Ctrl-W Alt-B Ctrl-U
save-screen cut.txt
Esc
SCRIPT
grep -q "^:top 30" "$work/edited.txt" || { fail "the line was not edited"; tail -n 1 "$work/edited.txt"; }
shows metric.txt "m colour: stable rank"
grep -q "^:one *$" "$work/cut.txt" || { fail "words were not cut"; tail -n 1 "$work/cut.txt"; }

# Up and Down walk through lines of the same kind, of this sitting and of those before it.
play 80x24 small <<'SCRIPT'
wait scan
:top 40 Enter
:top 50 Enter
/gate Enter
:beg Up Up
save-screen older.txt
Down Down
save-screen begun.txt
Esc
/ Up
save-screen search.txt
Esc
SCRIPT
grep -q "^:top 40" "$work/older.txt" || { fail "Up has not the line before"; tail -n 1 "$work/older.txt"; }
grep -q "^:beg" "$work/begun.txt" || { fail "Down has not what was begun"; tail -n 1 "$work/begun.txt"; }
grep -q "^search TEXT: gate" "$work/search.txt" || { fail "a search is not remembered"; tail -n 1 "$work/search.txt"; }
file=$XDG_STATE_HOME/spectrum/history/prompt
[ "$(stat -c %a "$file")" = 600 ] || fail "the history can be read by others"
play 80x24 small <<'SCRIPT'
wait scan
: Up
save-screen again.txt
Esc
SCRIPT
grep -q "^:top 50" "$work/again.txt" || { fail "the history did not outlive its sitting"; tail -n 1 "$work/again.txt"; }

# It is bounded, and a line that is none, or has what a terminal must not get, is left out.
{
  printf 'torn\ncommand \033[31mred\n'
  for i in $(seq 1 1500); do echo "command top $((i % 90)).$i"; done
} >"$file"
play 80x24 small <<'SCRIPT'
wait scan
: Up
save-screen many.txt
Esc
SCRIPT
grep -q "^:top 60.1500" "$work/many.txt" || { fail "the newest is not first"; tail -n 1 "$work/many.txt"; }
[ "$(wc -l <"$file")" -eq 500 ] || fail "the history has $(wc -l <"$file") lines"

# Where it cannot be kept the sitting has its own.
rm -rf "$XDG_STATE_HOME/spectrum/history"
: >"$XDG_STATE_HOME/spectrum/history"
play 80x24 small <<'SCRIPT'
wait scan
:top 40 Enter
: Up
save-screen own.txt
Esc
SCRIPT
grep -q "^:top 40" "$work/own.txt" || { fail "no history without a folder"; tail -n 1 "$work/own.txt"; }
rm "$XDG_STATE_HOME/spectrum/history"

# Tab: commands of this screen, and what they take.
play 80x24 small <<'SCRIPT'
wait scan
:sc Tab
save-screen commands.txt
Ctrl-U
type "dev"
Tab
save-screen command.txt
Tab
save-screen devices.txt
Ctrl-U
type "metric s"
Tab
save-screen metrics.txt
Ctrl-U
type "theme l"
Tab Enter
save-screen theme.txt
:write runs/ Tab
save-screen paths.txt
type "fir"
Tab
save-screen path.txt
Ctrl-U
type "write ~/ru"
Tab
save-screen home.txt
Ctrl-U
type "zz"
Tab
save-screen none.txt
Esc
SCRIPT
shows commands.txt "scale  scope"
grep -q "^:sc" "$work/commands.txt" || fail "the line is gone below its proposals"
grep -q "^:device" "$work/command.txt" || { fail "device was not completed"; tail -n 1 "$work/command.txt"; }
shows devices.txt "reference"
for name in sigma-max snr spikes stable-rank; do shows metrics.txt "$name"; done
shows theme.txt "theme: light"
shows paths.txt "final/"
shows paths.txt "notes.txt"
grep -q "^:write runs/first/" "$work/path.txt" || { fail "no path"; tail -n 1 "$work/path.txt"; }
grep -q "^:write ~/runs/" "$work/home.txt" || { fail "no path from home"; tail -n 1 "$work/home.txt"; }

# With several left, Tab and arrows choose and Enter takes one, without running the line; Esc and any
# other key close the list.
play 80x24 small <<'SCRIPT'
wait scan
:metric s Tab
Tab Tab Up Enter
save-screen chosen.txt
Enter
save-screen ran.txt
:metric s Tab Esc
save-screen closed.txt
Tab
type "n"
save-screen other.txt
Esc
SCRIPT
grep -q "^:metric snr *$" "$work/chosen.txt" || { fail "Tab does not choose"; tail -n 3 "$work/chosen.txt"; }
shows ran.txt "m colour: SNR"
grep -q "^:metric s *$" "$work/closed.txt" || { fail "Esc closed more than the list"; tail -n 3 "$work/closed.txt"; }
grep -q "^:metric sn *$" "$work/other.txt" || { fail "a key was not typed"; tail -n 3 "$work/other.txt"; }
grep -q "stable-rank" "$work/other.txt" && fail "the list is still open"

# An undo brings back what was cut.
play 80x24 small <<'SCRIPT'
wait scan
:write one two Ctrl-U
Ctrl-_
save-screen undone.txt
Esc
SCRIPT
grep -q "^:write one two *$" "$work/undone.txt" || { fail "no undo"; tail -n 1 "$work/undone.txt"; }

shows none.txt 'nothing to propose begins with "zz"'

# A pasted text is text at the prompt, with its line ends as blanks, and nothing elsewhere.
play 80x24 small <<'SCRIPT'
wait scan
paste "qQ\n:quit\n"
save-screen nowhere.txt
:
paste "top\n35\n"
save-screen pasted.txt
Enter
save-screen done.txt
:
paste "top \e[31m5"
save-screen escape.txt
Esc
SCRIPT
says nowhere.txt "the pasted text is not taken: nothing is typed into here"
grep -q "^:top 35" "$work/pasted.txt" || { fail "nothing was pasted"; tail -n 1 "$work/pasted.txt"; }
shows done.txt "35 % of each type:"
says escape.txt "its byte 5 is a control character (27)"
grep -q "^: *$" "$work/escape.txt" || { fail "a part was taken"; tail -n 1 "$work/escape.txt"; }

# What a line has no room for is not taken in part.
long=$(printf 'x%.0s' $(seq 1 600))
play 80x24 small <<SCRIPT
wait scan
:
paste "$long"
save-screen long.txt
Esc
SCRIPT
says long.txt "it has 600 bytes, and a line at most 511"

# What a command does not take is refused by its name, and nothing is done: shows FILE COMMAND MESSAGE.
takes() {
  play 80x24 small <<<$'wait scan\n:top 40 Enter\n'":$1 Enter"$'\nsave-screen takes.txt\n'
  says takes.txt "$2"
  shows takes.txt "40 % of each type"
}
takes "scope zz" 'scope takes nothing, and "zz" follows it'
takes "embeddings  junk" 'embeddings takes nothing, and "junk" follows it'
takes "undo 5" 'undo takes nothing, and "5" follows it'
takes "more x y" 'more takes nothing, and "x y" follows it'
takes "quit now" 'quit takes nothing, and "now" follows it'
takes "write plan --type" 'write takes FILE and no options, and "--type" looks like one; in quotes it is part of a name'
takes "write -o plan" 'write takes FILE and no options, and "-o" looks like one'
takes 'write ""' 'write takes FILE, and nothing is between the quotes'
takes 'write "plan' 'write takes FILE: the quote before it is not closed'
takes "top 30 x" '"30 x" is not a percentage from 0 to 100'
takes "theme dark light" 'theme "dark light" was not found'
ls "$work" | grep -q plan && fail "a file was written: $(ls "$work")"

# A path is the rest of the line, and what stands in quotes, whatever that is.
play 80x24 small <<'SCRIPT'
wait scan
:write   a plan.yaml   Enter
:write "b --type x.yaml" Enter
w
type "  c - d.yaml  "
Enter
:write "runs/fi Tab
save-screen quoted.txt
Esc Esc
:top 45 % Enter
save-screen percent.txt
SCRIPT
for name in "a plan" "b --type x" "c - d"; do
  [ -f "$work/$name.yaml" ] || fail "no $name.yaml, but $(ls "$work")"
done
shows quoted.txt "first/"
shows percent.txt "45 % of each type"

# A script or a theme is a text: at a NUL byte the rest of it would go without a word.
printf 'wait scan\n:top \0 40\n' >"$work/nul"
(cd "$work" && "$binary" --script nul --size 80x24 small) 2>"$work/err"
[ $? -eq 1 ] && grep -q "^spectrum: nul:2: a NUL byte" "$work/err" || { fail "a script with a NUL byte"; cat "$work/err"; }
mkdir -p "$work/.config/spectrum/themes"
printf 'text = #ffffff\n\0dim = wrong\n' >"$work/.config/spectrum/themes/torn.theme"
play 80x24 small <<<$'wait scan\n:theme torn Enter\nsave-screen torn.txt'
grep -oE "[^ ]+" "$work/torn.txt" | tr -d '\n' | grep -qF "torn.theme:2:aNULbyte" || { fail "a theme with a NUL byte"; cat "$work/torn.txt"; }

echo "$failures failed"
[ $failures -eq 0 ]
