#!/usr/bin/env python3
"""Singular values of one shape after another beside torch.linalg.svdvals (fp32, all cores).

Interleaved: ours, the rival, ours, ...; medians. Ours is milliseconds a matrix with as many side by
side as there are cores, in fp64; the rival has one matrix at a time on all cores. "Floor" is the
Gram product and 4/3 n^3 operations at the peak of double-precision products measured in the same
process, and the tridiagonal solve (bench_spectra.c).
"""
import json
import math
import os
import statistics
import subprocess
import sys
import time

import torch

SHAPES = [(192, 576), (576, 576), (576, 1536), (896, 4864), (1024, 4096), (2048, 8192), (4096, 4096), (4096, 14336)]
bench = sys.argv[1]
threads = os.cpu_count()
torch.set_num_threads(threads)


def ours(rows, cols):
    seconds = "1" if rows * cols < 1 << 23 else "0.1"
    out = subprocess.run([bench, str(rows), str(cols), str(threads), seconds], check=True, capture_output=True, text=True)
    return json.loads(out.stdout)


def rival(matrix):
    start = time.monotonic()
    torch.linalg.svdvals(matrix)
    return (time.monotonic() - start) * 1e3


print(f"torch {torch.__version__}, {threads} cores; ms a matrix, medians")
print(f"{'shape':>12} {'ours':>9} {'torch':>9} {'ratio':>6} {'floor':>9} {'share':>6}   "
      f"one thread: gram, band, chase, tridiagonal; peak GFLOP/s (OpenBLAS)")
ratios = []
for rows, cols in SHAPES:
    repeats = 1 if rows >= 4096 else 2 if rows >= 2048 else 5
    matrix = torch.randn(rows, cols)
    if rows < 2048:
        rival(matrix)
    runs, times = [], []
    for _ in range(repeats):
        runs.append(ours(rows, cols))
        times.append(rival(matrix))
    ms, floor = (statistics.median(run[key] for run in runs) for key in ("ms", "floor_ms"))
    torch_ms = statistics.median(times)
    ratios.append(torch_ms / ms)
    last = runs[-1]
    print(f"{rows:>6}x{cols:<5} {ms:9.2f} {torch_ms:9.2f} {torch_ms / ms:6.2f} {floor:9.2f} {100 * floor / ms:5.0f}%   "
          f"{last['gram']:.2f} {last['band']:.2f} {last['chase']:.2f} {last['tridiagonal']:.2f}; "
          f"{max(last['own'], last['openblas']):.0f} ({last['openblas']:.0f})", flush=True)
mean = math.exp(statistics.mean(math.log(r) for r in ratios))
print(f"geometric mean {mean:.2f} times torch, least {min(ratios):.2f}")
