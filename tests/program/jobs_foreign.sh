#!/bin/bash
# A job's folder may come from anyone: what it holds sends nothing to the terminal and runs nothing.
set -eu
spectrum=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache

fail() {
    echo "$1" >&2
    exit 1
}
is_plain() { ! LC_ALL=C grep -qP '[\x00-\x09\x0b-\x1f\x7f]' "$1"; }

job=$work/job
mkdir -p "$job/requests" "$job/checkpoints"
printf '{"command": "tra\\u001b[2Jin", "model": "m\\u001b]0;x\\u0007", "arguments": ["train"]}' >"$job/job.json"
printf '{"status": "stopped", "message": "\\u001b[2J", "last_step": 3}' >"$job/result.json"
text='\u009b\u202e\u007f\u001b[2J\u0007'
{
    printf '{"step": 3, "loss": 1.5, "lr": "x", "text": "%s"}\n' "$text"
    printf '{"event": "sample", "step": 3, "text": "one%s\\ntwo"}\n' "$text"
    printf '{"event": "row", "module": "m%s\\n", "snr": 2, "done": 1, "total": 9}\n' "$text"
    printf '{"event": "%s"}\n' "$text"
} >"$job/metrics.jsonl"

# In the index, with a path that has an escape sequence of its own.
odd=$work/$(printf 'od\033[2Jd')
cp -r "$job" "$odd"
mkdir -p "$XDG_STATE_HOME/spectrum/jobs"
printf '%s' "$odd" >"$XDG_STATE_HOME/spectrum/jobs/0"
"$spectrum" jobs >"$work/out"
grep -q "stopped .*od?\[2Jd" "$work/out" || fail "the job is not listed: $(cat -v "$work/out")"
is_plain "$work/out" || fail "jobs lets control characters through"
"$spectrum" jobs --json >"$work/out"
is_plain "$work/out" || fail "jobs --json lets control characters through"

"$spectrum" attach "$job" >"$work/out" 2>"$work/err"
is_plain "$work/out" && is_plain "$work/err" || fail "attach lets control characters through"
diff "$work/out" - <<'END' || fail "attach prints other lines: $(cat -v "$work/out")"
step 3  loss 1.5000
step 3  sample:
    one????[2J?
    two
m????[2J??  SNR 2  (1 of 9)
END

# It asks for a command that writes a file of the user's.
echo mine >"$work/file"
printf '{"command": "plan", "arguments": ["plan", "%s", "-o", "%s"]}' "$work/s.json" "$work/file" \
    >"$job/job.json"
printf '{"m.0.a": {"snr": 1, "type": "a"}}' >"$work/s.json"
if "$spectrum" resume "$job" 2>"$work/err"; then fail "a foreign command was resumed"; fi
grep -q "only a training run or a scan" "$work/err" || fail "it says: $(cat "$work/err")"
test "$(cat "$work/file")" = mine || fail "a foreign job wrote a file"

# A folder's name is text of whoever made it, too: an archive with a model, or a run in it.
hostile=$work/$(printf 'na\033[2Jme')
mkdir "$hostile"
cp -r "$source/demo/model" "$hostile/model"
shows() { # COMMAND...: what it says is plain, and has the name in it
    "$spectrum" "$@" >"$work/out" 2>"$work/err" || fail "$1 fails: $(cat -v "$work/err")"
    is_plain "$work/out" && is_plain "$work/err" || fail "$1 lets control characters through"
    cat "$work/out" "$work/err" | grep -qF 'na?[2Jme' || fail "$1 does not name it"
}
head -c 3000 "$source/demo/text/shakespeare.txt" >"$work/text.txt"
options="--data $work/text.txt --steps 1 --seq-len 32 --accumulate 1 --eval-split 0 --sample-tokens 0 --threads 1"
shows info "$hostile/model"
shows train "$hostile/model" $options --dry-run --top 50 --run "$hostile/run"
shows train "$hostile/model" $options --select last:1 --run "$hostile/run"
shows export "$hostile/run" -o "$hostile/out"
