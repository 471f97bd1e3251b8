#!/bin/bash
# A job's folder may come from anyone: it is shown; nothing in it leads out of it, for reading or for
# writing; and it is resumed without a question only where this user started it.
set -eu
spectrum=$1 source=$2
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
work=$(mktemp -d)
trap 'remove_folder "$work"' EXIT
export HOME=$work/home XDG_STATE_HOME=$work/state XDG_CACHE_HOME=$work/cache
mkdir "$HOME"

fail() {
    echo "$1" >&2
    cat "$work/said" >&2 2>/dev/null || true
    exit 1
}
says() { grep -qF -- "$1" "$work/said" || fail "it does not say \"$1\""; }
resume() { timeout "$(patience 60)" "$spectrum" resume "$@" >"$work/said" 2>&1; }
refuses() { resume "$@" && fail "$1 was resumed"; return 0; }
ended() {
    wait_until test ! -e "$1/lock" || fail "$1 does not end"
}

head -c 4000 "$source/demo/text/shakespeare.txt" >"$work/text.txt"
echo "a secret of the user's" >"$HOME/secret.txt"
cp "$HOME/secret.txt" "$work/secret.txt"
"$spectrum" train "$source/demo/model" --data "$work/text.txt" --run "$work/mine" --select last:1 --steps 2 --save-every 1 \
    --seq-len 32 --accumulate 1 --eval-split 0 --sample-tokens 0 --threads 1 2>"$work/said" || fail "it does not train"

# A job that stopped, of the user's own: gone on with where it is, and where it was moved to.
stopped() { sed -i 's/completed/stopped/g' "$1/result.json"; rm -rf "$1/checkpoints/step-00000002"; }
stopped "$work/mine"
resume "$work/mine" || fail "a run of one's own asks"
ended "$work/mine"
mv "$work/mine" "$work/moved"
stopped "$work/moved"
resume "$work/moved" || fail "a run of one's own that was moved asks"
ended "$work/moved"
stopped "$work/moved"

# Arguments that were not approved, in every spelling: what they read is said, and nothing is run.
other() { # FOLDER ARGUMENT...: a job of this user's that asks for them
    rm -rf "$work/$1"
    cp -r "$work/moved" "$work/$1"
    local list='"train"'
    for argument in "${@:2}"; do list="$list, \"$argument\""; done
    sed -i "s|\"arguments\": \[[^]]*\]|\"arguments\": [$list]|" "$work/$1/job.json"
}
# Options that print something and end: the job's end would be theirs.
for way in --help -h --version -version --dry-run -dry-run "--data --help"; do
    other idle m --data x --steps 2 $way
    cp "$work/idle/result.json" "$work/before.json"
    refuses "$work/idle" --trust
    says "job.json asks for -"
    says 'take it out of "arguments"'
    cmp -s "$work/idle/result.json" "$work/before.json" || fail "$way: it has another result"
done

secret=$HOME/secret.txt
small="--steps 2 --seq-len 32"
for way in "--data $secret" "--data=$secret" "-data=$secret" "--eval-data $secret --data x" "--plan $secret --data x" \
    "--data x --template $secret.jinja" "--init --data $secret" "--some-day $secret" "--data ../home/secret.txt" "--json $secret"; do
    other asks m $small $way
    sed -i "s|\"folder\": \"[^\"]*\"|\"folder\": \"$work/asks\"|" "$work/asks/job.json"
    touch "$secret.jinja"
    refuses "$work/asks"
    says "is resumed with --trust only"
    says "$secret"
    test ! -e "$work/asks/log.txt" || cmp -s "$work/asks/log.txt" "$work/moved/log.txt" || fail "$way: it was started"
done
# What lies in the folder is the folder's own, unless a link in it leads out.
other inside model --data text.txt
sed -i "s|\"folder\": \"[^\"]*\"|\"folder\": \"$work/inside\"|; s|\"model\": \"[^\"]*\"|\"model\": \"model\"|" \
    "$work/inside/job.json"
