#!/usr/bin/env python3
"""Ten steps of the optimisers that are not AdamW, on the models, batches, schedule and clipping of make_adamw.py
and make_lora.py: what the trainer's own steps must give, fp32.

    make_optimizers.py DATA_FOLDER

Reads DATA_FOLDER/adamw.json, DATA_FOLDER/lora/adamw.json (batches, what trains) and the models they name, writes
DATA_FOLDER/optimizers.json: of each optimizer and case the loss, norm and rate of every step, and of each tensor
that trains how far it is from where it began (the norm of the difference) and its first elements at the end.

    lion         lion-pytorch's Lion
    muon         Muon in fp32, written here from its formulas, for the blocks' matrices and adapters, and
                 torch.optim.AdamW for the rest; one learning rate, the update scaled by 0.2 sqrt(max(rows, columns))
    muon-bf16    the same with torch.optim.Muon, which orthogonalises in bf16; losses alone
"""
import json
import pathlib
import sys

import torch
from lion_pytorch import Lion
from peft import PeftModel
from transformers import AutoModelForCausalLM, get_cosine_schedule_with_warmup

from make_tiny_models import sum_of_losses

CASES = ["llama_untied", "llama_tied", "qwen2", "qwen3", "lora"]
RATES = {"lion": 0.001, "muon": 0.01, "muon-bf16": 0.01}
WARMUP, STEPS, DECAY, FIRST = 2, 10, 0.1, 4


class Muon32(torch.optim.Optimizer):
    """Muon (kellerjordan.github.io/posts/muon) with everything in the type of the gradient."""

    def __init__(self, params, lr, weight_decay, momentum=0.95):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                buffer = self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
                buffer.mul_(group["momentum"]).add_(p.grad, alpha=1 - group["momentum"])
                x = group["momentum"] * buffer + (1 - group["momentum"]) * p.grad
                tall = x.shape[0] > x.shape[1]
                x = (x.T if tall else x) / x.norm().clamp(min=1e-7)
                for _ in range(5):
                    gram = x @ x.T
                    x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_(x.T if tall else x, alpha=-group["lr"] * 0.2 * max(p.shape) ** 0.5)


def split(model):
    """Matrices of the blocks (and adapters), other matrices, vectors; of those that train."""
    named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    blocks = [p for n, p in named if p.dim() > 1 and ".layers." in n]
    others = [p for n, p in named if p.dim() > 1 and ".layers." not in n]
    return blocks, others, [p for n, p in named if p.dim() == 1]


def make_optimizers(name, model):
    blocks, others, vectors = split(model)
    rate = RATES[name]
    if name == "lion":
        groups = [{"params": blocks + others, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}]
        return [Lion([g for g in groups if g["params"]], lr=rate, betas=(0.9, 0.99))]
    muon = (Muon32(blocks, rate, DECAY) if name == "muon" else
            torch.optim.Muon(blocks, lr=rate, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw"))
    rest = [{"params": others, "weight_decay": DECAY}, {"params": vectors, "weight_decay": 0.0}]
    rest = [g for g in rest if g["params"]]
    return [muon] + ([torch.optim.AdamW(rest, lr=rate, betas=(0.9, 0.999), eps=1e-8)] if rest else [])


def load(data, case, trained):
    base = "llama_gqa" if case == "lora" else case
    model = AutoModelForCausalLM.from_pretrained(data / base, attn_implementation="eager", dtype=torch.float32)
    if case == "lora":
        model = PeftModel.from_pretrained(model, data / "lora/llama_gqa", is_trainable=True)
    for name, p in model.named_parameters():
        p.requires_grad_(name.replace(".default.", ".") in trained)
    return model.eval()


def train(name, data, case, oracle):
    model = load(data, case, oracle["trained"])
    parameters = {n.replace(".default.", "."): p for n, p in model.named_parameters() if p.requires_grad}
    begun = {n: p.detach().clone() for n, p in parameters.items()}
    optimizers = make_optimizers(name, model)
    schedules = [get_cosine_schedule_with_warmup(o, WARMUP, STEPS) for o in optimizers]
    steps = []
    for step in oracle["steps"]:
        count = sum(t >= 0 for b in step["batches"] for t in b["targets"])
        model.zero_grad()
        loss = sum(sum_of_losses(model, b) for b in step["batches"]) / count
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(list(parameters.values()), oracle["clip"])
        steps.append({"loss": loss.item(), "norm": norm.item(), "rate": schedules[0].get_last_lr()[0]})
        for optimizer, schedule in zip(optimizers, schedules):
            optimizer.step()
            schedule.step()
    result = {"steps": steps}
    if name != "muon-bf16":
        result["moved"] = {n: (p.detach() - begun[n]).norm().item() for n, p in parameters.items()}
        result["first"] = {n: p.detach().flatten()[:FIRST].tolist() for n, p in parameters.items()}
    print(name, case, [round(s["loss"], 5) for s in steps])
    return result


def main():
    data = pathlib.Path(sys.argv[1])
    adamw = json.loads((data / "adamw.json").read_text())
    oracles = {name: m | {"clip": adamw["clip"]} for name, m in adamw["models"].items()}
    oracles["lora"] = json.loads((data / "lora/adamw.json").read_text())
    out = {"warmup": WARMUP, "weight_decay": DECAY, "rates": RATES,
           "optimizers": {name: {case: train(name, data, case, oracles[case]) for case in CASES} for name in RATES}}
    (data / "optimizers.json").write_text(json.dumps(out) + "\n")


if __name__ == "__main__":
    main()
