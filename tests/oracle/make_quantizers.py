#!/usr/bin/env python3
"""NF4 weights, 8-bit dynamic maps and ten steps of 8-bit AdamW as bitsandbytes has them.

    make_quantizers.py OUT_FOLDER

Writes OUT_FOLDER/quantizers.safetensors. bitsandbytes' compiled library for processors is hidden
from it, so that its own Python implementation quantises: the library rounds to a grid of 65536 before
it looks for the nearest code, which the kernels for GPUs do not. What the library makes of the same
weights is compared here, and how far it is off is printed.

Weights are multiples of 2^-16, so that torch.mean is the same on every machine, but for "fine" and
those that are one block.
"large" is bf16, to keep the file small; instead of its dequantised values it has their hash (64-bit
FNV-1a of the bytes).
"""
import ctypes
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["TORCHDYNAMO_DISABLE"] = "1"
import torch
from safetensors.torch import load_file, save_file

STEPS, KEPT = 10, (1, 10)
# As f32 has them: 1 - beta2 is then the same on both sides.
RATE, BETA1, BETA2, EPSILON, DECAY = torch.tensor([0.01, 0.9, 0.999, 1e-8, 0.1]).tolist()


def import_bitsandbytes(hidden):
    loader = ctypes.cdll.LoadLibrary
    if hidden:
        ctypes.cdll.LoadLibrary = lambda path: (_ for _ in ()).throw(OSError(f"{path} is hidden"))
    import bitsandbytes
    ctypes.cdll.LoadLibrary = loader
    return bitsandbytes


def fnv(tensor):
    value = 0xCBF29CE484222325
    for byte in tensor.contiguous().view(torch.uint8).flatten().tolist():
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return torch.tensor([value - 2**64 if value >= 2**63 else value], dtype=torch.int64)


def find_split(code, count):
    """A block that begins with its absmax, of numbers between two codes for which x * (1 / absmax) is on
    one side and x / absmax on the other: what is done with a full block and with a short one."""
    middle = (code[1:] + code[:-1]) / 2
    for i in range(1, 200):
        absmax = torch.tensor(1 + i / 256)
        x = middle * absmax
        x = torch.cat([x, torch.nextafter(x, torch.tensor(2.0)), torch.nextafter(x, torch.tensor(-2.0))])
        x = x[torch.bucketize(x * (1 / absmax), middle) != torch.bucketize(x / absmax, middle)]
        if x.numel() >= 4:
            return torch.cat([absmax.reshape(1), x[torch.arange(count - 1) % x.numel()]])
    raise SystemExit("no absmax splits numbers")


def make_blocks(functional):
    """The dynamic type on a full and on a short block."""
    out = {}
    for count in (256, 100):
        x = find_split(functional.create_dynamic_map(True), count)
        out[f"block{count}.x"] = x
        out[f"block{count}.codes"], state = functional.quantize_blockwise(x, blocksize=256)
        out[f"block{count}.absmax"] = state.absmax
    return out


def make_weights(functional):
    generator = torch.Generator().manual_seed(3)

    def fine(*shape):
        return torch.randn(*shape, generator=generator) * 0.02

    def normal(*shape):
        return torch.round(fine(*shape) * 2**16) / 2**16

    outliers = normal(5, 130)
    outliers[1, 7], outliers[3, 100], outliers[4, 129] = 3.5, -2.0, 0.9
    zeros = normal(4, 64)
    zeros[1] = 0
    # Boundaries between codes exactly, and beside them: the largest is 1 in every block.
    code = functional.get_4bit_type("nf4", "cpu")
    middle = (code[1:] + code[:-1]) / 2
    up, down = torch.nextafter(middle, torch.tensor(2.0)), torch.nextafter(middle, torch.tensor(-2.0))
    ties = torch.cat([middle, up, down, code, torch.ones(3)]).reshape(1, 64)
    full, short = find_split(code, 64), find_split(code, 40)
    large = (normal(261, 65) * torch.rand(261, 1, generator=generator)).to(torch.bfloat16)
    return {"normal": normal(6, 64), "one": normal(1, 1), "short": normal(3, 7), "outliers": outliers, "zero": zeros,
            "zero_end": torch.cat([normal(1, 64), torch.zeros(1, 9)], 1), "ties": ties, "fine": fine(8, 64),
            "split": full.reshape(1, 64), "split_short": short.reshape(1, 40), "large": large}


