#!/usr/bin/env python3
"""Singular values on a GPU: ours (bench_gpu) beside the reference's loop on the same card.

    bench.py BUILD_FOLDER [--quick] [--output FILE]

The reference moves a weight to the device in float32, calls torch.linalg.svdvals, and takes the
values back to the host: that is what is timed here, one matrix at a time, as it does it. Ours is
milliseconds a matrix with as many side by side as the back end asks for, from pinned host memory.
Interleaved, medians. The card's ceilings are measured in the same run.

Bounds of a matrix: its copy to the device; the bytes that the reduction moves through the device's
memory (each panel of 32 columns reads what is behind it twice and writes it once: 8 n^3 / 32; and
the matrix is written, widened and multiplied: 24 bytes an element); its operations at the measured
rate of fp64 products. No way that makes the same steps is faster than the largest of them, but
where a card's cache holds the Gram matrix (50 MB: up to order 2500) the second one does not hold.

Standard output is Markdown; FILE gets the same numbers as JSON, rewritten after each step, so that
what was measured is there if the machine goes. Without torch only ours is measured.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import time

PANEL = 32  # gpu/kernels.h: BAND
ASKED_RATIO, ASKED_SECONDS, ASKED_BYTES = 20, 15, 20e9
LAYERS = {"8b": 32, "70b": 80}
# rows, cols, how many of them a block of Llama-3-8B has, how many bench_gpu makes
SHAPES = [(576, 1536, 0, 128), (1024, 4096, 2, 64), (4096, 4096, 2, 48), (4096, 14336, 1, 32), (14336, 4096, 2, 32)]
MORE_SHAPES = [(8192, 8192, 0, 32)]


class Settings:
    """How often, and for how long at most, in seconds."""

    def __init__(self, quick):
        self.shapes = SHAPES if quick else SHAPES + MORE_SHAPES
        self.rounds = 1 if quick else 3  # of ours and the rival in turn
        self.passes = 3
        self.model_passes = 2 if quick else 3
        self.layers_70b = 1 if quick else 4
        self.rival_seconds = 12 if quick else 60  # for a shape; the first timed one is always made
        self.run_seconds = 150 if quick else 400  # a run of bench_gpu that takes longer hangs


class Results:
    def __init__(self, path):
        self.path, self.data, self.failures = path, {}, []

    def put(self, name, value):
        self.data[name] = value
        self.save()

    def fail(self, what):
        self.failures.append(what)
        print(f"bench-gpu: {what}", file=sys.stderr, flush=True)
        self.put("failures", self.failures)

    def save(self):
        if self.path:
            with open(self.path + ".new", "w") as file:
                json.dump(self.data, file, indent=1)
            os.replace(self.path + ".new", self.path)


class Ours:
    """Runs bench_gpu; what it says when it fails is kept with the numbers."""

    def __init__(self, build, results, seconds):
        self.binary, self.results, self.seconds = os.path.join(build, "bench_gpu"), results, seconds
        self.hung = False
        self.environment = dict(os.environ, SPECTRUM_PLUGINS=os.path.abspath(build))

    def run(self, *arguments):
        """What it measured, or None."""
        command = [self.binary, *map(str, arguments)]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=self.seconds, env=self.environment)
        except subprocess.TimeoutExpired:
            self.results.fail(f"{' '.join(command)} did not end in {self.seconds} s")
            if self.hung:
                sys.exit(1)  # one may have been slow; two are a device that is not to be waited for
            self.hung = True
            return None
        if done.returncode != 0:
            why = done.stderr.strip().removeprefix("bench_gpu: ")
            self.results.fail(f"{' '.join(command)}: {why or f'exit status {done.returncode}'}")
            return None
        return json.loads(done.stdout)


class Rival:
    """torch on the same device."""

    def __init__(self, torch):
        self.torch = torch

    def matrix(self, rows, cols):
        """Noise and three spikes, like bench_gpu's, in ordinary host memory."""
        torch = self.torch
        torch.manual_seed(rows + cols)
        edge = 0.01 * (rows**0.5 + cols**0.5)
        left, right = (torch.linalg.qr(torch.randn(side, 3))[0] for side in (rows, cols))
        return 0.01 * torch.randn(rows, cols) + left @ torch.diag(torch.tensor([3.2, 2.2, 1.5]) * edge) @ right.T

    def seconds(self, matrix):
        self.torch.cuda.synchronize()
        start = time.perf_counter()
        self.torch.linalg.svdvals(matrix.cuda()).cpu()
        self.torch.cuda.synchronize()
        return time.perf_counter() - start

    def free_bytes(self):
        """Of the device; the cache that torch keeps is given back first."""
        self.torch.cuda.empty_cache()
        return self.torch.cuda.mem_get_info()[0]


