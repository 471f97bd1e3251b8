#!/usr/bin/env python3
"""Times `spectrum train` beside PyTorch + transformers on the same model, freeze set and types.

    train.py SPECTRUM BENCH_OPS MODEL.gguf DATA [SEQ BATCH DTYPE]
    train.py SPECTRUM BENCH_OPS MODEL.gguf DATA all     sequence 512 and 2048, batch 1 and 4, bf16 and fp32
    train.py SPECTRUM BENCH_OPS MODEL.gguf DATA bound [SEQ BATCH DTYPE | all]     ours alone, beside the bounds

Interleaved runs of a few steps each, sets in turns, the first step of a run left out; medians. The rival is the better
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
BOUND_RUNS = 3  # of ours at least: shares of what is saved are small differences


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


class Measured:
    """What a freeze set took, on both sides."""

    def __init__(self, label, options):
        self.label, self.options = label, options
        self.own, self.other, self.compiled = [], [], []
        self.memory, self.names, self.rival_peak, self.kept = {}, [], 0, 0

    def run_ours(self, work, setting, number):
        times, self.memory, self.names = ours(work, setting, self.options, number)
        self.own += times[1:]

    def run_rival(self, work, setting, mode):
        names_file = os.path.join(work, "names.json")
        with open(names_file, "w") as file:
            json.dump(self.names, file)
        times, peak, kept = rival(names_file, setting, mode)
        if mode == "compile":
            self.compiled += times
        else:
            self.other += times
            self.rival_peak, self.kept = peak, kept

    def time(self):
        return statistics.median(self.own)

    def of_the_bound(self, full, shapes, setting):
        """The bound in seconds, and how much of what it would save was saved."""
        bound = full - saved(self.names, shapes, setting) / 1e3
        return bound, f"{(full - self.time()) / (full - bound):.2f}" if self.label != "full" else ""


def measure(setting, with_rival):
    """The sets in turns, so that a share of the full step is of the same minutes."""
    sets = [Measured(label, options) for label, options in METHODS]
    rounds = max(setting.runs, BOUND_RUNS)
    with tempfile.TemporaryDirectory() as work:
        for number in range(rounds):
            for at, one in enumerate(sets):
                print(f"round {number + 1} of {rounds}: {one.label}", file=sys.stderr, flush=True)
                one.run_ours(work, setting, len(sets) * number + at)
                if with_rival and number < setting.runs:
                    one.run_rival(work, setting, "eager")
        for one in sets:
            if with_rival and one.label == "spectrum 25 %":
                one.run_rival(work, setting, "compile")
    return sets


def print_head(setting):
    print(f"\nsequence {setting.seq} x {setting.batch}, {setting.dtype}{' with fp32 masters' if setting.dtype == 'bf16' else ''}, "
          f"{os.cpu_count()} cores, peak {setting.peak / 1e9:.0f} GFLOP/s")


def bounds(setting, shapes):
    print_head(setting)
    print("| what trains | spectrum | of the peak | of full | bound | saved of the bound |\n|" + "---|" * 6)
    sets = measure(setting, False)
    full = sets[0].time()
    for one in sets:
        bound, share = one.of_the_bound(full, shapes, setting)
        print(f"| {one.label} | {one.time():.3f} s | {multiplications(one.names, shapes, setting) / one.time() / setting.peak:.0%} "
              f"| {one.time() / full:.3f} | {bound / full:.3f} | {share} |", flush=True)


def table(setting, shapes):
    print_head(setting)
    print("| what trains | spectrum | torch | compiled | faster | of the peak | of full | bound | saved of the bound "
          "| memory | torch's | ratio | activations | torch's | ratio |\n|" + "---|" * 15)
    sets = measure(setting, True)
    full = sets[0].time()
    for one in sets:
        own, other = one.time(), statistics.median(one.other)
        compiled = statistics.median(one.compiled) if one.compiled else None
        best, total = min(other, compiled or other), sum(one.memory.values())
        mine, theirs = one.memory["activations"] + one.memory["workspace"], one.rival_peak - one.kept
        bound, share = one.of_the_bound(full, shapes, setting)
        print(f"| {one.label} | {own:.3f} s | {other:.3f} s | {f'{compiled:.3f} s' if compiled else ''} | {best / own:.2f} "
              f"| {multiplications(one.names, shapes, setting) / own / setting.peak:.0%} | {own / full:.3f} | {bound / full:.3f} | {share} "
              f"| {total / 1e6:.0f} MB | {one.rival_peak / 1e6:.0f} MB | {total / one.rival_peak:.2f} "
              f"| {mine / 1e6:.0f} MB | {theirs / 1e6:.0f} MB | {mine / theirs:.2f} |", flush=True)


def main():
    tensors = json.loads(sh(binary, "info", model, "--json"))["tensors"]
    shapes = {t.get("module", t["name"]): t["shape"] for t in tensors if len(t["shape"]) == 2}
    chosen = sys.argv[5:]
    show = bounds if chosen[:1] == ["bound"] else table
    chosen = chosen[show is bounds:]
    if chosen[:1] == ["all"]:
        settings = [(s, b, d) for d in ("bf16", "fp32") for s in (512, 2048) for b in (1, 4)]
    else:
        seq, batch, dtype = (chosen + ["512", "1", "bf16"][len(chosen):])[:3]
        settings = [(int(seq), int(batch), dtype)]
    for seq, batch, dtype in settings:
        show(Setting(seq, batch, dtype), shapes)


if __name__ == "__main__":
    main()
