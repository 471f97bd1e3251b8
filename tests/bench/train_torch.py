#!/usr/bin/env python3
"""The rival's side of train.py, in a process of its own: PyTorch + transformers on a GGUF model.

    train_torch.py MODEL.gguf NAMES.json SEQ BATCH STEPS DTYPE eager|compile

The same weight, master and moment types as `spectrum train`: bf16 weights with fp32 masters, or fp32.
Frozen tensors have requires_grad off. Prints one JSON object: seconds of each step, and the peak of
resident memory over the steps, without loading, less what the process had before the model.
"""
import json
import os
import re
import sys
import time

import torch
from transformers import AutoModelForCausalLM


def resident(field):
    """Bytes of VmRSS (now) or VmHWM (peak) of this process."""
    return int(re.search(field + r":\s+(\d+) kB", open("/proc/self/status").read()).group(1)) * 1024


path, names, seq, batch, steps, dtype, mode = sys.argv[1:8]
trained = set(json.load(open(names)))
torch.set_num_threads(os.cpu_count())
before = resident("VmRSS")
model = AutoModelForCausalLM.from_pretrained(os.path.dirname(path), gguf_file=os.path.basename(path),
                                             dtype=torch.bfloat16 if dtype == "bf16" else torch.float32)
model.train()
parameters = []
for name, p in model.named_parameters():
    p.requires_grad_(name in trained)
    if p.requires_grad:
        parameters.append(p)
masters = [p.detach().float().clone() for p in parameters] if dtype == "bf16" else parameters
optimizer = torch.optim.AdamW(masters, lr=1e-5, weight_decay=0, fused=True)
run = torch.compile(model) if mode == "compile" else model
generator = torch.Generator().manual_seed(1)
seconds = []
open("/proc/self/clear_refs", "w").write("5")  # the peak of loading is not the peak of training
for _ in range(int(steps)):
    ids = torch.randint(0, 40000, (int(batch), int(seq)), generator=generator)
    start = time.monotonic()
    run(input_ids=ids, labels=ids, use_cache=False).loss.backward()
    if dtype == "bf16":
        for p, q in zip(parameters, masters):
            q.grad = p.grad.float()
            p.grad = None
    torch.nn.utils.clip_grad_norm_(masters, 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    if dtype == "bf16":
        with torch.no_grad():
            torch._foreach_copy_(parameters, masters)
    seconds.append(time.monotonic() - start)
# What is there whatever the batch: weights, masters, moments, and gradients as they stand at the step.
trained_elements = sum(p.numel() for p in parameters)
weights = sum(p.numel() * p.element_size() for p in model.parameters())
kept = weights + trained_elements * (4 * 3 + (4 if dtype == "bf16" else 0))
print(json.dumps({"seconds": seconds, "bytes": resident("VmHWM") - before, "kept": kept, "attention": model.config._attn_implementation}))
