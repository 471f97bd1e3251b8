#!/usr/bin/env bash
# Messages are shown whole, over several lines where one is too short; what the frame says; keys of
# other screens say that they are.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=${SPECTRUM_SHARED_DATA:-}/models/stories260K-hf-f32
[ -d "$model" ] || { echo "SKIPPED: no shared data"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state HOME=$work
failures=0
fail() {
  echo "FAILED: $*"
  failures=$((failures + 1))
}
shows() { # shows FILE TEXT; lines are joined
  tr -s '\n ' '  ' <"$work/$1" | grep -qF -- "$2" ||
    { fail "$1 does not show \"$2\":"; cat "$work/$1"; }
}
play() { # play SIZE, script on standard input
  (cd "$work" && cat >script && "$binary" --script script --size "$1" "$model") 2>"$work/err" ||
    { fail "playing at $1 ended with $?"; cat "$work/err"; }
}

long=a-folder-with-a-long-name/and-one-more-below-it/and-yet-another-one
for size in 60x16 80x24; do
  play $size <<SCRIPT
wait scan
:read $long/$long/$long/plan.json Enter
save-screen error.txt
:theme nothing-that-there-is-and-with-a-name-so-long-that-it-fills-the-line Enter
save-screen theme.txt
SCRIPT
  shows error.txt "No such file or directory"
  shows error.txt "…"
  shows theme.txt "there are dark, light and mono"
  shows theme.txt "7 of 35"
  [ "$(wc -L <"$work/error.txt")" -le "${size%x*}" ] || fail "a line is wider than $size"
done

play 80x24 <<'SCRIPT'
wait scan
save-screen percent.txt
:top 40 Enter
save-screen forty.txt
/embed Enter
save-screen embed.txt
Enter
w
save-screen w.txt
j R
save-screen R.txt
SCRIPT
shows percent.txt "25 %: trains 7 of 35 matrices"
shows percent.txt "memory"
shows percent.txt "models/stories260K-hf-f32"
shows forty.txt "40 %: trains 14 of 35 matrices"
shows embed.txt "e trains or freezes the embeddings"
shows w.txt '"write" has no meaning on this screen: Esc goes back'
shows R.txt '"read" has no meaning on this screen'

play 60x16 <<'SCRIPT'
wait scan
save-screen brief.txt
SCRIPT
grep -qE '^ 25 %: 7 of 35 · 78,080 params .* · [0-9.]+ MB$' "$work/brief.txt" ||
  { fail "the status line is cut"; cat "$work/brief.txt"; }

for i in 1 2 3; do echo "{\"text\": \"Once upon a time $i.\"}"; done >"$work/data.jsonl"
hf=$model model=$SPECTRUM_SHARED_DATA/models/stories260K-gguf/stories260K-F16.gguf
NO_COLOR=1 play 80x24 <<'SCRIPT'
wait scan
t data.jsonl <Ctrl-D>
save-screen mono.txt
SCRIPT
shows mono.txt "supervised: underlined"

# Typed without its folder, a model is called by that, too.
ln -s "$hf" "$work/model"
model=model
play 80x24 <<'SCRIPT'
save-screen title.txt
SCRIPT
shows title.txt "spectrum model ${work##*/}/model"

echo "$failures failed"
[ $failures -eq 0 ]