def find_rival():
    """And why there is none."""
    try:
        import torch
    except Exception as error:  # a torch of another CUDA raises what it likes
        return None, f"torch cannot be imported ({error})"
    if not torch.cuda.is_available():
        return None, f"torch {torch.__version__} sees no CUDA device"
    return Rival(torch), None


# --- the card ---


def lines_of(*command):
    try:
        out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=30).stdout
        return out.strip().splitlines()
    except (OSError, subprocess.TimeoutExpired):
        return []


def versions(rival):
    driver = lines_of("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader")
    nvcc = [line for line in lines_of("nvcc", "--version") + lines_of("/usr/local/cuda/bin/nvcc", "--version") if "release" in line]
    return {
        "driver": driver[0] if driver else None,
        "nvcc": nvcc[0].split("release ")[1].split(",")[0] if nvcc else None,
        "torch": rival.torch.__version__ if rival else None,
        "torch_cuda": rival.torch.version.cuda if rival else None,
        "cores": os.cpu_count(),
    }


def median_seconds(torch, work, repeats=5):
    work()
    times = []
    for _ in range(repeats):
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        work()
        end.record()
        end.synchronize()
        times.append(begin.elapsed_time(end) / 1e3)
    return statistics.median(times)


def ceilings(rival):
    """FLOP/s of fp64 products; bytes/s of copies: inside the device (read and written ones), to it."""
    torch, side, count = rival.torch, 8192, 1 << 28
    a, b = (torch.randn(side, side, dtype=torch.float64, device="cuda") for _ in range(2))
    fp64 = 2 * side**3 / median_seconds(torch, lambda: torch.matmul(a, b))
    x, y = (torch.rand(count, device="cuda") for _ in range(2))
    device = 8 * count / median_seconds(torch, lambda: y.copy_(x))
    host = torch.rand(count).pin_memory()
    copied = 4 * count / median_seconds(torch, lambda: y.copy_(host, non_blocking=True))
    del a, b, x, y
    torch.cuda.empty_cache()
    return {"fp64": fp64, "device_copy": device, "host_copy": copied}


def free_before(rival):
    """Bytes of device memory that are free before our program opens it; None: nobody says."""
    if rival:
        return rival.free_bytes()
    lines = lines_of("nvidia-smi", "--query-gpu=memory.free", "--format=csv,noheader,nounits")
    return int(lines[0]) * 2**20 if len(lines) == 1 and lines[0].isdigit() else None


def add_memory(run, before):
    """device_used: the most that was in use beyond what was before; where that is not known, all
    that was in use on the card, which is no less."""
    run["free_before"] = before
    run["device_used"] = (before if before is not None else run["device_bytes"]) - run["free_least"]


# --- single shapes ---


def bounds(rows, cols, peak):
    """Seconds."""
    n, elements = min(rows, cols), rows * cols
    flops = n * (n + 1) * max(rows, cols) + 4 / 3 * n**3
    return {
        "copy": 4 * elements / peak["host_copy"],
        "traffic": (8 * n**3 / PANEL + 24 * elements) / peak["device_copy"],
        "flops": flops / peak["fp64"],
    }


def time_rival(rival, matrix, limit, results):
    """Generates its seconds, one call after another, behind a warm-up; ends where it fails or has
    taken `limit`. Where the warm-up alone took that, it is what there is."""
    try:
        warm = rival.seconds(matrix)
        if warm > limit:
            yield warm
            return
        spent = 0
        while spent <= limit:
            seconds = rival.seconds(matrix)
            spent += seconds
            yield seconds
    except RuntimeError as error:  # out of memory, or no convergence
        results.fail(f"torch.linalg.svdvals of {'x'.join(map(str, matrix.shape))}: {str(error).splitlines()[0]}")


