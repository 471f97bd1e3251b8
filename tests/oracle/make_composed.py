#!/usr/bin/env python3
"""Small checkpoints as quantisers store them, and what the tools themselves make of the codes.

    make_composed.py OUT_FOLDER

A folder of OUT_FOLDER each for fp8, mlx, bnb and mxfp4: config.json, model.safetensors, and
expected.safetensors with every weight under its own name, in the type that the tool gives. Where the
tool cannot take a case (transformers no block that the matrix's end cuts: it divides the matrix by the
scales that there are), the formula does, which is held against the tool on those that it can.
"""
import json
import pathlib
import sys

import mlx.core as mx
import numpy as np
import torch
from bitsandbytes import functional as bnb
from safetensors.torch import save_file
from transformers.integrations.finegrained_fp8 import Fp8Dequantize
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

rng = np.random.default_rng(11)
torch.manual_seed(11)
mx.set_default_device(mx.cpu)


def save(folder, config, stored, expected):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    for name, tensors in (("model", stored), ("expected", expected)):
        path = folder / f"{name}.safetensors"
        save_file({key: value.contiguous() for key, value in tensors.items()}, path)
        path.chmod(0o644)


def random_bytes(*shape):
    return torch.from_numpy(rng.integers(0, 256, shape, dtype=np.uint8))


def fp8_codes(dtype, *shape):
    codes = random_bytes(*shape)
    while (bad := ~torch.isfinite(codes.view(dtype).float())).any():
        codes[bad] = random_bytes(int(bad.sum()))
    return codes.view(dtype)


def fp8_formula(codes, scales, block):
    grid = scales.float()
    for side, size in ((-2, block[0]), (-1, block[1])):
        grid = grid.repeat_interleave(size, side).narrow(side, 0, codes.shape[side])
    return codes.float() * grid


def make_fp8(folder):
    """Blocks of one size, in `folder`; in two more those of another size, and what needs no size said."""
    tool = Fp8Dequantize(None)
    e4m3, e5m2 = torch.float8_e4m3fn, torch.float8_e5m2
    stored, expected = {}, {}

    def add(name, codes, suffix, scales, block):
        stored[name], stored[name + suffix] = codes, scales
        expected[name] = fp8_formula(codes, scales.reshape(1, 1) if scales.dim() < 1 else scales, block)
        if scales.dim() >= 2 and all(codes.shape[i] % block[i] == 0 for i in (-2, -1)):
            assert torch.equal(tool._dequantize_one(codes, scales, torch.float32), expected[name]), name

    def put(ending, block, *modules):
        config = {"quant_method": "fp8"} | ({"weight_block_size": block} if block else {})
        save(folder.with_name(folder.name + ending), {"model_type": "x", "quantization_config": config},
             *({k: v for k, v in tensors.items() if k.split(".")[2] in modules} for tensors in (stored, expected)))

    add("m.0.whole.weight", fp8_codes(e4m3, 48, 96), "_scale_inv", torch.randn(3, 3) * 1e-3, (16, 32))
    add("m.0.cut.weight", fp8_codes(e4m3, 20, 40), "_scale_inv", torch.randn(2, 2) * 1e-3, (16, 32))
    add("m.0.rows.weight", fp8_codes(e4m3, 6, 10), "_scale", torch.randn(6, 1).bfloat16(), (1, 10))
    add("m.0.all.weight", fp8_codes(e5m2, 5, 7), "_scale", torch.tensor(0.37), (5, 7))
    add("m.0.powers.weight", fp8_codes(e4m3, 4, 64), "_scale_inv",
        torch.tensor([[0, 1], [100, 120], [127, 130], [140, 200]], dtype=torch.uint8).view(torch.float8_e8m0fnu),
        (1, 32))
    add("m.0.experts.up_proj", fp8_codes(e4m3, 2, 32, 64), "_scale_inv", torch.randn(2, 2, 2), (16, 32))
    stored["m.0.all.input_scale"] = torch.tensor(0.5)
    stored["m.0.norm.weight"] = expected["m.0.norm.weight"] = torch.randn(8).bfloat16()
    put("", [16, 32], "whole", "cut", "experts", "norm")
    put("_shapes", None, "rows", "all")
    put("_powers", [1, 32], "powers")


