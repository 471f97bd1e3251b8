#!/usr/bin/env python3
"""Ten optimiser steps of PyTorch on the tiny models of make_tiny_models.py: the losses that the
trainer's own steps must give, fp32.

    make_adamw.py DATA_FOLDER

Reads DATA_FOLDER/NAME/, writes DATA_FOLDER/adamw.json. A step is a window of two batches with uneven
numbers of supervised tokens; the loss is the sum over the window divided by all of them. AdamW with
decay on matrices only, gradient norm clipped to 0.5, transformers' cosine schedule with a warm-up.
"""
import json
import pathlib
import sys

import torch
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup

from make_tiny_models import sum_of_losses

STEPS, WARMUP, RATE, DECAY, CLIP = 10, 2, 0.01, 0.1, 0.5
CASES = {
    "llama_untied": "",  # everything trains
    "llama_tied": "layers.1.mlp.down_proj layers.0.self_attn.k_proj layers.1.post_attention_layernorm",
    "mistral": "",
    "qwen2": "",
    "qwen2_window": "self_attn.q_proj.bias layers.1.self_attn.v_proj layers.0.mlp.down_proj",
    "qwen3": "",
    "qwen3_tied": "layers.1.self_attn.q_norm layers.0.self_attn.k_norm layers.1.mlp.gate_proj",
    "llama_bias": "layers.1.self_attn.q_proj layers.1.mlp.up_proj model.embed_tokens",
}


def make_batch(generator, vocab):
    ids = torch.randint(0, vocab, (32,), generator=generator).tolist()
    cut = int(torch.randint(4, 28, (1,), generator=generator))
    masked = int(torch.randint(0, 12, (1,), generator=generator))
    targets = [-1 if i in (cut - 1, 31) or i < masked else ids[i + 1] for i in range(32)]
    return {"ids": ids, "offsets": [0, cut, 32], "targets": targets}


def trains(name, chosen):
    return not chosen or any(part in name for part in chosen.split())


def train(folder, chosen):
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()
    for name, p in model.named_parameters():
        p.requires_grad_(trains(name, chosen))
    return take_steps(model, CLIP)


def take_steps(model, clip):
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [{"params": [p for p in parameters if p.dim() > 1], "weight_decay": DECAY},
              {"params": [p for p in parameters if p.dim() == 1], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, betas=(0.9, 0.999), eps=1e-8)
    schedule = get_cosine_schedule_with_warmup(optimizer, WARMUP, STEPS)
    generator = torch.Generator().manual_seed(5)
    steps = []
    for _ in range(STEPS):
        batches = [make_batch(generator, model.config.vocab_size) for _ in range(2)]
        count = sum(t >= 0 for b in batches for t in b["targets"])
        optimizer.zero_grad()
        loss = sum(sum_of_losses(model, b) for b in batches) / count
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, clip)
        steps.append({"batches": batches, "loss": loss.item(), "norm": norm.item(),
                      "rate": schedule.get_last_lr()[0]})
        optimizer.step()
        schedule.step()
    names = [n for n, p in model.named_parameters() if p.requires_grad]
    return {"trained": names, "steps": steps}


def main():
    data = pathlib.Path(sys.argv[1])
    out = {"rate": RATE, "warmup": WARMUP, "weight_decay": DECAY, "clip": CLIP,
           "models": {name: train(data / name, chosen) for name, chosen in CASES.items()}}
    (data / "adamw.json").write_text(json.dumps(out) + "\n")
    for name, result in out["models"].items():
        print(name, [round(step["loss"], 5) for step in result["steps"]])


if __name__ == "__main__":
    main()
