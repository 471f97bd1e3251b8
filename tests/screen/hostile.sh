#!/usr/bin/env bash
# Files that lie, on the screen: nothing breaks, and no control character of theirs is drawn.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
source "${BASH_SOURCE[0]%/*}/common.bash"
play_plain() { # play_plain SIZE TARGET, script on standard input
  play "$1" "$2"
  for file in "$work"/*.txt; do
    LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$file" && fail "$file has a control character"
  done
}

# A job whose numbers and texts are absurd.
job=$work/job
mkdir -p "$job/requests"
long=$(head -c 300000 /dev/zero | tr '\0' 'x')
{
  printf 'not json\n{"step": 9007199254740992, "loss": 1e308, "lr": -1e308}\n'
  printf '{"step": 1, "loss": -3}\n{"step": 2, "loss": "no", "memory_bytes": 7}\n'
  printf '{"step": 3, "loss": 1e-320, "step_s": -5, "memory_bytes": {"weights": -1, "masters": 9e15, "gradients": "x"}}\n'
  printf '{"step": 4, "eval_loss": 1e308}\n{"step": -7, "loss": 2}\n[]\n""\n\n'
  printf '{"event": "sample", "step": 3, "text": "\\u001b[2J\\u009b31m\\u202e%s"}\n' "$long"
  printf '{"event": 5}\n{"step": 5, "loss": 1'
} >"$job/metrics.jsonl"
printf '{"command": "\\u001b]0;x\\u0007", "model": 3, "method": "\\u001bc", "steps": 1e308}' >"$job/job.json"
printf '{"trained": {"a": 1, "b": {"parameters": -5, "gradient_norm": 0}}}' >"$job/proof.json"
printf '{"phase": "\\u001b[2Jeval", "done": 1e300, "total": -1, "unit": 5, "step": "x"}' >"$job/progress.json"
printf '{"status": "failed", "message": "\\u001b[31mred", "last_step": "x"}' >"$job/result.json"
printf 'spectrum: \033[31m\377 odd\n' >"$job/log.txt"
for size in 80x24 60x16 200x50; do
  play_plain $size "$job" <<'SCRIPT'
save-screen a.txt
x
save-screen b.txt
p c S S x ? Esc
save-screen c.txt
SCRIPT
done
# A reason is whole, over as many lines as it takes.
mkdir -p "$work/failed/requests"
printf '{"command": "train", "model": "m", "method": "full", "steps": 10}' >"$work/failed/job.json"
printf '{"status": "failed", "message": "the template writes <a> and <b>, %s: --add-tokens makes them tokens", "last_step": -1}' \
  "$(printf 'which is long %.0s' $(seq 12))" >"$work/failed/result.json"
play_plain 80x24 "$work/failed" <<'SCRIPT'
save-screen reason.txt
SCRIPT
says reason.txt "● failed"
says reason.txt "--add-tokens makes them tokens"
grep -qF 'odd' "$work/a.txt" || fail "the failure's reason is not shown"
{
  printf '{"trained": {"x": {"parameters": 9007199254740992}'
  printf ', "x%d": {"parameters": 9007199254740992}' $(seq 1099)
  printf '}}'
} >"$job/proof.json"
play_plain 80x24 "$job" <<'SCRIPT'
save-screen sum.txt
SCRIPT
grep -qF 'trains 1100 tensors, 9.91e+18 parameters' "$work/sum.txt" ||
  { fail "the sum of absurd counts:"; cat "$work/sum.txt"; }
for steps in 0 -1 '"x"' null; do
  printf '{"steps": %s}' "$steps" >"$job/job.json"
  printf '{"status": "killed", "message": "killed by signal 9 (Killed) at step 3"}' >"$job/result.json"
  play_plain 80x24 "$job" <<'SCRIPT'
save-screen d.txt
SCRIPT
  grep -qF 'killed by signal 9' "$work/d.txt" || fail "the signal is not shown"
done

# Scans with odd scores, shapes, names and layers.
cat >"$work/odd.json" <<'JSON'
{"m.0.你好": {"snr": 0, "type": "你好你好你好"}, "m.4095.你好": {"snr": -3, "type": "你好你好你好"},
 "m.1.b": {"snr": Infinity, "type": "b"}, "m.2.b": {"snr": NaN, "type": "b"},
 "m.3.b": {"snr": 1e308, "type": "b", "rows": 1, "cols": 4398046511104, "sigma_max": 1e308, "sigma": 0, "threshold": -1,
           "signal_count": 0, "noise_count": 1, "parameters": 4398046511104},
 "m.4.b": {"snr": 1e-320, "type": "b"}, "lm_head": {"snr": 1, "type": "lm_head"}}
JSON
for size in 80x24 60x16 200x50; do
  play_plain $size odd.json <<'SCRIPT'
save-screen e.txt
l l l Enter p x q $ j j s o r c e H v h k Space u Ctrl-R + - %100 Enter
save-screen f.txt
w out.yaml Enter
R out.yaml Enter
save-screen g.txt
SCRIPT
done
printf '{"m.4096.b": {"snr": 1, "type": "b"}}' >"$work/wide.json"
: >"$work/empty"
(cd "$work" && "$binary" --script empty wide.json) 2>"$work/err" && fail "4097 layers"
grep -q 'cannot be shown' "$work/err" || { fail "wide.json:"; cat "$work/err"; }
echo "$failures failed"
[ $failures -eq 0 ]