cp -r "$source/demo/model" "$work/inside/model"
chmod -R go-w "$work/inside"
ln -s "$secret" "$work/inside/text.txt"
refuses "$work/inside"
says "$secret"
rm "$work/inside/text.txt"
mkdir "$work/inside/text.txt"
ln -s "$secret" "$work/inside/text.txt/a.txt"
refuses "$work/inside"
says "with --trust only"
rm -r "$work/inside/text.txt"
cp "$work/text.txt" "$work/inside/text.txt"
resume "$work/inside" || ! grep -q "with --trust only" "$work/said" || fail "a job that names its own files alone asks"
ended "$work/inside"

# What is looked at is what is run: nothing in job.json is left out on the way.
for list in '["train", "--data", 5, "--sample", "../secret"]' '{"a": "train", "b": "m"}' '["train", null, "m"]' '["train", ["m"]]'; do
    other odd m
    sed -i "s|\"arguments\": \[[^]]*\]|\"arguments\": $list|" "$work/odd/job.json"
    refuses "$work/odd" --trust
    says "is not as it was written"
done

# A model that is shown and exported, and another one that would be trained.
rm -rf "$work/two"
cp -r "$work/moved" "$work/two"
cp -r "$source/demo/model" "$work/another"
sed -i "s|\"model\": \"[^\"]*\"|\"model\": \"$work/another\"|" "$work/two/job.json"
cp "$work/two/result.json" "$work/before.json"
refuses "$work/two" --trust
says "contradicts itself: its \"model\" is $work/another, and its \"arguments\" name "
cmp -s "$work/two/result.json" "$work/before.json" || fail "a job that contradicts itself was started"
rm -rf "$work/another"

# Another version's members may mean something else.
for change in '"version": 1/"version": 7' '"version": 1/"version": "1"' 'spectrum.job"/spectrum.other"'; do
    rm -rf "$work/later"
    cp -r "$work/moved" "$work/later"
    sed -i "s/$change/" "$work/later/job.json"
    for command in resume export "jobs delete --yes" attach; do
        output=
        [ "$command" = export ] && output="-o $work/exported"
        # shellcheck disable=SC2086
        # what it has in metrics.jsonl can be looked at all the same
        timeout "$(patience 60)" "$spectrum" $command "$work/later" $output >"$work/said" 2>&1 &&
            [ "$command" != attach ] && fail "$command of $change"
        case $change in
            *7*) says "spectrum.job version 7; this program reads version 1" ;;
            *other*) says 'its format is "spectrum.other"' ;;
            *) says 'its "version" is no whole number' ;;
        esac
    done
done

# Trusted once, it is not asked about again; without a state folder it is asked every time.
cp -r "$work/moved" "$work/trusted"
sed -i 's/"--steps", "2"/"--steps", "2", "--keep", "3"/' "$work/trusted/job.json"
refuses "$work/trusted"
resume "$work/trusted" --trust || fail "--trust does not resume"
ended "$work/trusted"
stopped "$work/trusted"
resume "$work/trusted" || fail "it asks again"
ended "$work/trusted"
stopped "$work/trusted"
XDG_STATE_HOME=/dev/null refuses "$work/trusted"
says "with --trust only"
says "XDG_STATE_HOME can name another place"

# Where others may write to the folder they may put a link in the place of data that were approved.
other common model --data text.txt
sed -i "s|\"folder\": \"[^\"]*\"|\"folder\": \"$work/common\"|; s|\"model\": \"[^\"]*\"|\"model\": \"model\"|" \
    "$work/common/job.json"
cp -r "$source/demo/model" "$work/common/model"
cp "$work/text.txt" "$work/common/text.txt"
chmod 777 "$work/common"
refuses "$work/common"
resume "$work/common" --trust || ! grep -q "with --trust only" "$work/said" || fail "--trust does not resume"
ended "$work/common"
resume "$work/common" || ! grep -q "with --trust only" "$work/said" || fail "it asks again"
ended "$work/common"
ln -sf "$secret" "$work/common/text.txt"
stopped "$work/common"
refuses "$work/common"
says "with --trust only"
says "$secret"

