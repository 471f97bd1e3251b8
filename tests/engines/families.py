"""Small models that are launched and not computed here, and what an export of one must be.

    families.py make FAMILY FOLDER [SIZE]   a model with random weights and the demonstration's tokenizer
    families.py check BASE EXPORT RUN       transformers loads both, and what differs is what the run trained

SIZE is "tiny" for the one that the suite has (tests/data/engine).
"""
import json
import pathlib
import shutil
import sys

import torch
from transformers import AutoModelForCausalLM, Gemma2Config, MixtralConfig, OlmoeConfig, Qwen3MoeConfig

DEMO = pathlib.Path(__file__).parents[2] / "demo/model"
MIXTURES = {"mixtral": (MixtralConfig, {"num_local_experts": 4}),
            "qwen3_moe": (Qwen3MoeConfig, {"num_experts": 4, "moe_intermediate_size": 48, "head_dim": 16}),
            "olmoe": (OlmoeConfig, {"num_experts": 4})}


def make(family, folder, size="small"):
    torch.manual_seed(1)
    vocab = json.loads((DEMO / "config.json").read_text())["vocab_size"]
    width, layers, heads, inner = (4, 1, 2, 6) if size == "tiny" else (64, 4, 4, 96)
    sizes = dict(vocab_size=vocab, hidden_size=width, intermediate_size=inner, num_hidden_layers=layers,
                 num_attention_heads=heads, num_key_value_heads=heads // 2, max_position_embeddings=512)
    if family == "gemma2":
        config = Gemma2Config(**sizes, head_dim=16)
    else:
        kind, more = MIXTURES[family]
        config = kind(**{**sizes, "num_experts_per_tok": 2, **more}, tie_word_embeddings=size == "tiny")
    model = AutoModelForCausalLM.from_config(config)
    model.to(torch.bfloat16 if size == "tiny" else torch.float32).save_pretrained(folder)
    if size != "tiny":
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copy(DEMO / name, folder)


def check(base, export, run):
    before, after = (AutoModelForCausalLM.from_pretrained(pathlib.Path(folder).resolve(), dtype=torch.float32)
                     for folder in (base, export))
    after = dict(after.named_parameters())
    changed = {name for name, weight in before.named_parameters() if not torch.equal(weight, after[name])}
    trained = set(json.loads(pathlib.Path(run, "engine.json").read_text())["trained"])
    if changed != trained:
        sys.exit(f"changed and trained differ in {sorted(changed ^ trained)[:5]}")


{"make": make, "check": check}[sys.argv[1]](*sys.argv[2:])
