#!/usr/bin/env python3
"""Times `spectrum train` beside PyTorch + transformers on the same model, freeze set and types.

    train.py SPECTRUM MODEL.gguf DATA [SEQ BATCH DTYPE]

Interleaved, three runs of six steps each; the first step of a run is left out; medians. Memory: ours is
what the trainer planned and the process's own peak, the rival's the peak less what its process had
before the model. Beside the time of a freeze set stands its bound: the share of a full step's
multiplications that it cannot avoid (forward and input gradients down to the lowest trained tensor,
weight gradients of what trains).
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile

binary, model, data = sys.argv[1:4]
seq, batch, dtype = (sys.argv[4:7] + ["512", "1", "bf16"][len(sys.argv) - 4:])[:3]
RUNS, STEPS = 3, 6
here = os.path.dirname(os.path.abspath(__file__))


def sh(*command, **kw):
    return subprocess.run(command, check=True, capture_output=True, text=True, **kw).stdout


def ours(work, options, number):
    run = os.path.join(work, f"run{number}")
    sh(binary, "train", model, "--data", data, "--run", run, "--seq-len", seq, "--batch", batch, "--dtype", dtype,
       "--accumulate", "1", "--steps", str(STEPS), "--eval-every", "0", "--eval-split", "0", "--sample-tokens", "0", *options)
    lines = [json.loads(line) for line in open(os.path.join(run, "metrics.jsonl"))]
    steps = [line for line in lines if "loss" in line]
    names = list(json.load(open(os.path.join(run, "proof.json")))["trained"])
    return [s["step_s"] for s in steps], sum(steps[-1]["memory_bytes"].values()), steps[-1]["process_bytes"], names


def rival(names_file, mode):
    try:
        out = json.loads(sh(sys.executable, os.path.join(here, "train_torch.py"), model, names_file, seq, batch,
                            str(STEPS), dtype, mode))
    except subprocess.CalledProcessError as error:
        if mode != "compile":  # which needs a C++ compiler, and does not take every model
            sys.exit(f"the rival failed: {error.stderr.strip().splitlines()[-1]}")
        return [], 0
    return out["seconds"], out["bytes"]


def bound(names, shapes):
    """Multiplications of a step with this freeze set over those of a full one (attention left out)."""
    blocks = {n: r * c for n, (r, c) in shapes.items() if ".layers." in n}
    head = shapes["model.embed_tokens.weight"][0] * shapes["model.embed_tokens.weight"][1]
    layers = [int(n.split(".")[2]) for n in names if ".layers." in n]
    lowest = 0 if "model.embed_tokens.weight" in names else min(layers, default=10**9)
    total = 3 * (sum(blocks.values()) + head)
    own = sum(blocks.values()) + 2 * head
    own += sum(size for n, size in blocks.items() if int(n.split(".")[2]) >= lowest)
    own += sum(size for n, size in blocks.items() if n in names) + (head if "model.embed_tokens.weight" in names else 0)
    return own / total


def shapes_of():
    tensors = json.loads(sh(binary, "info", model, "--json"))["tensors"]
    return {t.get("module", t["name"]): t["shape"] for t in tensors if len(t["shape"]) == 2}


METHODS = [("full", ["--method", "full"]), ("spectrum 50 %", ["--top", "50"]), ("spectrum 25 %", ["--top", "25"]),
           ("spectrum 25 %, no embeddings", ["--top", "25", "--no-embeddings"])]
print(f"{model}: sequence {seq} x {batch}, {dtype}{' with fp32 masters' if dtype == 'bf16' else ''}, {os.cpu_count()} cores")
shapes, full = shapes_of(), None
for label, options in METHODS:
    a, b, c = [], [], []
    with tempfile.TemporaryDirectory() as work:
        for number in range(RUNS):
            times, planned, process, names = ours(work, options, number)
            a += times[1:]
            names_file = os.path.join(work, "names.json")
            json.dump(names, open(names_file, "w"))
            times, torch_bytes = rival(names_file, "eager")
            b += times[1:]
        if label == "spectrum 25 %":
            c = rival(names_file, "compile")[0][2:]
    own, other = statistics.median(a), statistics.median(b)
    full = full or own
    print(f"{label:30s} spectrum {own:6.3f} s  torch {other:6.3f} s  {other / own:5.2f} times faster   "
          f"memory {planned / 1e6:6.0f} MB planned, {process / 1e6:6.0f} MB process; torch {torch_bytes / 1e6:6.0f} MB   "
          f"of full {own / full:5.3f}, bound {bound(names, shapes):5.3f}"
          + (f"   torch.compile {statistics.median(c):6.3f} s" if c else ""), flush=True)
