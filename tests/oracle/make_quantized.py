#!/usr/bin/env python3
"""Blocks of random bytes in every type of GGUF that we read, and what the gguf package makes of them.

    make_quantized.py OUT_FOLDER

OUT_FOLDER/quantized.gguf holds a tensor a type, "plain" types among them; the fp16 scales of the
blocks are any finite numbers, subnormal and negative ones too. OUT_FOLDER/quantized.safetensors has
the same names in F32.
"""
import pathlib
import sys

import gguf
import numpy as np
from safetensors.numpy import save_file

TYPES = ["F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
         "IQ1_S", "IQ1_M", "IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ4_NL", "IQ4_XS", "TQ1_0", "TQ2_0",
         "MXFP4"]
# Byte positions of the fp16 numbers in a block (ggml-common.h).
SCALES = {"Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2], "Q8_0": [0], "Q2_K": [80, 82],
          "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208], "F16": [0],
          "IQ1_S": [0], "IQ2_XXS": [0], "IQ2_XS": [0], "IQ2_S": [0], "IQ3_XXS": [0], "IQ3_S": [0], "IQ4_NL": [0],
          "IQ4_XS": [0], "TQ1_0": [52], "TQ2_0": [64]}
ROWS, COLS = 3, 512


def random_blocks(kind, rng):
    elements, size = gguf.GGML_QUANT_SIZES[kind]
    blocks = rng.integers(0, 256, (ROWS * COLS // elements, size), dtype=np.uint8)
    if kind.name in ("F32", "BF16"):  # finite: the exponent's topmost bit is clear
        blocks[:, -1] &= 0xBF
    for at in SCALES.get(kind.name, []):  # finite: not all five exponent bits are set
        words = blocks[:, at:at + 2].copy().view(np.uint16)
        words[(words & 0x7C00) == 0x7C00] ^= 0x4000
        blocks[:, at:at + 2] = words.view(np.uint8)
    if kind.name == "IQ1_M":  # the number's upper four bits are those of the last two bytes
        blocks[:, 55] &= 0xBF
    if kind.name == "MXFP4":  # a power of two: 6 times it is still a number
        blocks[:, 0] = np.minimum(blocks[:, 0], 252)
        blocks[:2, 0] = 0, 1
    return blocks.reshape(ROWS, -1)


def main():
    out, rng, expected = pathlib.Path(sys.argv[1]), np.random.default_rng(5), {}
    writer = gguf.GGUFWriter(out / "quantized.gguf", "none")
    for name in TYPES:
        kind = gguf.GGMLQuantizationType[name]
        blocks = random_blocks(kind, rng)
        writer.add_tensor(name, blocks, raw_dtype=kind)
        if name == "F32":
            values = blocks.view(np.float32)
        elif name == "F16":
            values = blocks.view(np.float16).astype(np.float32)
        else:
            values = gguf.dequantize(blocks, kind)
        assert values.shape == (ROWS, COLS) and np.isfinite(values).all(), name
        expected[name] = np.ascontiguousarray(values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    save_file(expected, out / "quantized.safetensors")
    (out / "quantized.safetensors").chmod(0o644)


if __name__ == "__main__":
    main()