# Links for every file of a job: shown, with what cannot be read in one line, and nothing is written through them.
for file in job.json result.json proof.json progress.json .progress.json.tmp lock metrics.jsonl log.txt plan.yaml \
    requests checkpoints/step-00000001 \
    checkpoints/step-00000001/weights.safetensors checkpoints/.step-x.tmp; do
    for kind in link fifo hard; do
        rm -rf "$work/bad"
        cp -r "$work/moved" "$work/bad"
        cp "$work/moved/job.json" "$work/bad/job.json"
        rm -rf "${work:?}/bad/$file"
        rm -rf "$HOME/thesis"
        mkdir "$HOME/thesis"
        cp "$secret" "$HOME/thesis/chapter"
        target=$secret
        case $file in requests | checkpoints/step-00000001 | *.tmp) target=$HOME/thesis ;; esac
        case $kind in
            link) ln -s "$target" "$work/bad/$file" ;;
            fifo) mkfifo "$work/bad/$file" ;;
            hard) ln "$secret" "$work/bad/$file" ;;
        esac
        timeout "$(patience 20)" "$spectrum" attach "$work/bad" >"$work/said" 2>&1 || test $? != 124 || fail "attach hangs at $file, a $kind"
        case $kind$file in
            linkjob.json | linkproof.json | linkmetrics.jsonl) says "$file is a link; files of a job are never links" ;;
        esac
        timeout "$(patience 20)" "$spectrum" jobs >/dev/null 2>&1 || fail "jobs hangs at $file, a $kind"
        resume "$work/bad" || test $? != 124 || fail "resume hangs at $file, a $kind"
        [ -L "$work/bad/lock" ] || [ -p "$work/bad/lock" ] || [ "$work/bad/lock" -ef "$secret" ] || ended "$work/bad"
        cmp -s "$secret" "$work/secret.txt" || fail "$file, a $kind: the user's file was written"
        test "$(ls "$HOME/thesis")" = chapter || fail "$file, a $kind: the user's folder was changed"
    done
done

# The folder of checkpoints may lie elsewhere, on a larger disk.
cp -r "$work/moved" "$work/far"
mv "$work/far/checkpoints" "$work/disk"
ln -s "$work/disk" "$work/far/checkpoints"
resume "$work/far" || fail "checkpoints of one's own may be a link"
ended "$work/far"
test -d "$work/disk/step-00000002" || fail "no checkpoint came"

# Where they cannot be read (that disk is not mounted) the run does not begin again.
cp -r "$work/moved" "$work/lost"
rm -r "$work/lost/checkpoints"
cp "$work/lost/metrics.jsonl" "$work/before.jsonl"
for way in link file; do
    rm -rf "$work/lost/checkpoints"
    case $way in
        link) ln -s "$work/unmounted/checkpoints" "$work/lost/checkpoints" ;;
        file) echo >"$work/lost/checkpoints" ;;
    esac
    stopped "$work/lost"
    refuses "$work/lost"
    says "cannot read the checkpoints in"
    ended "$work/lost"
    cmp -s "$work/lost/metrics.jsonl" "$work/before.jsonl" || fail "$way: it began again"
done

if [ "$(id -u)" != 0 ]; then
    echo "SKIPPED: folders of another user's need root"
    exit 0
fi
foreign() { # a copy of the run, by another user
    rm -rf "$work/foreign"
    cp -r "$work/moved" "$work/foreign"
    chown -R 4711:4711 "$work/foreign"
}
foreign
chmod 755 "$work"
chmod 700 "$work/foreign"
as_other() { setpriv --reuid=4712 --regid=4712 --clear-groups "$@"; }
if ! as_other test -x "$spectrum"; then
    echo "SKIPPED: a closed folder: other users cannot run $spectrum"
elif as_other "$spectrum" attach "$work/foreign" >"$work/said" 2>&1; then
    fail "a closed folder is shown"
else
    says "cannot look into $work/foreign: Permission denied"