def time_shape(shape, ours, rival, settings, peak, results):
    rows, cols, in_block, count = shape
    matrix = rival.matrix(rows, cols) if rival else None
    theirs = time_rival(rival, matrix, settings.rival_seconds, results) if rival else iter(())
    runs, times = [], []
    for _ in range(settings.rounds):
        runs.append(ours.run("shape", rows, cols, count, settings.passes))
        times.append(next(theirs, None))
    runs, times = [run for run in runs if run], [seconds for seconds in times if seconds]
    out = {"rows": rows, "cols": cols, "in_block": in_block, "runs": runs, "torch_seconds": times}
    if runs:
        out["seconds"] = statistics.median(statistics.median(run["seconds"]) / run["count"] for run in runs)
        out["flop_rate"] = runs[0]["flops"] / runs[0]["count"] / out["seconds"]
    if times:
        out["torch"] = statistics.median(times)
    if runs and times:
        out["ratio"] = out["torch"] / out["seconds"]
    if peak:
        out["bounds"] = bounds(rows, cols, peak)
    return out


def show(value, digits=1, unit=""):
    return "n/a" if value is None else f"{value:.{digits}f}{unit}"


def scaled(value, factor):
    return None if value is None else value * factor


def shape_line(out, peak):
    seconds, rate, floor = out.get("seconds"), out.get("flop_rate"), out.get("bounds", {})
    share = rate / peak["fp64"] * 100 if rate and peak else None
    least = max(floor.values()) if floor else None
    cells = [
        f"{out['rows']}x{out['cols']}",
        show(scaled(seconds, 1e3), 2),
        show(scaled(out.get("torch"), 1e3), 1),
        show(out.get("ratio"), 1),
        show(scaled(rate, 1e-12), 2),
        show(share, 0, " %"),
        *(show(scaled(floor.get(name), 1e3), 2) for name in ("copy", "traffic", "flops")),
        show(seconds / least if seconds and least else None, 1),
    ]
    return "| " + " | ".join(cells) + " |"


