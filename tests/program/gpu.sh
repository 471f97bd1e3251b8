#!/bin/bash
# Scans with --device cuda, on the emulated device (tests/gpu): the CPU's numbers, the CPU's
# selections, and what happens when the driver, the device, its memory or its life is missing.
set -eu
spectrum=$1 source=$2 build=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export XDG_CACHE_HOME=$work/cache XDG_STATE_HOME=$work/state
export SPECTRUM_PLUGINS=$build/emulated EMULATED_CUDA_STRICT=1
if [ ! -f "$SPECTRUM_PLUGINS/spectrum-cuda.so" ]; then
    echo "SKIPPED: no emulated CUDA device: no CUDA toolkit, or a sanitized build"
    exit 77
fi
model=$source/demo/model
modules='layers\.[0-3]\..*(q|k)_proj'

fail() {
    echo "$1" >&2
    cat "$work/said" >&2 || true
    exit 1
}
scan() { # scan OUTPUT OPTIONS...
    "$spectrum" scan "$model" --modules "$modules" --no-cache -o "$work/$1.json" "${@:2}" 2>"$work/said"
}
# Scores equal to 1e-6, in parts; modules in the same order.
same() { # same NAME
    paste -d ' ' <(scores "$work/cpu.json") <(scores "$work/$1.json") |
        awk '{ d = $2 - $4; if (d < 0) d = -d; if ($1 != $3 || d > 1e-6 * $2) bad = 1 }
             END { exit bad || NR < 7 }' || fail "$1: other numbers than the CPU's"
}
scores() { grep -oP '"(model\.[^"]*|snr)": ?({|[^,}]*)' "$1" | tr -d '":{' | paste -d ' ' - - | awk '{ print $1, $3 }'; }
says() { grep -qF -- "$1" "$work/said" || fail "it does not say \"$1\""; }

scan cpu --device cpu || fail "the CPU's scan failed"

# The device computes: by name, by number, and by itself where there is one.
scan gpu --device cuda || fail "no scan on the device"
same gpu
says "on cuda:0"
EMULATED_CUDA_DEVICES=2 scan second --device cuda:1 || fail "no scan on the second device"
same second
says "on cuda:1"
scan auto || fail "no scan"
says "on cuda:0"
# One that is slow in fp64 has to be asked for.
EMULATED_CUDA_RATIO=64 scan slow || fail "slow: no scan"
same slow
if grep -q cuda "$work/said"; then fail "slow: auto takes it, or speaks of it"; fi
EMULATED_CUDA_RATIO=64 scan slow --device cuda || fail "slow: no scan on the device"
same slow
says "on cuda:0"
for top in 10 25 50 75; do
    for name in cpu gpu; do
        "$spectrum" plan "$work/$name.json" --top $top -o "$work/$name.yaml" 2>/dev/null >/dev/null
    done
    cmp <(sed 1,/unfrozen/d "$work/cpu.yaml") <(sed 1,/unfrozen/d "$work/gpu.yaml") ||
        fail "$top %: another selection"
    test "$(wc -l <"$work/gpu.yaml")" -gt 4 || fail "$top %: nothing is selected"
done

# What is missing is said, exactly; "auto" takes the CPU.
modules='layers\.1\.'
scan cpu --device cpu
missing() { # missing WHAT IT SAYS, DEVICE
    if scan none --device "$2"; then fail "$1: it scanned"; fi
    says "$1"
    scan none || fail "$1: auto does not take the CPU"
    same none
    if grep -q cuda "$work/said"; then fail "$1: auto speaks of it"; fi
}
if scan none --device cuda:1; then fail "cuda:1: it scanned"; fi
says "there is no device cuda:1, the last one is cuda:0"
export EMULATED_CUDA_FAULT
EMULATED_CUDA_FAULT=no-driver missing "there is no NVIDIA driver" cuda
EMULATED_CUDA_FAULT=old-driver missing "the NVIDIA driver is for CUDA 11.4, the plug-in needs" cuda
EMULATED_CUDA_FAULT=no-device missing "there is no NVIDIA GPU" cuda
SPECTRUM_PLUGINS=$work missing "there is no plug-in spectrum-cuda.so" cuda

# Busy: the CPU takes its place, and it is said why.
for device in cuda auto; do
    EMULATED_CUDA_FAULT=busy scan busy --device $device || fail "busy: no scan"
    same busy
    says "cuda:0 cannot be had, it is busy: another process has it for itself"
    says "; the CPU computes"
done
EMULATED_CUDA_FAULT=

# Too little memory for one matrix; for anything; lost in the middle.
EMULATED_CUDA_MEMORY=1000000 scan small --device cuda || fail "little memory: no scan"
same small
says "of device memory"
EMULATED_CUDA_MEMORY=1000 scan none --device cuda || fail "no memory: no scan"
same none
# As many side by side as its memory holds, which is sixteen of these, or one that is tried.
side_by_side() { "$build/bench_gpu" shape 96 128 4 1 2>"$work/said" | grep -oP '"threads": \K[0-9]+'; }
test "$(side_by_side)" = 16 || fail "not 16 side by side"
test "$(EMULATED_CUDA_MEMORY=100000000 side_by_side)" = 1 || fail "a small card: more than one at a time"
# A full card has no memory for a third lane's handles: two do all.
EMULATED_CUDA_HANDLES=2 scan two --device cuda --threads 6 || fail "two lanes: no scan"
same two
if grep -q "the CPU computes" "$work/said"; then fail "two lanes: the CPU computes"; fi
for operations in 1 40 300; do
    EMULATED_CUDA_DIES_AFTER=$operations scan lost --device cuda --threads 3 ||
        fail "lost after $operations: no scan"
    same lost
    says "cuda:0 is lost: "
    says "the CPU computes"
done

# It does not train yet, and says so before anything is made.
head -c 3000 "$source/demo/text/shakespeare.txt" >"$work/text.txt"
for command in "train --run $work/run --steps 1 --data $work/text.txt" "eval --data $work/text.txt" \
    "generate --prompt A"; do
    if "$spectrum" ${command%% *} "$model" ${command#* } --device cuda 2>"$work/said"; then
        fail "$command: it ran"
    fi
    says "computes scans alone"
done
test ! -e "$work/run" || fail "a run was made"
