#!/usr/bin/env python3
"""Models whose experts lie in one tensor, their scores, and plans of them, by plain computation.

    make_experts.py FOLDER      writes FOLDER/<family>/{config.json,model.safetensors} and FOLDER/experts.json

Families: gpt_oss, granitemoe, llama4_text, qwen3_5_moe_text; phi3 for what is fused in two dimensions. Each is a
tiny model that transformers makes with random weights and saves; what is scored are the tensors of the saved file.
A stack's matrices are its slices; of a fused matrix also the projections apart, which are taken from the loaded
model's code and checked against what its module computes from them. Scores: the reference formula in fp64.

"plans": the tensors that train at 50 %, ranked as docs/training.md says. Needs the packages of requirements.txt.
"""
import json
import math
import pathlib
import statistics
import sys

import numpy as np
import torch
import transformers
from safetensors.torch import load_file, save_file

SIZES = dict(vocab_size=16, hidden_size=12, num_hidden_layers=4, num_attention_heads=2, num_key_value_heads=1,
             head_dim=6, max_position_embeddings=32, tie_word_embeddings=False)
FAMILIES = {
    "gpt_oss": (transformers.GptOssConfig, transformers.GptOssForCausalLM,
                dict(intermediate_size=10, num_local_experts=3, num_experts_per_tok=1)),
    "granitemoe": (transformers.GraniteMoeConfig, transformers.GraniteMoeForCausalLM,
                   dict(intermediate_size=10, num_local_experts=3, num_experts_per_tok=1)),
    "llama4_text": (transformers.Llama4TextConfig, transformers.Llama4ForCausalLM,
                    dict(intermediate_size=10, intermediate_size_mlp=8, num_local_experts=3, num_experts_per_tok=1)),
    "qwen3_5_moe_text": (transformers.Qwen3_5MoeTextConfig, transformers.Qwen3_5MoeForCausalLM,
                         dict(moe_intermediate_size=10, shared_expert_intermediate_size=8, num_experts=3,
                              num_experts_per_tok=1, linear_num_key_heads=1, linear_num_value_heads=2,
                              linear_key_head_dim=4, linear_value_head_dim=4)),
    "phi3": (transformers.Phi3Config, transformers.Phi3ForCausalLM,
             dict(intermediate_size=10, pad_token_id=0, bos_token_id=1, eos_token_id=2, num_attention_heads=4,
                  num_key_value_heads=2, head_dim=3)),
}


def snr(matrix):
    s = np.linalg.svd(matrix.double().numpy(), compute_uv=False)
    sigma = (np.quantile(s, 0.75) - np.quantile(s, 0.25)) / 1.349
    threshold = sigma * (1 + math.sqrt(min(matrix.shape) / max(matrix.shape)))
    signal, noise = s[s > threshold].sum(), s[s <= threshold].sum()
    return float(f"{signal / noise / s[0]:.10g}") if noise > 0 else math.inf


def fill(model, seed):
    """Every layer and expert its own mixture of noise and a few directions, so that scores differ."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in model.parameters():
        if parameter.dim() < 2:
            continue
        shape = parameter.shape
        noise = torch.randn(shape, generator=generator)
        left = torch.randn(*shape[:-1], 2, generator=generator)
        right = torch.randn(*shape[:-2], 2, shape[-1], generator=generator)
        strength = torch.rand(*shape[:-2], 1, 1, generator=generator) * 3
        if parameter.dim() > 3:
            parameter.data = (noise * 0.05).to(parameter.dtype)
            continue
        parameter.data = ((noise + strength * (left @ right)) * 0.05).to(parameter.dtype)


def halves(matrix):
    """[2 n, in], the gate first."""
    n = matrix.shape[0] // 2
    return {"gate": matrix[:n], "up": matrix[n:]}


def projections(family, config, name, matrix):
    """What is fused in one matrix of the file, by name; {} where it is one projection."""
    if name.endswith("experts.gate_up_proj") and family == "gpt_oss":
        return {"gate": matrix[:, ::2], "up": matrix[:, 1::2]}
    if name.endswith("experts.gate_up_proj") and family == "llama4_text":
        n = matrix.shape[1] // 2
        return {"gate": matrix[:, :n], "up": matrix[:, n:]}
    if name.endswith(("gate_up_proj", "gate_up_proj.weight", "input_linear.weight")):
        return halves(matrix)
    if name.endswith("in_proj_qkv.weight"):
        k = config.linear_num_key_heads * config.linear_key_head_dim
        return {"q": matrix[:k], "k": matrix[k:2 * k], "v": matrix[2 * k:]}
    if name.endswith("qkv_proj.weight"):
        q = config.num_attention_heads * config.head_dim
        k = config.num_key_value_heads * config.head_dim
        return {"q": matrix[:q], "k": matrix[q:q + k], "v": matrix[q + k:]}
    return {}


def check_experts(family, model):
    """The first layer's experts, computed here from their projections: what the module itself gives."""
    layer = model.model.layers[0]
    experts = next((m for n, m in layer.named_modules() if n.endswith("experts")), None)
    if experts is None:
        return
    x = torch.randn(1, model.config.hidden_size)
    for e in range(experts.gate_up_proj.shape[0]):
        of = {"gpt_oss": "gpt_oss", "llama4_text": "llama4_text"}.get(family, "")
        parts = projections(of, model.config, "experts.gate_up_proj", experts.gate_up_proj.data[e])
        down = experts.down_proj.data[e]
        if family == "gpt_oss":
            bias = experts.gate_up_proj_bias.data[e]
            gate, up = x @ parts["gate"] + bias[::2], x @ parts["up"] + bias[1::2]
            gate, up = gate.clamp(max=experts.limit), up.clamp(-experts.limit, experts.limit)
            ours = ((up + 1) * gate * torch.sigmoid(gate * experts.alpha)) @ down + experts.down_proj_bias.data[e]
        elif family == "llama4_text":
            ours = (torch.nn.functional.silu(x @ parts["gate"]) * (x @ parts["up"])) @ down
        else:
            ours = (torch.nn.functional.silu(x @ parts["gate"].T) * (x @ parts["up"].T)) @ down.T
        if family == "llama4_text":
            rows = torch.zeros(experts.gate_up_proj.shape[0], x.shape[1])
            rows[e] = x
            theirs = experts(rows)[e:e + 1]
        else:
            theirs = experts(x, torch.tensor([[e]]), torch.tensor([[1.0]]))
        assert torch.allclose(ours, theirs, atol=1e-5), (family, e)


