#!/usr/bin/env bash
# Messages are shown whole, over several lines where one is too short; what the frame says; keys of
# other screens say that they are.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=${SPECTRUM_SHARED_DATA:-}/models/stories260K-hf-f32
[ -d "$model" ] || { echo "SKIPPED: no shared data"; exit 77; }
source "${BASH_SOURCE[0]%/*}/common.bash"

long=a-folder-with-a-long-name/and-one-more-below-it/and-yet-another-one
for size in 60x16 80x24; do
  play $size "$model" <<SCRIPT
wait scan
:read $long/$long/$long/plan.json Enter
save-screen error.txt
:theme nothing-that-there-is-and-with-a-name-so-long-that-it-fills-the-line Enter
save-screen theme.txt
SCRIPT
  says error.txt "No such file or directory"
  says error.txt "…"
  says theme.txt "there are dark, light and mono"
  says theme.txt "7 of 35"
  [ "$(wc -L <"$work/error.txt")" -le "${size%x*}" ] || fail "a line is wider than $size"
done

play 80x24 "$model" <<'SCRIPT'
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
says percent.txt "25 % of each type: trains 7 of 35 matrices"
says percent.txt "MiB"
says percent.txt "models/stories260K-hf-f32"
says forty.txt "40 % of each type: 14 of 35"
says embed.txt "e trains or freezes the embeddings"
says w.txt '"write" has no meaning on this screen: Esc goes back'
says R.txt '"read" has no meaning on this screen'

play 60x16 "$model" <<'SCRIPT'
wait scan
save-screen brief.txt
SCRIPT
grep -qE '^ 25 %/type: 7 of 35 · 78,080 params .* · [0-9.]+ MiB$' "$work/brief.txt" ||
  { fail "the status line is cut"; cat "$work/brief.txt"; }

for i in 1 2 3; do echo "{\"text\": \"Once upon a time $i.\"}"; done >"$work/data.jsonl"
gguf=$SPECTRUM_SHARED_DATA/models/stories260K-gguf/stories260K-F16.gguf
NO_COLOR=1 play 80x24 "$gguf" <<'SCRIPT'
wait scan
t data.jsonl <Ctrl-D>
save-screen mono.txt
SCRIPT
says mono.txt "supervised: underlined"

# Typed without its folder, a model is called by that, too.
ln -s "$model" "$work/model"
play 80x24 model <<'SCRIPT'
save-screen title.txt
SCRIPT
says title.txt "spectrum model ${work##*/}/model"

echo "$failures failed"
[ $failures -eq 0 ]
