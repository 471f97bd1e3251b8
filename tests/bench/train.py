#!/usr/bin/env python3
"""Times `spectrum train` beside PyTorch + transformers on the same model, freeze set and types.

    train.py SPECTRUM BENCH_OPS MODEL.gguf DATA [SEQ BATCH DTYPE]
    train.py SPECTRUM BENCH_OPS MODEL.gguf DATA all     sequence 512 and 2048, batch 1 and 4, bf16 and fp32

Interleaved runs of a few steps each, the first step of a run left out; medians. The rival is the better
of eager and torch.compile (tried once a configuration, on the set of 25 %). Memory: the process's peak
less what it had before the model, on both sides; "activations" is that less weights, masters, gradients
and moments, which both sides have alike (the rival's gradients are counted as bf16 beside fp32 ones where
it keeps both: they are its own business).

Beside the time of a freeze set stands its bound: our full step less the operations that the set does
not need, at their times in bench_ops: weight gradients and the optimiser's traffic of what is frozen, and the
backward pass below the lowest trained tensor. "Of the peak": the step's multiplications over the time that
a large product of the same type would take for them.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile

binary, bench_ops, model, data = sys.argv[1:5]
here = os.path.dirname(os.path.abspath(__file__))
METHODS = [("full", ["--method", "full"]), ("spectrum 50 %", ["--top", "50"]), ("spectrum 25 %", ["--top", "25"]),
           ("25 %, no embeddings", ["--top", "25", "--no-embeddings"])]
HIDDEN, LAYERS = 576, 30


def sh(*command, **kw):
    return subprocess.run(command, check=True, capture_output=True, text=True, **kw).stdout


class Setting:
    """One sequence length, batch and type."""

    def __init__(self, seq, batch, dtype):
        self.seq, self.batch, self.dtype, self.tokens = seq, batch, dtype, seq * batch
        self.runs, self.steps = (3, 6) if self.tokens <= 2048 else (2, 3) if self.tokens <= 4096 else (1, 3)
        out = sh(bench_ops, "cpu", "bf16" if dtype == "bf16" else "f32", str(seq), str(batch))
        self.ms = {k: float(v) for k, v in (line.split("\t") for line in out.splitlines() if "\t" in line)}
        self.peak = 2 * 2048**3 / self.ms["peak"] * 1e3  # FLOP/s


def ours(work, setting, options, number):
    run = os.path.join(work, f"run{number}")
    sh(binary, "train", model, "--data", data, "--run", run, "--seq-len", str(setting.seq), "--batch", str(setting.batch),
       "--dtype", setting.dtype, "--accumulate", "1", "--steps", str(setting.steps), "--eval-every", "0", "--eval-split", "0",
       "--sample-tokens", "0", *options)
    lines = [json.loads(line) for line in open(os.path.join(run, "metrics.jsonl"))]
    steps = [line for line in lines if "loss" in line]
    names = [n for n in json.load(open(os.path.join(run, "proof.json")))["trained"]]
    return [s["step_s"] for s in steps], steps[-1]["memory_bytes"], names


def rival(names_file, setting, mode):
    try:
        out = json.loads(sh(sys.executable, os.path.join(here, "train_torch.py"), model, names_file, str(setting.seq),
                            str(setting.batch), str(setting.steps), setting.dtype, mode))
    except subprocess.CalledProcessError as error:
        if mode != "compile":  # which needs a C++ compiler, and does not take every model
            sys.exit(f"the rival failed: {error.stderr.strip().splitlines()[-1]}")
        return [], 0, 0
    return out["seconds"][1 if mode == "eager" else 2:], out["bytes"], out["kept"]


def lowest_layer(names):
    if "model.embed_tokens.weight" in names:
        return -1
    return min((int(n.split(".")[2]) for n in names if ".layers." in n), default=LAYERS)


def saved(names, shapes, setting):
    """Milliseconds of a full step that the set does not need."""
    ms, lowest, time = setting.ms, lowest_layer(names), 0.0
    embedding = 49152 * HIDDEN
    optimizer = (ms["AdamW, masters, embedding"] + ms["sum of squares, embedding"]) / embedding
    for name, (rows, cols) in shapes.items():
        if name in names:
            continue
        time += rows * cols * optimizer
        if ".layers." in name:
            time += ms[f"gradient {rows} x {cols}"]
            if int(name.split(".")[2]) < lowest:
                time += ms[f"input {rows} x {cols}"]
    time += max(lowest, 0) * (ms["attention backward"] + ms["swiglu backward"] + 2 * ms["rmsnorm backward"] + 2 * ms["rope"])
    return time


def multiplications(names, shapes, setting):
    """FLOP of a step: products and causal attention."""
    lowest, tokens = lowest_layer(names), setting.tokens
    head = 49152 * HIDDEN
    flop = 2 * tokens * 2 * head + (2 * tokens * head if "model.embed_tokens.weight" in names else 0)
    for name, (rows, cols) in shapes.items():
        if ".layers." in name:
            flop += 2 * tokens * rows * cols * (1 + (int(name.split(".")[2]) >= lowest) + (name in names))
    attention = 2 * setting.seq * tokens * HIDDEN
    return flop + attention * LAYERS + 2.5 * attention * (LAYERS - max(lowest, 0))


def measure(setting, label, options):
    a, b, c, rival_peak, kept = [], [], [], 0, 0
    with tempfile.TemporaryDirectory() as work:
        for number in range(setting.runs):
            times, memory, names = ours(work, setting, options, number)
            a += times[1:]
            names_file = os.path.join(work, "names.json")
            json.dump(names, open(names_file, "w"))
            times, rival_peak, kept = rival(names_file, setting, "eager")
            b += times
        if label == "spectrum 25 %":
            c = rival(names_file, setting, "compile")[0]
    return statistics.median(a), statistics.median(b), statistics.median(c) if c else None, memory, rival_peak, kept, names


def table(setting, shapes):
    print(f"\nsequence {setting.seq} x {setting.batch}, {setting.dtype}{' with fp32 masters' if setting.dtype == 'bf16' else ''}, "
          f"{os.cpu_count()} cores, peak {setting.peak / 1e9:.0f} GFLOP/s")
    print("| what trains | spectrum | torch | compiled | faster | of the peak | of full | bound | saved of the bound "
          "| memory | torch's | ratio | activations | torch's | ratio |\n|" + "---|" * 15)
    full = None
    for label, options in METHODS:
        own, other, compiled, memory, peak, kept, names = measure(setting, label, options)
        full = full or own
        best, total = min(other, compiled or other), sum(memory.values())
        mine = memory["activations"] + memory["workspace"]
        bound = full - saved(names, shapes, setting) / 1e3
        share = f"{(full - own) / (full - bound):.2f}" if label != "full" else ""
        print(f"| {label} | {own:.3f} s | {other:.3f} s | {f'{compiled:.3f} s' if compiled else ''} | {best / own:.2f} "
              f"| {multiplications(names, shapes, setting) / own / setting.peak:.0%} | {own / full:.3f} | {bound / full:.3f} | {share} "
              f"| {total / 1e6:.0f} MB | {peak / 1e6:.0f} MB | {total / peak:.2f} "
              f"| {mine / 1e6:.0f} MB | {(peak - kept) / 1e6:.0f} MB | {mine / (peak - kept):.2f} |", flush=True)


def main():
    tensors = json.loads(sh(binary, "info", model, "--json"))["tensors"]
    shapes = {t.get("module", t["name"]): t["shape"] for t in tensors if len(t["shape"]) == 2}
    chosen = sys.argv[5:]
    if chosen[:1] == ["all"]:
        settings = [(s, b, d) for d in ("bf16", "fp32") for s in (512, 2048) for b in (1, 4)]
    else:
        seq, batch, dtype = (chosen + ["512", "1", "bf16"][len(chosen):])[:3]
        settings = [(int(seq), int(batch), dtype)]
    for seq, batch, dtype in settings:
        table(Setting(seq, batch, dtype), shapes)


if __name__ == "__main__":
    main()
