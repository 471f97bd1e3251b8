#!/usr/bin/env python3
"""Times `spectrum scan` beside the reference script's loop over torch.linalg.svdvals (fp32).

Interleaved, three runs each, medians. Ours is timed as a whole process, reading included, without
cache, and once more held to AVX2 where the processor has more (bench_scan.c); the rival has all that
the processor has. The rival's time is that of its svdvals calls alone, over matrices already in
memory: to its advantage. Peak memory of ours is the kernel's figure for the process.
"""
import os
import re
import statistics
import subprocess
import sys
import time

import torch

binary, held, model = sys.argv[1:4]
RUNS = 3


def load(path):
    if path.endswith(".gguf"):
        import gguf

        return [torch.from_numpy(gguf.dequantize(t.data, t.tensor_type).copy())
                for t in gguf.GGUFReader(path).tensors if re.match(r"blk\..*\.weight$", t.name) and len(t.shape) == 2]
    from safetensors.torch import load_file

    return [t.float() for n, t in load_file(path + "/model.safetensors").items() if t.dim() == 2 and ".layers." in n]


# A process inherits the peak of the one it was made from: a small one in between gives a true figure.
WATCH = """import os, sys, time
start = time.monotonic()
quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)]
_, status, usage = os.wait4(os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet), 0)
print(status, time.monotonic() - start, usage.ru_maxrss * 1024)"""


def run_watched(*command):
    watch = [sys.executable, "-c", WATCH, *command]
    status, seconds, memory = subprocess.run(watch, check=True, capture_output=True, text=True).stdout.split()
    assert status == "0", status
    return float(seconds), int(memory)


def run_rival(matrices):
    start = time.monotonic()
    for w in matrices:
        torch.linalg.svdvals(w)
    return time.monotonic() - start


matrices = load(model)
torch.set_num_threads(os.cpu_count())
ours, avx2, rival, peak = [], [], [], 0
has_avx512 = subprocess.run([held, model, "avx512"], capture_output=True).returncode == 0
load = os.getloadavg()[0]
for _ in range(RUNS):
    seconds, memory = run_watched(binary, "scan", model, "--no-cache", "--json")
    ours.append(seconds)
    peak = max(peak, memory)
    rival.append(run_rival(matrices))
    if has_avx512:
        avx2.append(run_watched(held, model, "avx2")[0])
largest = max(w.numel() for w in matrices)
print(f"{model}: {len(matrices)} matrices, torch {torch.__version__}, {os.cpu_count()} cores, "
      f"load {load:.1f} before, {os.getloadavg()[0]:.1f} after")
for name, times in ("spectrum scan", ours), ("held to AVX2", avx2), ("torch.linalg.svdvals", rival):
    if times:
        print(f"{name:22} median {statistics.median(times):7.2f} s   {' '.join(f'{x:.2f}' for x in times)}")
b = statistics.median(rival)
print(f"ratio                  {b / statistics.median(ours):.2f} times faster"
      + (f", held to AVX2 {b / statistics.median(avx2):.2f}" if avx2 else ""))
print(f"peak memory            {peak / 1e6:.0f} MB; bound 2 x largest in fp64 + 100 MB = {(2 * 8 * largest) / 1e6 + 100:.0f} MB")
