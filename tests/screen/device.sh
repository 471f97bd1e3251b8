#!/usr/bin/env bash
# What computes the scan is shown and chosen: a scan that runs goes on elsewhere with what it has,
# in every window; a device that is not there says so, and another one goes on.
# Arguments: binary, source folder, build folder.
set -uo pipefail
binary=$1
model=$2/demo/model
source "${BASH_SOURCE[0]%/*}/common.bash"
source "${BASH_SOURCE[0]%/*}/../waiting.bash"
export SPECTRUM_PLUGINS=/nowhere # no GPU, whatever this machine has
export OMP_NUM_THREADS=1         # the oracle takes seconds then: time to change one's mind
turn=0
afresh() { # no scan is known, and none that still ends is in the way
  turn=$((turn + 1))
  export XDG_STATE_HOME=$work/state$turn XDG_CACHE_HOME=$work/cache$turn
}
job_has() { # job_has FILE TEXT: of the one scan's job
  grep -qF -- "$2" "$XDG_STATE_HOME"/spectrum/scans/*/"$1" || fail "$1 of the job has no $2"
}
second_window() { # opens the scan as soon as it runs, and stays until it is over
  until grep -q '"row"' "$XDG_STATE_HOME"/spectrum/scans/*/metrics.jsonl 2>/dev/null; do sleep 0.05; done
  (cd "$work" && exec "$binary" --script second --size 80x24 "$model")
}
cat >"$work/second" <<'SCRIPT'
wait text "device: cpu"
wait scan
save-screen second.txt
SCRIPT

# On a fast machine a scan can be over before the script's next key: then the script's wait ends, as
# nothing is under way any more, and it is played again, over a scan of its own. BESIDE: what runs at the same time.
in_time() { # in_time BESIDE SIZE [TARGET], script on standard input
  local beside=$1 script try
  script=$(cat)
  for try in 1 2 3 4; do
    afresh
    $beside &
    (cd "$work" && echo "$script" >script && timeout "$(patience 60)" "$binary" --script script --size "${@:2}") 2>"$work/err" && return
    kill $! 2>/dev/null
  done
  fail "playing ${*:2} did not end: $(cat "$work/err")"
}

# While it runs: by the command, or from the list.
for choice in "80x24 :device cpu Enter" "60x16 d G Enter"; do
  in_time second_window "${choice%% *}" "$model" <<SCRIPT
:device reference Enter
wait text "s left"
save-screen before.txt
${choice#* }
save-screen change.txt
wait scan
save-screen after.txt
SCRIPT
  wait $! || fail "the second window ended with $?"
  shows before.txt "device: reference"
  shows change.txt "then on cpu"
  says change.txt "the scan continues on cpu after the current matrices"
  shows after.txt "device: cpu"
  says after.txt "14 of 56"
  grep -q "continues on" "$work/after.txt" && fail "a message outlives what it says"
  shows second.txt "device: cpu"
  says second.txt "trains 14 of 56"
  job_has job.json '"--device", "cpu"'
  job_has metrics.jsonl '"device": "reference"'
done

# One that is not there: refused where the scan's job has said so, and its scan stays as it is; else
# the program's own message, and the CPU goes on.
afresh
play 80x24 "$model" <<'SCRIPT'
wait scan
:device cuda Enter
save-screen refused.txt
:device cuda:1 Enter
save-screen second.txt
j
save-screen stays.txt
SCRIPT
says refused.txt 'there is no device "cuda" here: there are auto, cpu; what a GPU lacks, `spectrum scan MODEL --device cuda` says'
says second.txt 'there is no device "cuda:1" here'
shows stays.txt "device: cpu"
grep -q "scan failed" "$work/stays.txt" && fail "a GPU that is not there ends a scan"
afresh
play 80x24 "$model" <<'SCRIPT'
:device cuda Enter
wait scan
save-screen missing.txt
j
save-screen line.txt
:device nothing Enter
save-screen nothing.txt
:device cpu Enter
wait scan
save-screen found.txt
:device reference Enter
save-screen later.txt
d
save-screen list.txt
SCRIPT
says missing.txt "--device cuda: there is no plug-in spectrum-cuda.so"
shows missing.txt "scan failed"
shows line.txt "--device cuda: there is no plug-in"
says nothing.txt 'there is no device "nothing"; there are auto, cpu'
says found.txt "trains 14 of 56"
shows found.txt "device: cpu"
shows later.txt "this scan is done; the next one goes to reference"
shows list.txt "a GPU quick in fp64, else the CPU"
shows list.txt "● computed"
job_has job.json '"--device", "cpu"'

# It is remembered for the model that is opened next, chosen while no scan could be over too soon.
afresh
ln -s "$model" "$work/model"
cp -r "$model" "$work/other"
play 80x24 <<'SCRIPT'
/model Enter
Enter
wait scan
:device reference Enter
Esc
/other Enter
Enter
wait text "device: reference"
save-screen again.txt
:device cpu Enter
wait scan
SCRIPT
shows again.txt "device: reference"
job_has job.json '"--device", "cpu"'

# A wait for what cannot come any more, as nothing is under way, ends at once and says so.
(cd "$work" && printf 'wait scan\nwait text "s left"\n' >script &&
  timeout 60 "$binary" --script script --size 80x24 "$model") 2>"$work/err" && fail "a wait in vain ends well"
says err "script:2: nothing is under way any more, and text s left has not come"

# A GPU, where one can be emulated (slowly): the first choice, its memory, the CPU instead, which
# gets from the cache what the GPU has computed; and one that is lost, or busy.
if [ -e "$3/emulated/spectrum-cuda.so" ]; then
  export SPECTRUM_PLUGINS=$3/emulated EMULATED_CUDA_MEMORY=4294967296
  afresh
  play 80x24 "$model" <<'SCRIPT'
wait text "s left"
save-screen gpu.txt
d
save-screen gpus.txt
j Enter
wait scan
save-screen instead.txt
SCRIPT
  shows gpu.txt "device: cuda:0 Emulated GPU, 4.00 of 4.00 GiB free"
  shows gpus.txt "cuda:0      Emulated GPU"
  shows instead.txt "device: cpu"
  says instead.txt "trains 14 of 56"
  job_has metrics.jsonl '"cached": true'
  afresh
  EMULATED_CUDA_DIES_AFTER=400 play 80x24 "$model" <<'SCRIPT'
wait scan
save-screen lost.txt
SCRIPT
  says lost.txt "trains 14 of 56"
  shows lost.txt "device: cpu"
  says lost.txt "; the CPU computes"
  afresh
  EMULATED_CUDA_FAULT=busy play 60x16 "$model" <<'SCRIPT'
:device cuda:0 Enter
wait scan
save-screen busy.txt
SCRIPT
  says busy.txt "cuda:0 cannot be had, it is busy"
  says busy.txt "; the CPU computes"
fi

# Nothing is computed for a scan file.
"$binary" scan "$model" -o "$work/scan.json" 2>/dev/null || fail "the scan"
play 80x24 scan.json <<'SCRIPT'
d
save-screen file.txt
SCRIPT
says file.txt "a scan file is not computed again"
grep -q "device:" "$work/file.txt" && fail "a scan file has a device"

sleep 0.5 # scans that are over for the screen end
echo "$failures failed"
[ $failures -eq 0 ]
