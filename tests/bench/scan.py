#!/usr/bin/env python3
"""Times `spectrum scan` beside the reference script's loop over torch.linalg.svdvals (fp32).

Interleaved, three runs each, medians. Ours is timed as a whole process, reading included, without
cache. The rival's time is that of its svdvals calls alone, over matrices already in memory: to its
advantage. Peak memory of ours is the kernel's figure for the process.
"""
import os
import re
import statistics
import subprocess
import sys
import time

import torch

binary, model = sys.argv[1:3]
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


def run_ours():
    command = [sys.executable, "-c", WATCH, binary, "scan", model, "--no-cache", "--json"]
    status, seconds, memory = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert status == "0", status
    return float(seconds), int(memory)


def run_rival(matrices):
    start = time.monotonic()
    for w in matrices:
        torch.linalg.svdvals(w)
    return time.monotonic() - start


matrices = load(model)
torch.set_num_threads(os.cpu_count())
ours, rival, peak = [], [], 0
for _ in range(RUNS):
    seconds, memory = run_ours()
    ours.append(seconds)
    peak = max(peak, memory)
    rival.append(run_rival(matrices))
largest = max(w.numel() for w in matrices)
a, b = statistics.median(ours), statistics.median(rival)
print(f"{model}: {len(matrices)} matrices, torch {torch.__version__}, {os.cpu_count()} cores")
print(f"spectrum scan          median {a:7.2f} s   {' '.join(f'{x:.2f}' for x in ours)}")
print(f"torch.linalg.svdvals   median {b:7.2f} s   {' '.join(f'{x:.2f}' for x in rival)}")
print(f"ratio                  {b / a:.2f} times faster")
print(f"peak memory            {peak / 1e6:.0f} MB; bound 2 x largest in fp64 + 100 MB = {(2 * 8 * largest) / 1e6 + 100:.0f} MB")
