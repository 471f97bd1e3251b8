#!/usr/bin/env python3
"""Reference scores of a model's matrices: the formula in fp64 (numpy) and the reference script's own
arithmetic (torch, fp32).

    make_snr.py MODEL.gguf|model.safetensors OUT.json

Each row: fp64 score, threshold, counts; fp32 score; whether a singular value lies within 64 eps32
sigma_max of the threshold ("near": fp32 may count it on the other side). An empty noise set is
Infinity. Matrices: the 2-D weights of the blocks, under their Hugging Face names.
"""
import json
import math
import re
import sys

import numpy as np
import torch

GGUF_NAMES = {
    "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}


def matrices(path):
    if path.endswith(".gguf"):
        import gguf

        for t in gguf.GGUFReader(path).tensors:
            m = re.match(r"blk\.(\d+)\.(\w+)\.weight$", t.name)
            if m and m.group(2) in GGUF_NAMES:
                yield f"model.layers.{m.group(1)}.{GGUF_NAMES[m.group(2)]}", gguf.dequantize(t.data, t.tensor_type)
    else:
        from safetensors.torch import load_file

        for name, t in load_file(path).items():
            if t.dim() == 2 and ".layers." in name:
                yield name.removesuffix(".weight"), t.float().numpy()


def formula(s, shape, quantile):
    sigma = (quantile(s, 0.75) - quantile(s, 0.25)) / 1.349
    threshold = sigma * (1 + math.sqrt(min(shape) / max(shape)))
    signal, noise = s[s > threshold].sum(), s[s <= threshold].sum()
    snr = float(signal / noise / s.max()) if noise > 0 else math.inf
    return snr, float(threshold), int((s > threshold).sum())


def main():
    source, out = sys.argv[1:3]
    rows, near = {}, 0
    for name, w in matrices(source):
        s = np.linalg.svd(w.astype(np.float64), compute_uv=False)
        snr, threshold, count = formula(s, w.shape, np.quantile)
        s32 = torch.linalg.svdvals(torch.from_numpy(np.array(w, dtype=np.float32)))
        snr32, _, _ = formula(s32, w.shape, lambda v, q: torch.quantile(v, q))
        close = bool(np.abs(s - threshold).min() <= 64 * np.finfo(np.float32).eps * s[0])
        near += close
        rows[name] = {"snr": snr, "threshold": threshold, "signal_count": count, "count": len(s),
                      "sigma_max": float(s[0]), "sigma_min": float(s[-1]), "snr_fp32": snr32, "near": close}
    with open(out, "w") as f:
        f.write("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items()) + "\n}\n")
    print(f"{out}: {len(rows)} matrices, {near} near the threshold")


main()
