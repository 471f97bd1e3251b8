#!/usr/bin/env python3
"""How far PyTorch in bf16 is from fp32 on the tiny models of make_tiny_models.py.

    make_tiny_bf16.py DATA_FOLDER

Reads DATA_FOLDER/NAME/ and NAME.json, writes DATA_FOLDER/tiny_bf16.json: per model and case the loss
in bf16, and the distance of all gradients from those in fp32, relative to their norm.
"""
import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM

from make_tiny_models import MODELS, sum_of_losses


def run(folder, case, dtype):
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=dtype).eval()
    loss = sum_of_losses(model, case)
    loss.backward()
    return loss.item(), torch.cat([p.grad.double().flatten() for p in model.parameters()])


def main():
    data = pathlib.Path(sys.argv[1])
    out = {}
    for name in MODELS:
        cases = json.loads((data / f"{name}.json").read_text())
        for kind, case in cases.items():
            exact, gradient = run(data / name, case, torch.float32)
            loss, rough = run(data / name, case, torch.bfloat16)
            distance = ((rough - gradient).norm() / gradient.norm()).item()
            out.setdefault(name, {})[kind] = {"loss": loss, "gradients": distance}
            print(f"{name}, {kind}: loss off by {loss - exact:.4f} of {exact:.2f}, gradients by {distance:.4f}")
    (data / "tiny_bf16.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
