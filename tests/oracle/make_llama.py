#!/usr/bin/env python3
"""Loss and gradient norms of a Llama folder by transformers and PyTorch, fp32, eager attention.

    make_llama.py MODEL_FOLDER OUT.json

Two documents in one row of 48 tokens, isolated from one another: computed as two rows of their own.
The loss is the sum over supervised tokens (all but each document's last position); per tensor the
gradient's norm and its projection on a fixed +-1 vector (element i: + where i * 2654435761 mod 2^32
has its top bit clear).
"""
import json
import sys

import numpy as np
import torch
from transformers import LlamaForCausalLM

folder, out = sys.argv[1:3]
model = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager")
model.eval()
ids = [(7 * i * i + 3 * i + 11) % model.config.vocab_size for i in range(48)]
offsets = [0, 20, 48]
loss = 0
for first, last in zip(offsets, offsets[1:]):
    document = torch.tensor([ids[first:last]])
    logits = model(document).logits[0, :-1]
    loss = loss + torch.nn.functional.cross_entropy(logits, document[0, 1:], reduction="sum")
loss.backward()
tensors = {}
for name, p in model.named_parameters():
    g = p.grad.double().flatten().numpy()
    sign = np.where((np.arange(len(g), dtype=np.uint64) * 2654435761) & 0x80000000, -1.0, 1.0)
    tensors[name] = {"norm": float(np.linalg.norm(g)), "projection": float(g @ sign)}
with open(out, "w") as f:
    json.dump({"ids": ids, "offsets": offsets, "loss": loss.item(), "gradients": tensors}, f, indent=0)
    f.write("\n")
print(out, loss.item(), len(tensors), "tensors")