# Where the loaded model calls a tensor otherwise than the file does, rows have its name there.
LOADED = {"granitemoe": (("block_sparse_moe.input_linear.weight", "block_sparse_moe.experts.gate_up_proj"),
                         ("block_sparse_moe.output_linear.weight", "block_sparse_moe.experts.down_proj"),
                         ("block_sparse_moe.router.layer", "block_sparse_moe.router"))}


def slices(family, config, tensors):
    """(row's name, type, tensor, matrix) of the default scan, and the same of the one of projections apart."""
    whole, apart = [], []
    for name, t in tensors.items():
        if ".layers." not in name or name.endswith("bias"):
            continue
        stack = t.dim() == 3 and ("expert" in name or "moe" in name)
        if t.dim() != 2 and not stack:
            continue
        for file, loaded in LOADED.get(family, ()):
            name = name.replace(file, loaded)
        module = name.removesuffix(".weight")
        for e, matrix in enumerate(t if stack else [t]):
            row = f"{module}.{e}" if stack else module
            whole.append((row, name, matrix))
            parts = projections(family, config, name, matrix)
            apart += [(f"{row}.{p}", name, m) for p, m in parts.items()] or [(row, name, matrix)]
    return whole, apart


def type_of(module):
    parts = module.split(".")
    number = next(i for i, p in enumerate(parts) if p.isdigit())
    return ".".join(parts[number + 1:])


def plan(rows, scores, together):
    """Half of the tensors of each type. A tensor of one row by its score, one of several by their median (together) or
    by the mean of their ranks, each among the rows of its own type (each)."""
    order = list(rows)
    ranks = {}
    for kind in {type_of(row) for row in order}:
        members = sorted((r for r in order if type_of(r) == kind), key=lambda r: scores[r], reverse=True)
        ranks.update({r: i + 1 for i, r in enumerate(members)})
    tensors = {}
    for row in order:
        tensors.setdefault(rows[row], []).append(row)
    chosen = []
    for kind in dict.fromkeys(type_of(t.removesuffix(".weight")) for t in tensors):
        members = [t for t in tensors if type_of(t.removesuffix(".weight")) == kind]

        def score(t):
            own = tensors[t]
            if len(own) == 1 and own[0] == t.removesuffix(".weight"):
                return scores[own[0]]
            return statistics.median(scores[r] for r in own) if together else -sum(ranks[r] for r in own) / len(own)

        chosen += sorted(members, key=score, reverse=True)[:len(members) // 2]
    return sorted(chosen)


def layers_first(rows):
    """In the order of a scan: by block (files of safetensors are by name, where block 10 is before 2)."""
    return sorted(rows, key=lambda r: int(next(p for p in r[0].split(".") if p.isdigit())))


def main():
    folder = pathlib.Path(sys.argv[1])
    out = {}
    for seed, (family, (config_class, model_class, more)) in enumerate(FAMILIES.items()):
        torch.manual_seed(seed)
        config = config_class(**{**SIZES, **more})
        config._experts_implementation = "eager"
        model = model_class(config).float().eval()
        fill(model, seed)
        check_experts(family, model)
        model.bfloat16().save_pretrained(folder / family)
        if family == "qwen3_5_moe_text":  # published files hold the experts as the loaded model does
            save_file(model.state_dict(), folder / family / "model.safetensors")
        (folder / family / "generation_config.json").unlink(missing_ok=True)
        tensors = load_file(folder / family / "model.safetensors")
        whole, apart = (layers_first(rows) for rows in slices(family, config, tensors))
        scores = {row: snr(m) for row, _, m in whole}
        total = sum(t.numel() for t in tensors.values())
        out[family] = {
            "parameters": total,
            "scored": sum(m.numel() for _, _, m in whole),
            "snr": scores,
            "apart": {row: snr(m) for row, _, m in apart if row not in scores},
            "each": plan({row: t for row, t, _ in whole}, scores, False),
            "together": plan({row: t for row, t, _ in whole}, scores, True),
        }
    text = json.dumps(out, indent=0, separators=(",", ":"))
    (folder / "experts.json").write_text(text + "\n")


main()