def quantize(functional, weight):
    """Codes, the scales as struct weight has them one after another, the values in f32 and bf16."""
    codes, state = functional.quantize_4bit(weight.float(), blocksize=64, quant_type="nf4", compress_statistics=True)
    wide = functional.dequantize_4bit(codes, state)
    state.dtype = torch.bfloat16
    narrow = functional.dequantize_4bit(codes, state)
    return {"codes": codes.flatten(), "offset": state.offset.reshape(1), "absmax2": state.state2.absmax,
            "q": state.absmax, "values": wide, "values_bf16": narrow}


def make_nf4(functional):
    out = {}
    for name, weight in make_weights(functional).items():
        parts = quantize(functional, weight)
        if weight.numel() > 1000:
            parts["values_bf16.hash"] = fnv(parts.pop("values_bf16"))
            parts["values.hash"] = fnv(parts.pop("values"))
        blocks = torch.cat([b.abs().max().reshape(1) for b in weight.float().flatten().split(64)]).clamp(min=1e-38)
        exact = blocks.double().mean().float()
        assert exact == parts["offset"] or name == "fine", f"{name}: torch.mean rounds more than once"
        out |= {f"{name}.{key}": value for key, value in parts.items()}
        out[f"{name}.x"] = weight
        out[f"{name}.shape"] = torch.tensor(weight.shape)
    return out


def make_adamw(bitsandbytes):
    """Parameters and states after some of the steps; the gradient of a step is `gradient` turned round
    by 37 elements a step, times 1, 1/2, 1/4, 1/8, 1, ..."""
    generator = torch.Generator().manual_seed(4)
    count = 4096 + 100
    start = (torch.randn(count, generator=generator) * 0.1).to(torch.bfloat16)
    gradient = torch.randn(count, generator=generator)
    gradient *= torch.exp(torch.randn(count, generator=generator))  # some decades
    gradient[512:768] = 0
    gradient = gradient.to(torch.bfloat16)
    p = torch.nn.Parameter(start.float())
    optimizer = bitsandbytes.optim.AdamW8bit([p], lr=RATE, betas=(BETA1, BETA2), eps=EPSILON, weight_decay=DECAY)
    out = {"adamw.start": start, "adamw.gradient": gradient}
    for step in range(1, STEPS + 1):
        p.grad = gradient.float().roll(-37 * step) * 0.5 ** ((step - 1) % 4)
        optimizer.step()
        state = optimizer.state[p]
        if step in KEPT:
            out |= {f"adamw.{step}.{key}": value.clone() for key, value in
                    (("p", p.detach()), ("m", state["state1"]), ("v", state["state2"]),
                     ("m_scales", state["absmax1"]), ("v_scales", state["absmax2"]))}
    return out


def compare(ours, theirs):
    for name in sorted({key.split(".")[0] for key in ours}):
        codes, q = ((ours[f"{name}.{k}"].int() - theirs[f"{name}.{k}"].int()).abs() for k in ("codes", "q"))
        keys = ("values.hash", "values_bf16.hash") if f"{name}.values.hash" in ours else ("values", "values_bf16")
        same = all(torch.equal(ours[f"{name}.{k}"], theirs[f"{name}.{k}"]) for k in keys)
        print(f"{name}: the compiled library has {int((codes > 0).sum())} other codes, {int((q > 0).sum())} of "
              f"{q.numel()} other scales (by at most {int(q.max())}), "
              f"{'the same' if same else 'other'} values")


def main():
    bitsandbytes = import_bitsandbytes(hidden=sys.argv[1] != "--compiled")
    out = make_nf4(bitsandbytes.functional)
    if sys.argv[1] == "--compiled":
        save_file(out, sys.argv[2])
        return
    path = pathlib.Path(sys.argv[1]) / "quantizers.safetensors"
    with tempfile.NamedTemporaryFile() as compiled:
        subprocess.run([sys.executable, __file__, "--compiled", compiled.name], check=True)
        compare(out, load_file(compiled.name))
    out |= make_blocks(bitsandbytes.functional) | make_adamw(bitsandbytes)
    for name in ("signed", "unsigned"):
        out[f"map.{name}"] = bitsandbytes.functional.create_dynamic_map(name == "signed")
    save_file(out, path)
    path.chmod(0o644)


if __name__ == "__main__":
    main()
