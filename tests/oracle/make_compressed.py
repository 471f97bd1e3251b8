#!/usr/bin/env python3
"""Small checkpoints as compressed-tensors and ModelOpt store them, and what the tools make of the codes.

    make_compressed.py OUT_FOLDER

A folder of OUT_FOLDER each for fp4, ints and modelopt, as those of make_composed.py. The tools round what they make to
bf16, or to the scales' type: expected.safetensors has it in fp32, by the formula, which is held here against
the tools' own rounded values.
"""
import json
import pathlib
import sys
import textwrap
import types

import torch
from compressed_tensors.compressors.mxfp4.base import MXFP4PackedCompressor
from compressed_tensors.compressors.naive_quantized.base import NaiveQuantizationCompressor
from compressed_tensors.compressors.nvfp4.base import NVFP4PackedCompressor
from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8
from compressed_tensors.compressors.pack_quantized.base import PackedQuantizationCompressor
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from safetensors.torch import save_file

torch.manual_seed(12)


def save(folder, config, stored, expected):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
    for name, tensors in (("model", stored), ("expected", expected)):
        path = folder / f"{name}.safetensors"
        save_file({key: value.contiguous() for key, value in tensors.items()}, path)
        path.chmod(0o644)


def scheme(**weights):
    return QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**weights))


def same_rounded(tool, formula, name):
    assert torch.equal(tool, formula.to(tool.dtype)), f"{name}: the tool has other values"


def random_bytes(*shape, low=0, high=256):
    return torch.randint(low, high, shape, dtype=torch.int32).to(torch.uint8)


def modelopt_dequantize(codes, scale, scale_2):
    """NVFP4QTensor.dequantize() alone: its package wants CUDA's tools as it is imported."""
    folder = next(pathlib.Path(path) / "modelopt" for path in sys.path if (pathlib.Path(path) / "modelopt").is_dir())
    source = (folder / "torch/quantization/qtensor/nvfp4_tensor.py").read_text()
    scope = {"torch": torch}
    exec(textwrap.dedent(source[source.index("    def dequantize("):]), scope)
    e2m1 = torch.tensor([0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6])
    assert "[0, 0.5, 1, 1.5, 2, 3, 4, 6, 0, -0.5, -1, -1.5, -2, -3, -4, -6]" in source, "ModelOpt's E2M1 is another"
    shape = (*codes.shape[:-1], codes.shape[-1] * 2)
    own = types.SimpleNamespace(metadata={"dtype": torch.float32, "shape": shape}, _quantized_data=codes,
                                get_e2m1_values=lambda device: e2m1)
    return scope["dequantize"](own, dtype=torch.float32, scale=scale, double_scale=scale_2, block_sizes={-1: 16})


def wide(codes):
    return unpack_fp4_from_uint8(codes.flatten(0, -2), codes[..., 0].numel(), codes.shape[-1] * 2,
                                 torch.float32).reshape(*codes.shape[:-1], -1)


def grouped(scales, group):
    return scales.repeat_interleave(group, -1)