def make_mlx(folder):
    stored, expected, settings = {}, {}, {"group_size": 64, "bits": 4}
    types = {"f32": mx.float32, "f16": mx.float16, "bf16": mx.bfloat16}

    def to_torch(array):
        if array.dtype == mx.bfloat16:
            return torch.from_numpy(np.array(array.view(mx.uint16))).view(torch.bfloat16)
        return torch.from_numpy(np.array(array))

    def add(module, dtype, bits, group, *shape):
        values = mx.array(rng.standard_normal(shape).astype(np.float32)).astype(dtype)
        codes, scales, biases = mx.quantize(values, group_size=group, bits=bits)
        for name, part in (("weight", codes), ("scales", scales), ("biases", biases)):
            stored[f"{module}.{name}"] = to_torch(part)
        expected[f"{module}.weight"] = to_torch(mx.dequantize(codes, scales, biases, group_size=group, bits=bits))
        if (bits, group) != (4, 64):
            settings[module] = {"group_size": group, "bits": bits}

    for name, dtype in types.items():
        for bits in (2, 3, 4, 5, 6, 8):
            add(f"m.0.{name}_{bits}", dtype, bits, 32, 3, 64)
    add("m.0.usual", mx.bfloat16, 4, 64, 5, 128)
    add("m.0.experts", mx.float16, 6, 64, 2, 3, 64)
    save(folder, {"model_type": "x", "quantization": settings, "quantization_config": settings}, stored, expected)


def make_bnb(folder):
    stored, expected = {}, {}
    cases = [("nf4", torch.bfloat16, 32, True, (257, 32)), ("nf4", torch.float32, 64, False, (9, 50)),
             ("fp4", torch.float16, 64, True, (8, 40)), ("fp4", torch.bfloat16, 128, False, (3, 128)),
             ("nf4", torch.float16, 64, False, (7, 21))]
    for number, (kind, dtype, block, nested, shape) in enumerate(cases):
        values = torch.randn(shape).to(dtype)
        codes, state = bnb.quantize_4bit(values, blocksize=block, quant_type=kind, compress_statistics=nested)
        name = f"m.{number}.{kind}.weight"
        stored[name] = codes
        stored |= {f"{name}.{key}": value for key, value in state.as_dict(packed=True).items()}
        expected[name] = bnb.dequantize_4bit(codes, state)
        assert expected[name].shape == shape and expected[name].dtype == dtype
    values = torch.randn(6, 40).bfloat16()  # stored as FSDP wants it
    codes, state = bnb.quantize_4bit(values, quant_type="nf4", quant_storage=torch.bfloat16)
    stored["m.5.stored.weight"] = codes
    stored |= {f"m.5.stored.weight.{key}": value for key, value in state.as_dict(packed=True).items()}
    expected["m.5.stored.weight"] = bnb.dequantize_4bit(codes, state)
    codes, scales, _ = bnb.int8_vectorwise_quant(torch.randn(6, 40).half())
    stored |= {"m.6.int8.weight": codes, "m.6.int8.SCB": scales,
               "m.6.int8.weight_format": torch.tensor(0, dtype=torch.uint8)}
    expected["m.6.int8.weight"] = bnb.int8_vectorwise_dequant(codes, scales)
    save(folder, {"model_type": "x", "quantization_config": {"quant_method": "bitsandbytes"}}, stored, expected)


def make_mxfp4(folder):
    blocks, scales = random_bytes(2, 5, 3, 16), random_bytes(2, 5, 3) // 4 + 96
    scales[0, 0] = torch.tensor([0, 1, 252], dtype=torch.uint8)
    stored = {"m.0.experts.up_proj_blocks": blocks, "m.0.experts.up_proj_scales": scales}
    save(folder, {"model_type": "x", "quantization_config": {"quant_method": "mxfp4"}}, stored,
         {"m.0.experts.up_proj": convert_moe_packed_tensors(blocks, scales)})


def main():
    out = pathlib.Path(sys.argv[1])
    for make in (make_fp8, make_mlx, make_bnb, make_mxfp4):
        make(out / make.__name__[len("make_"):])


if __name__ == "__main__":
    main()
