#!/usr/bin/env python3
"""SmolLM2-135M-Instruct (Q4_1, GGUF) in transformers + PyTorch: loss and gradients of one sequence.

    make_smollm2.py models/SmolLM2-135M-Instruct.Q4_1.gguf tests/data/train/smollm2.json

The loss in fp32 and fp64; of every tensor's gradient in fp64 (fp32's own error there reaches 7e-4 of the
norm) the norm and 64 projections on +-1 vectors, over the norm; the sign of projection p at element i is
bit p of splitmix64(i). How far PyTorch's own loss and gradients are from that in fp32 and in bf16. The
weights are transformers' dequantisation of the file.
"""
import json
import os
import sys

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

PROJECTIONS, CHUNK = 64, 1 << 18
TEXT = ("The ship left the harbour at dawn, and by noon the coast was a thin blue line behind it. Nobody on board had "
        "slept. The captain, who had made this crossing 27 times, looked at the glass and said nothing; the mate, who "
        "had made it twice, looked at the captain.\nvalues = [x * 2 for x in range(10)]\nWhat did they expect to find there?")


def splitmix64(i):
    z = (i + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def project(gradient):
    flat, sums = gradient.flatten().double().numpy(), np.zeros(PROJECTIONS)
    for first in range(0, flat.size, CHUNK):
        part = flat[first:first + CHUNK]
        words = splitmix64(np.arange(first, first + part.size, dtype=np.uint64))
        bits = np.unpackbits(words.view(np.uint8).reshape(-1, 8), axis=1, bitorder="little")
        sums += part @ (1.0 - 2.0 * bits)
    return sums


def run(path, ids, dtype):
    model = AutoModelForCausalLM.from_pretrained(os.path.dirname(path) or ".", gguf_file=os.path.basename(path),
                                                 dtype=torch.float32, attn_implementation="eager").to(dtype).eval()
    logits = model(torch.tensor([ids])).logits[0, :-1].to(torch.promote_types(dtype, torch.float32))
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(ids[1:]), reduction="sum")
    loss.backward()
    return loss.item(), {name: p.grad.to(torch.promote_types(dtype, torch.float32)) for name, p in model.named_parameters()}


path, out = sys.argv[1:3]
tokenizer = AutoTokenizer.from_pretrained(os.path.dirname(path) or ".", gguf_file=os.path.basename(path))
ids = tokenizer(TEXT).input_ids[:96]
loss, exact = run(path, ids, torch.float64)
result = {"ids": ids, "offsets": [0, len(ids)], "loss": loss, "gradients": {}}
for name, g in exact.items():
    norm = g.norm().item()
    result["gradients"][name] = {"norm": norm, "projections": [float(f"{x / norm:.7g}") for x in project(g)]}
for label, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
    rough_loss, rough = run(path, ids, dtype)
    distances = {n: float(f"{(rough[n].double() - g).norm().item() / g.norm().item():.4g}") for n, g in exact.items()}
    result[label] = {"loss": rough_loss, "distances": distances}
    print(label, rough_loss, "worst distance", max(distances.values()))
with open(out, "w") as file:
    json.dump(result, file)
    file.write("\n")
print(len(ids), "tokens, loss", loss)