def make_fp4(folder):
    stored, expected = {}, {}

    def fp8_scales(*shape):
        return (torch.rand(shape) * 200 + 0.01).to(torch.float8_e4m3fn)

    nv = scheme(num_bits=4, type="float", strategy="tensor_group", group_size=16)
    for name, rows, cols in (("m.0.packed", 6, 64), ("m.0.one", 1, 16), ("m.0.tall", 33, 48)):
        codes, scales = random_bytes(rows, cols // 2), fp8_scales(rows, cols // 16)
        whole = torch.rand(1) * 1000 + 1
        stored |= {f"{name}.weight_packed": codes, f"{name}.weight_scale": scales, f"{name}.weight_global_scale": whole,
                   f"{name}.input_global_scale": torch.rand(1)}
        value = wide(codes) * grouped(scales.float() / whole, 16)
        tool = NVFP4PackedCompressor.decompress({"weight_packed": codes, "weight_scale": scales,
                                                 "weight_global_scale": whole}, nv)["weight"]
        same_rounded(tool, value, name)
        expected[f"{name}.weight"] = value
    for name, shape in (("m.1.modelopt", (5, 32)), ("m.1.experts.up_proj", (2, 4, 32))):
        codes, scales = random_bytes(*shape[:-1], shape[-1] // 2), fp8_scales(*shape[:-1], shape[-1] // 16)
        scale_2 = torch.rand(2 if len(shape) == 3 else ()) * 1e-3
        codes[..., 0, 0] = 0x80  # a zero with a sign, which ModelOpt has without it
        value = wide(codes) * grouped(scales.float() * (scale_2.reshape(-1, 1, 1) if len(shape) == 3 else scale_2), 16)
        if len(shape) == 2:
            assert torch.equal(modelopt_dequantize(codes, scales, scale_2), value), name
        stored |= {f"{name}.weight": codes, f"{name}.weight_scale": scales, f"{name}.weight_scale_2": scale_2,
                   f"{name}.input_scale": torch.rand(())}
        expected[f"{name}.weight"] = value
    mx = scheme(num_bits=4, type="float", strategy="group", group_size=32)
    codes, scales = random_bytes(7, 48), random_bytes(7, 3, low=100, high=140)
    stored |= {"m.2.mx.weight_packed": codes, "m.2.mx.weight_scale": scales}
    expected["m.2.mx.weight"] = wide(codes) * grouped(torch.exp2(scales.float() - 127), 32)
    tool = MXFP4PackedCompressor.decompress({"weight_packed": codes, "weight_scale": scales}, mx)["weight"]
    same_rounded(tool, expected["m.2.mx.weight"], "m.2.mx")
    stored["m.2.norm.weight"] = expected["m.2.norm.weight"] = torch.randn(8).bfloat16()
    save(folder, {"model_type": "x", "quantization_config": {"quant_method": "compressed-tensors",
                                                             "format": "nvfp4-pack-quantized"}}, stored, expected)


def make_ints(folder):
    stored, expected = {}, {}

    def add(name, compressor, rows, cols, dtype, strategy, bits, group=None, symmetric=True):
        """What the tool's own compress() stores of random values."""
        args = {"num_bits": bits, "type": "int", "strategy": strategy, "symmetric": symmetric}
        args |= {"group_size": group} if group else {}
        shape = {"tensor": (1,), "channel": (rows, 1), "group": (rows, cols // (group or cols))}[strategy]
        side = {"weight_scale": (torch.rand(shape) * 0.02 + 1e-3).to(dtype)}
        if not symmetric:
            half = 2 ** (bits - 1)
            side["weight_zero_point"] = torch.randint(-half, half, shape, dtype=torch.int8)
        plan = scheme(**args)
        parts = compressor.compress({"weight": torch.randn(rows, cols).to(dtype) * 0.5, **side}, plan)
        tool = compressor.decompress(parts, plan)["weight"]
        wide = side["weight_scale"].float().repeat_interleave(group or 1, -1)
        code = torch.round(tool.float() / wide)  # less its zero
        value = code * wide
        same_rounded(tool, value, name)
        assert code.abs().max() > 10 or bits < 8, f"{name}: its codes say little"
        stored.update({f"{name}.{key}": part for key, part in parts.items()})
        expected[f"{name}.weight"] = value

    naive, packed = NaiveQuantizationCompressor, PackedQuantizationCompressor
    f32, f16, bf16 = torch.float32, torch.float16, torch.bfloat16
    add("m.0.channel", naive, 9, 40, bf16, "channel", 8)
    add("m.0.tensor", naive, 5, 7, f32, "tensor", 8)
    add("m.0.group", naive, 6, 64, f16, "group", 8, 32)
    add("m.0.zeros", naive, 6, 10, bf16, "channel", 8, symmetric=False)
    add("m.1.w4", packed, 7, 64, bf16, "group", 4, 32)
    add("m.1.w4_zeros", packed, 21, 64, f16, "group", 4, 16, symmetric=False)
    add("m.1.w8", packed, 6, 37, bf16, "channel", 8)
    add("m.1.w8_zeros", packed, 11, 40, f32, "channel", 8, symmetric=False)
    add("m.1.w2", packed, 40, 70, f32, "channel", 2, symmetric=False)
    stored["m.1.norm.weight"] = expected["m.1.norm.weight"] = torch.randn(8).bfloat16()
    save(folder, {"model_type": "x", "quantization_config": {"quant_method": "compressed-tensors",
                                                             "format": "mixed-precision"}}, stored, expected)


def make_modelopt(folder):
    """Experts that are one parameter [n, in, out] (Llama 4, gpt-oss): quantised along "in", and stored as they lay."""
    stored, expected = {}, {}
    for name, shape in (("m.0.experts.gate_up_proj", (3, 12, 32)), ("m.1.experts.down_proj", (2, 5, 48))):
        codes = random_bytes(*shape[:-1], shape[-1] // 2)
        scales = (torch.rand(*shape[:-1], shape[-1] // 16) * 200 + 0.01).to(torch.float8_e4m3fn)
        scale_2 = torch.rand(()) * 1e-3
        stored |= {name: codes.transpose(1, 2), f"{name}_weight_scale": scales.transpose(1, 2),
                   f"{name}_weight_scale_2": scale_2, f"{name}_input_scale": torch.rand(())}
        value = wide(codes) * grouped(scales.float() * scale_2, 16)
        assert torch.equal(modelopt_dequantize(codes, scales, scale_2), value), name
        expected[name] = value.transpose(1, 2)
    name = "m.2.experts.gate_up_proj"
    codes, scale = (torch.randn(3, 7, 10) * 100).to(torch.float8_e4m3fn), torch.rand(()) * 1e-2
    stored |= {name: codes, f"{name}_weight_scale": scale, f"{name}_input_scale": torch.rand(())}
    expected[name] = codes.float() * scale
    save(folder, {"model_type": "x", "quantization_config": {"quant_method": "modelopt", "quant_algo": "NVFP4"}},
         stored, expected)


def main():
    out = pathlib.Path(sys.argv[1])
    make_fp4(out / "fp4")
    make_ints(out / "ints")
    make_modelopt(out / "modelopt")


if __name__ == "__main__":
    main()
