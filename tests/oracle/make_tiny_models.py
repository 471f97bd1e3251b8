#!/usr/bin/env python3
"""Tiny random models of every family that trains, and what transformers + PyTorch (fp32, eager attention) compute on them.

    make_tiny_models.py OUT_FOLDER [NAME ...]

Per model: OUT_FOLDER/NAME/ (config.json, model.safetensors) as transformers writes it, the case's
tokens and loss in OUT_FOLDER/NAME.json, all its gradients in OUT_FOLDER/NAME.gradients.safetensors
under "packed." and "single.". Documents are computed one by one and their losses added; a target of
-1 is not supervised. Weights are large enough that every nonlinearity is at work.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

LLAMA3 = {"rope_type": "llama3", "rope_theta": 10000.0, "factor": 8.0, "low_freq_factor": 1.0,
          "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
YARN = {"rope_type": "yarn", "rope_theta": 10000.0, "factor": 4.0, "original_max_position_embeddings": 32}
YARN_SCALED = YARN | {"mscale": 1.2, "mscale_all_dim": 0.7, "beta_fast": 20.0, "beta_slow": 2.0}
LINEAR = {"rope_type": "linear", "rope_theta": 500.0, "factor": 2.5}
PLAIN = {"rope_type": "default", "rope_theta": 10000.0}
MODELS = {
    "llama_tied": {"tie_word_embeddings": True},
    "llama_untied": {},
    "llama_gqa": {"num_attention_heads": 6, "num_key_value_heads": 2, "head_dim": 4},
    "llama_bias": {"attention_bias": True, "mlp_bias": True},
    "llama_rope3": {"rope_parameters": LLAMA3, "head_dim": 12, "num_attention_heads": 2,
                    "num_key_value_heads": 1},
    "llama_rope_linear": {"rope_parameters": LINEAR},
    "llama_head_dim": {"head_dim": 10, "num_attention_heads": 4, "num_key_value_heads": 2},
    "llama_yarn": {"rope_parameters": YARN, "num_key_value_heads": 2},
    "mistral": {"model_type": "mistral", "num_key_value_heads": 2, "sliding_window": 6},
    "qwen2": {"model_type": "qwen2", "num_key_value_heads": 2},
    "qwen2_tied": {"model_type": "qwen2", "num_key_value_heads": 2, "tie_word_embeddings": True,
                   "rope_parameters": YARN_SCALED},
    "qwen2_window": {"model_type": "qwen2", "num_key_value_heads": 2, "use_sliding_window": True,
                     "sliding_window": 7, "max_window_layers": 1},
    "qwen3": {"model_type": "qwen3", "num_key_value_heads": 2, "head_dim": 10},
    "qwen3_tied": {"model_type": "qwen3", "num_key_value_heads": 2, "head_dim": 6, "tie_word_embeddings": True},
}
BASE = {"hidden_size": 24, "intermediate_size": 32, "num_hidden_layers": 2, "vocab_size": 40,
        "num_attention_heads": 4, "num_key_value_heads": 4, "max_position_embeddings": 128,
        "rope_parameters": PLAIN, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
        "bos_token_id": 1, "eos_token_id": 2}


def make_model(settings):
    torch.manual_seed(7)
    settings = BASE | {"model_type": "llama"} | settings
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for name, p in model.named_parameters():
            scale, centre = (0.25, 1.0) if "norm" in name else (0.35, 0.0)
            p.copy_(centre + scale * torch.randn(p.shape))
    return model.eval()


def make_cases(vocab):
    """Packed: 17, 1, 22 and 8 tokens, the third with a masked prompt and a masked middle."""
    ids = torch.randint(0, vocab, (48,), generator=torch.Generator().manual_seed(11)).tolist()
    cases = {"packed": [0, 17, 18, 40, 48], "single": [0, 48]}
    for name, offsets in cases.items():
        last = {o - 1 for o in offsets}
        targets = [-1 if i in last else ids[i + 1] for i in range(48)]
        if name == "packed":
            targets[18:25] = [-1] * 7
            targets[30] = -1
        yield name, {"ids": ids, "offsets": offsets, "targets": targets}


def sum_of_losses(model, case, z=0.0):
    """z: of the squared logarithm of softmax's denominator, added to every supervised token's loss."""
    loss = 0
    for first, last in zip(case["offsets"], case["offsets"][1:]):
        logits = model(torch.tensor([case["ids"][first:last]])).logits[0]
        targets = torch.tensor(case["targets"][first:last])
        loss = loss + torch.nn.functional.cross_entropy(logits.float(), targets, ignore_index=-1, reduction="sum")
        if z:
            loss = loss + z * logits.float().logsumexp(-1)[targets >= 0].square().sum()
    return loss


def main():
    out = pathlib.Path(sys.argv[1])
    for name in sys.argv[2:] or MODELS:
        settings = MODELS[name]
        model = make_model(settings)
        model.save_pretrained(out / name)
        (out / name / "generation_config.json").unlink(missing_ok=True)
        cases, gradients = {}, {}
        for kind, case in make_cases(model.config.vocab_size):
            model.zero_grad()
            loss = sum_of_losses(model, case)
            loss.backward()
            cases[kind] = case | {"loss": loss.item()}
            gradients |= {f"{kind}.{n}": p.grad.clone() for n, p in model.named_parameters()}
        (out / f"{name}.json").write_text(json.dumps(cases) + "\n")
        save_file(gradients, out / f"{name}.gradients.safetensors")
        for file in out.rglob("*.safetensors"):
            file.chmod(0o644)
        print(name, {kind: case["loss"] for kind, case in cases.items()})


if __name__ == "__main__":
    main()