fi
chmod 755 "$work/foreign"
"$spectrum" attach "$work/foreign" >"$work/said" 2>&1 || fail "a foreign job is not shown"
says "step 2/2"
refuses "$work/foreign" # although the same arguments are approved, in a folder of one's own
says "belongs to user 4711, not to you"
says "$work/text.txt"
ln -s "$secret" "$work/foreign/extra.txt"
sed -i "s|$work/text.txt|$work/foreign/extra.txt|g" "$work/foreign/job.json"
chown -R -h 4711:4711 "$work/foreign"
refuses "$work/foreign"
says "$secret"
resume "$work/foreign" --trust || true
ended "$work/foreign"
! grep -rq "a secret" "$work/foreign" --exclude=extra.txt || fail "it was read"
foreign
rm "$work/foreign/metrics.jsonl"
ln -s "$secret" "$work/foreign/metrics.jsonl"
rm "$work/foreign/log.txt" 2>/dev/null || true
ln -s "$secret" "$work/foreign/log.txt"
ln -s "$HOME/thesis" "$work/foreign/checkpoints/.step-9.tmp"
refuses "$work/foreign" --trust
says "is a link"
cmp -s "$secret" "$work/secret.txt" || fail "a foreign link was written through"
test -e "$HOME/thesis/chapter" || fail "a foreign link was removed through"
foreign
resume "$work/foreign" --trust || fail "a foreign job that is trusted is not resumed"
ended "$work/foreign"
stopped "$work/foreign"
resume "$work/foreign" || fail "a foreign job that was trusted asks again"
ended "$work/foreign"
stopped "$work/foreign"
mv "$work/text.txt" "$work/kept.txt"
ln -s "$secret" "$work/text.txt"
refuses "$work/foreign"
says "data: $secret"
rm "$work/text.txt"
mv "$work/kept.txt" "$work/text.txt"
mv "$work/foreign" "$work/elsewhere"
stopped "$work/elsewhere"
refuses "$work/elsewhere"

# As a model, or a run to export, it asks nothing: what is read and written is the command line's. Nothing
# comes into its folder.
foreign
as_model() { # COMMAND...
    timeout "$(patience 60)" "$spectrum" "$@" >"$work/said" 2>&1
}
refuses_model() { # TEXT COMMAND...: and says so, without what the secret is
    as_model "${@:2}" && fail "$2 takes it"
    says "$1"
    if grep -q "a secret" "$work/said"; then fail "$2 shows it"; fi
}
all_commands() { # CHECK...
    "$@" export "$work/foreign" -o "$work/exported"
    "$@" generate "$work/foreign" --prompt Once --tokens 4 --threads 1
    "$@" eval "$work/foreign" --data "$work/text.txt" --seq-len 32 --threads 1
    "$@" train "$work/foreign" --data "$work/text.txt" --run "$work/own" --method full --steps 1 --seq-len 32 \
        --accumulate 1 --eval-split 0 --sample-tokens 0 --threads 1
}
takes_model() { as_model "$@" || fail "$1 asks, or fails"; }
state_of() { find "$work/foreign" -printf '%P %T@ %s %u\n' | sort; }
state_of >"$work/before"
all_commands takes_model
state_of | diff "$work/before" - || fail "something came into another user's folder"
base() { # PATH: what job.json says is its base
    sed -i "s|\"model\": \"[^\"]*\"|\"model\": \"$1\"|" "$work/foreign/job.json"
    chown -R -h 4711:4711 "$work/foreign"
    rm -rf "$work/exported" "$work/own"
}
base "$secret"
all_commands refuses_model "$secret"
mkfifo "$HOME/fifo.safetensors"
base "$HOME/fifo.safetensors"
all_commands refuses_model "fifo.safetensors"
cp -r "$source/demo/model" "$work/other"
chmod -R u+w "$work/other"
truncate -s -8 "$work/other/model.safetensors"
printf '\001\002\003\004\005\006\007\010' >>"$work/other/model.safetensors"
base "$work/other"
all_commands refuses_model "has other weights than those"
foreign
cp "$secret" "$HOME/secret.jinja"
sed -i "s|\"model\": |\"template\": \"$HOME/secret.jinja\", \"model\": |" "$work/foreign/job.json"
chown -R -h 4711:4711 "$work/foreign"
rm -rf "$work/exported" "$work/own"
all_commands refuses_model "chat_template.jinja is gone"