def time_shapes(ours, rival, settings, peak, results):
    print("| shape | ours, ms a matrix | torch, ms | ratio | TFLOP/s | of fp64 peak | bound: copy, ms | device traffic, ms | operations, ms | ours by largest bound |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    shapes = []
    for shape in settings.shapes:
        shapes.append(time_shape(shape, ours, rival, settings, peak, results))
        results.put("shapes", shapes)
        print(shape_line(shapes[-1], peak), flush=True)
    print()
    return shapes


# --- whole models ---


def time_model(name, layers, passes, options, ours, rival, results):
    before = free_before(rival)
    run = ours.run(*options, "model", name, layers, passes)
    if run:
        add_memory(run, before)
        results.put(f"{name}{'_pageable' if options else ''}", run)
    return run


def memory_words(run):
    where = "beyond what was before" if run["free_before"] is not None else "on the whole card"
    return f"{run['device_used'] / 1e9:.2f} GB of device memory in use at the most, {where}"


def verdict(holds):
    return "yes" if holds else "NO"


def block_of_rival(shapes):
    """Seconds of the reference for one block; None where one of its shapes was not timed."""
    needed = [out for out in shapes if out["in_block"]]
    return sum(out["in_block"] * out["torch"] for out in needed) if all("torch" in out for out in needed) else None


def seconds_words(run):
    return f"{' '.join(f'{s:.2f}' for s in run['seconds'])} s"


def model_words(name, run, layers, peak):
    """The head of a model's part. Its rate is that of the median pass."""
    seconds = statistics.median(run["seconds"])
    rate, share, copied = run["flops"] / seconds, None, None
    if peak:
        share, copied = 100 * rate / peak["fp64"], run["bytes"] / peak["host_copy"]
    return (f"{name}, {run['count']} matrices ({run['layers']} of {layers} layers), {run['bytes'] / 1e9:.1f} GB of float32, "
            f"{run['threads']} side by side\n\n"
            f"* passes, the first of which opens the stream slots: {seconds_words(run)}\n"
            f"* {rate / 1e12:.2f} TFLOP/s, of the fp64 peak {show(share, 0, ' %')}; the copies alone take {show(copied, 2, ' s')}\n"
            f"* {memory_words(run)}")


def say_8b(run, pageable, shapes, peak, results):
    """Ours is the first pass: what who scans a model waits for, but for the pinned memory. A scan has
    one matrix of that a thread; with all of it pinned, as it is here, the time is `whole`."""
    first, layers = run["seconds"][0], LAYERS["8b"]
    whole = first + run["allocation_seconds"]
    reference = scaled(block_of_rival(shapes), layers)
    ratio, whole_ratio = (reference / seconds if reference else None for seconds in (first, whole))
    print(model_words("Llama-3-8B", run, layers, peak))
    if pageable:
        print(f"* from pageable host memory: {seconds_words(pageable)}")
    print(f"* pinning the matrices' host memory, before the first pass: {run['allocation_seconds']:.2f} s; with it {whole:.2f} s (a scan pins one matrix a thread)")
    print(f"* reference, one block's matrices times {layers}: {show(reference, 0, ' s')}, {show(ratio, 1)} times the first pass, "
          f"{show(whole_ratio, 1)} with the pinning")
    print(f"* asked: at most {ASKED_SECONDS} s: {verdict(first <= ASKED_SECONDS)}, with the pinning {verdict(whole <= ASKED_SECONDS)}; "
          f"at least {ASKED_RATIO} times faster: {verdict(ratio >= ASKED_RATIO) if ratio else 'n/a'}, "
          f"with the pinning {verdict(whole_ratio >= ASKED_RATIO) if whole_ratio else 'n/a'}")
    print(flush=True)
    results.put("8b_summary", {"seconds": first, "reference": reference, "ratio": ratio, "seconds_with_pinning": whole, "ratio_with_pinning": whole_ratio})


def say_70b(run, peak, results):
    """Extrapolated from the passes behind the first: eighty layers open the stream slots once."""
    layers = LAYERS["70b"]
    seconds = statistics.median(run["seconds"][1:] or run["seconds"])
    whole = seconds * layers / run["layers"]
    print(model_words("Llama-3-70B", run, layers, peak))
    print(f"* all {layers} layers, extrapolated: {whole:.0f} s")
    print(f"* asked: at most {ASKED_BYTES / 1e9:.0f} GB: {verdict(run['device_used'] <= ASKED_BYTES)}")
    print(flush=True)
    results.put("70b_summary", {"seconds": seconds, "all_layers": whole, "device_used": run["device_used"]})


# --- all of it ---


def say_card(probe, rival, why, peak, results):
    facts = versions(rival)
    results.put("device", probe["device"])
    results.put("versions", facts)
    results.put("ceilings", peak)
    print(f"{probe['device']}, {probe['device_bytes'] / 1e9:.1f} GB, driver {facts['driver'] or 'n/a'}, CUDA {facts['nvcc'] or 'n/a'} (nvcc), "
          f"torch {facts['torch'] or 'n/a'} (CUDA {facts['torch_cuda'] or 'n/a'}), {facts['cores']} cores")
    print()
    if why:
        print(f"The reference is missing, and the card's ceilings with it: {why}.")
    if peak:
        print(f"Measured: fp64 products {peak['fp64'] / 1e12:.1f} TFLOP/s, copy in the device {peak['device_copy'] / 1e9:.0f} GB/s (read and "
              f"written), to it from pinned memory {peak['host_copy'] / 1e9:.1f} GB/s.")
    print(flush=True)


def measure_ceilings(rival, results):
    try:
        return ceilings(rival) if rival else None
    except RuntimeError as error:
        results.fail(f"the card's ceilings: {str(error).splitlines()[0]}")
        return None


def main():
    parser = argparse.ArgumentParser(prog="bench-gpu")
    parser.add_argument("build", metavar="BUILD_FOLDER")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--output", metavar="FILE")
    arguments = parser.parse_args()
    settings, results = Settings(arguments.quick), Results(arguments.output)
    ours = Ours(arguments.build, results, settings.run_seconds)
    start = time.monotonic()
    probe = ours.run("shape", 96, 128, 4, 1)
    if not probe:
        return 1
    rival, why = find_rival()
    peak = measure_ceilings(rival, results)
    say_card(probe, rival, why, peak, results)
    shapes = time_shapes(ours, rival, settings, peak, results)
    model = lambda *what: time_model(*what, ours, rival, results)
    pinned = model("8b", LAYERS["8b"], settings.model_passes, [])
    pageable = model("8b", LAYERS["8b"], 1, ["--pageable"])
    if pinned:
        say_8b(pinned, pageable, shapes, peak, results)
    large = model("70b", settings.layers_70b, settings.model_passes, [])
    if large:
        say_70b(large, peak, results)
    print(f"Measured in {time.monotonic() - start:.0f} s{', in a hurry (--quick)' if arguments.quick else ''}.")
    for failure in results.failures:
        print(f"FAILED: {failure}")
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
