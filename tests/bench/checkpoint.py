#!/usr/bin/env python3
"""Makes a checkpoint with planted spectra (make_checkpoint.c), scans it, and says how long that took,
how much memory, and whether what was planted was found.

    checkpoint.py BUILD_FOLDER [LAYERS [8b|70b]]

A spike of strength t in n x m noise of variance s^2 shows as the singular value
sqrt((t^2 + n s^2) (t^2 + m s^2)) / t, within a few s (Benaych-Georges and Nadakuditi,
arXiv 1103.2221). "Found" is: there, and above the scan's calibrated edge.
"""
import json
import math
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time

build, layers, size = (sys.argv[1:] + ["32", "8b"][len(sys.argv) - 2 :])[:3]


def run(*command):
    """Seconds, those of all processors, and peak memory in MB."""
    start = time.monotonic()
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{command[0]} failed: status {status}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1e3


def forget(folder):
    """The scan is to read from the disk, not from memory."""
    total = 0
    for entry in os.scandir(folder):
        with open(entry.path, "rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        total += entry.stat().st_size
    return total


def spectra(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        for name, entry in header.items():
            if name != "__metadata__":
                begin, end = entry["data_offsets"]
                file.seek(8 + length + begin)
                yield name, struct.unpack(f"<{(end - begin) // 8}d", file.read(end - begin))


def shown(strength, n, m, sigma):
    return math.sqrt((strength**2 + n * sigma**2) * (strength**2 + m * sigma**2)) / strength


def check(truth, scan, path):
    planted = found = equal = above = 0
    place = error = 0.0
    for name, values in spectra(path):
        row, sigma, spikes = scan[name], truth[name]["sigma"], truth[name]["spikes"]
        planted += len(spikes)
        for value, strength in zip(values, spikes):
            off = abs(value - shown(strength, row["rows"], row["cols"], sigma)) / sigma
            place = max(place, off)
            found += off < 5 and value > row["spike_edge"]
        equal += row["spikes"] == len(spikes)
        above += max(0, row["spikes"] - len(spikes))
        error = max(error, abs(row["sigma"] / sigma - 1))
    print(f"matrices        {len(scan)} scanned, {len(truth)} made")
    print(f"spikes          {found} of {planted} found, at most {place:.1f} sigma from their place")
    print(f"counts          equal in {equal} matrices; {above} noise values above the edge")
    print(f"sigma           off by {error:.2%} at most")
    return found == planted and len(scan) == len(truth)


work = tempfile.mkdtemp(prefix="spectrum-checkpoint-")
try:
    folder, scan_path, spectra_path = (os.path.join(work, name) for name in ("model", "scan.json", "spectra.safetensors"))
    seconds, _, _ = run(f"{build}/make_checkpoint", folder, layers, size)
    print(f"made            {layers} layers of {size}, {forget(folder) / 1e9:.1f} GB, in {seconds:.0f} s")
    seconds, busy, peak = run(f"{build}/spectrum", "scan", folder, "--no-cache", "--estimator", "mp", "-o", scan_path, "--spectra", spectra_path)
    print(f"scan            {seconds:.0f} s ({busy:.0f} s of processor time), {peak:.0f} MB at most")
    with open(f"{folder}/truth.json") as truth, open(scan_path) as scan:
        sys.exit(not check(json.load(truth), json.load(scan), spectra_path))
finally:
    shutil.rmtree(work)
