#!/bin/bash
# What commands say of jobs: each thing once, a name that is none by name, numbers of any file in few
# characters; and a start that was refused leaves nothing behind.
set -eu
spectrum=$1 source=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
cd "$work"

fail() {
    echo "$1" >&2
    cat said >&2 2>/dev/null || true
    exit 1
}
says() { grep -qF -- "$1" said || fail "it does not say \"$1\""; }
refuses() { # refuses STATUS "WHAT IT SAYS" COMMAND...
    local got=0
    "$spectrum" "${@:3}" >said 2>&1 || got=$?
    [ $got = "$1" ] || fail "${*:3}: exit $got"
    says "$2"
}

head -c 4000 "$source/demo/text/shakespeare.txt" >text.txt
model=$source/demo/model
options=(--data text.txt --select last:1 --seq-len 32 --accumulate 1 --eval-split 0 --sample-tokens 0 --threads 1)
"$spectrum" train "$model" "${options[@]}" --steps 2 --run done 2>said || fail "it does not train"

# --- names ---

for command in info attach resume "jobs delete" "plan" export; do
    # shellcheck disable=SC2086
    refuses 2 'an argument is empty ("")' $command ""
done
refuses 2 '-o takes the name of a file or a folder, not ""' export done -o ""
refuses 2 '--run takes the name of a file or a folder, not ""' train "$model" "${options[@]}" --run ""
refuses 2 '-o takes a place in the file system' export done -o -
[ ! -e ./- ] || fail "a folder - was made"
"$spectrum" train "$model" "${options[@]}" --steps 3 --json --steps=4 --threads 1 --dry-run >out 2>said || fail "twice"
says '--steps is given twice: "4" counts, the last, and not "3"'
grep -q '"steps": 4' out || fail "the first one counts"
grep -q -- '--threads is given\|--data is given\|--json is given' said && fail "what is one value is said to be two"
refuses 1 'done is a job'"'"'s, not a model: `spectrum attach` shows the job' info done
mkdir export && echo '{"command": "export", "arguments": ["export", "x"]}' >export/job.json && mkdir export/requests
refuses 1 'it is an export, and cannot pause' pause export
rm -r export

# --- the list ---

"$spectrum" jobs >said
grep -qE "^completed +train +$work/done$" said || fail "the state is not in front"
grep -qE '^ +step 2 of 2$' said || fail "how far it came is not said, or more than once"
[ "$(grep -c completed said)" = 1 ] || fail "it is said twice that it is completed"
mkdir -p waits/requests
echo '{"command": "train", "model": "m", "steps": 5, "arguments": ["train"]}' >waits/job.json
printf '{"host": "another.machine", "pid": 1, "boot_id": "x", "start_time": 1}' >waits/lock
printf '%s' "$work/waits" >"$XDG_STATE_HOME/spectrum/jobs/1"
"$spectrum" jobs --json >said
grep -q "\"job\": \"$work/waits\", .*\"step\": 0, \"steps\": 5" said || fail "--json: another step than the list has"
"$spectrum" jobs >said
says "step 0 of 5"
rm -r waits "$XDG_STATE_HOME/spectrum/jobs/1"

# --- what would go ---

"$spectrum" jobs delete --dry-run done >paths 2>said
grep -qE "^1 job, $(find done -type f | wc -l) files, [0-9.]+ [KM]iB would go$" said || fail "not how much would go"
[ -e done/job.json ] || fail "it is gone"

# --- numbers of any file ---

cp -r done large
printf '{"step": 3, "loss": 1e308, "grad_norm": 1, "tokens_per_s": 1e308}\n{"step": 3, "eval_loss": 1e308, "eval_tokens": 1e308}\n' \
    >>large/metrics.jsonl
"$spectrum" attach large >said 2>&1 || true
says "loss 1e+308"
says "evaluation loss 1e+308 over 1e+308 tokens"
[ "$(wc -L <said)" -lt 120 ] || fail "a number has hundreds of digits"
rm -r large

# --- a start that is refused ---

left() { # left NAME: it is not there, and not listed
    [ ! -e "$1" ] || fail "$1 is left: $(find "$1")"
    "$spectrum" jobs >listed 2>&1
    if grep -q "$work/$1" listed; then fail "$1 is listed"; fi
}
if (ulimit -n 8 && "$spectrum" train "$model" "${options[@]}" --steps 2 --run few 2>said); then fail "it trains"; fi
says "Too many open files"
left few
cp -r "$model" nan
weights=nan/model.safetensors
chmod u+w nan "$weights"
printf '\xc0\x7f\xc0\x7f' | dd of="$weights" bs=1 seek=$((8 + $(od -An -tu8 -N8 "$weights"))) conv=notrunc status=none
refuses 1 "NaN at row 0" train nan "${options[@]}" --steps 2 --run late
left late
mkdir mine
echo notes >mine/notes
refuses 1 "NaN at row 0" train nan "${options[@]}" --steps 2 --run mine
[ "$(cat mine/notes)" = notes ] || fail "the user's own file is gone"
"$spectrum" train "$model" "${options[@]}" --steps 1 --run late 2>said || fail "the name is not free"

# --- layers by their numbers ---

"$spectrum" info "$source/demo/model" --json >said
grep -o '"name": "model.layers.[0-9]*' said | grep -o '[0-9]*$' >numbers
sort -nc numbers || fail "layers are not in the order of their numbers"
echo passed
