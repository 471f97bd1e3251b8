#!/usr/bin/env python3
"""Adapters on the tiny models of make_tiny_models.py and frozen weights in 4 and 8 bits: what PEFT, bitsandbytes
and PyTorch make of them, fp32.

    make_lora.py DATA_FOLDER
    make_lora.py --check ADAPTER_FOLDER BASE_FOLDER OUT.json

Reads DATA_FOLDER/NAME/, writes DATA_FOLDER/lora/; adapter_config.json names the base as it is called here, so run
it from the repository's root. Losses are sums over the supervised tokens of make_cases' "packed", gradients are
those of the sum. Per adapter of ADAPTERS: NAME/ as PEFT saves it, NAME.json, and NAME.gradients.safetensors under
the adapter's own names. On llama_gqa, besides:

    merged.safetensors    weights after merge_and_unload()
    adamw.json            ten steps of make_adamw.py on the adapter, clipped to 1; adamw.safetensors: where it ends
    qlora.*               the adapter's loss and gradients, the blocks' linear layers in NF4; .weights: their codes
    int8.*                the same layers in int8, but for one that trains
    zloss.*               everything trains, with a z-loss; the norm of every gradient, and two in full

--check prints the loss that PEFT has for an adapter, one that spectrum wrote, and writes it to OUT.json. By hand.
"""
import json
import pathlib
import shutil
import sys

import bitsandbytes.functional as bnb
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from make_adamw import DECAY, RATE, WARMUP, take_steps
from make_tiny_models import make_cases, sum_of_losses

LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
ADAPTERS = {  # base, target_modules
    "llama_gqa": ("llama_gqa", LINEAR),
    "qwen2": ("qwen2", LINEAR),
    "qwen3": ("qwen3", LINEAR),
    "mistral": ("mistral", LINEAR),
    "subset": ("llama_gqa", ["model.layers.0.self_attn.q_proj", "model.layers.1.mlp.down_proj"]),
}
RANK, ALPHA, CLIP, BLOCK, Z = 4, 8, 1.0, 64, 1e-2
MERGED = ["model.layers.0.self_attn.q_proj.weight", "model.layers.1.self_attn.k_proj.weight",
          "model.layers.1.mlp.down_proj.weight"]
INT8_TRAINED = ["model.layers.1.self_attn.q_proj.weight", "model.norm.weight"]
Z_TENSORS = ["model.layers.0.self_attn.q_proj.weight", "lm_head.weight"]


def load_base(folder):
    return AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).eval()


def packed_case(model):
    return dict(make_cases(model.config.vocab_size))["packed"]


def saved_name(name):
    """What PEFT's file calls a parameter of the adapter "default"."""
    return name.replace(".default.", ".")


def trained(model):
    return {saved_name(n): p for n, p in model.named_parameters() if p.requires_grad}


def write(out, name, kind, tensors):
    """OUT/NAME.KIND.safetensors, or OUT/NAME.safetensors."""
    file = out / f"{name}{'.' + kind if kind else ''}.safetensors"
    save_file({n: t.detach().clone().contiguous() for n, t in tensors.items()}, file)
    file.chmod(0o644)


def write_case(out, name, model, z=0.0, **more):
    """NAME.json; leaves the gradients in the model."""
    case = packed_case(model)
    model.zero_grad()
    loss = sum_of_losses(model, case, z)
    loss.backward()
    result = case | {"supervised": sum(t >= 0 for t in case["targets"]), "loss": loss.item()} | more
    (out / f"{name}.json").write_text(json.dumps(result) + "\n")
    print(name, result["supervised"], result["loss"])


def write_gradients(out, name, model):
    write(out, name, "gradients", {n: p.grad for n, p in trained(model).items()})


def make_adapter(base, modules):
    torch.manual_seed(13)
    model = get_peft_model(base, LoraConfig(task_type="CAUSAL_LM", r=RANK, lora_alpha=ALPHA, lora_dropout=0.0,
                                            target_modules=modules)).eval()
    model.peft_config["default"].target_modules = sorted(modules)  # a set, else saved in any order
    with torch.no_grad():
        for p in trained(model).values():
            p.copy_(0.1 * torch.randn(p.shape))
    return model


def write_adapter(data, out, name):
    base, modules = ADAPTERS[name]
    model = make_adapter(load_base(data / base), modules)
    shutil.rmtree(out / name, ignore_errors=True)
    model.save_pretrained(out / name)
    (out / name / "README.md").unlink()
    (out / name / "adapter_model.safetensors").chmod(0o644)
    write_case(out, name, model, base=base)
    write_gradients(out, name, model)


def write_merged(data, out):
    model = PeftModel.from_pretrained(load_base(data / "llama_gqa"), out / "llama_gqa").merge_and_unload()
    write(out, "merged", "", {n: model.get_parameter(n) for n in MERGED})


def write_steps(data, out):
    model = PeftModel.from_pretrained(load_base(data / "llama_gqa"), out / "llama_gqa", is_trainable=True).eval()
    steps = take_steps(model, CLIP)
    steps["trained"] = [saved_name(n) for n in steps["trained"]]
    result = {"rate": RATE, "warmup": WARMUP, "weight_decay": DECAY, "clip": CLIP, "base": "llama_gqa"} | steps
    (out / "adamw.json").write_text(json.dumps(result) + "\n")
    write(out, "adamw", "", trained(model))
    print("adamw", [(round(s["loss"], 5), round(s["norm"], 5)) for s in steps["steps"]])


def linear_weights(model):
    return {n: p for n, p in model.named_parameters() if n.split(".")[-2] in LINEAR}


def to_nf4(weight):
    """The codes' tensors by suffix, and the weight that they stand for. A block a row: bitsandbytes' kernel for
    AVX-512 takes the wrong scales where rows of 32 or more are not whole blocks (0.50.2)."""
    blocks = weight.data.reshape(-1, BLOCK)
    codes, state = bnb.quantize_4bit(blocks, blocksize=BLOCK, compress_statistics=True, quant_type="nf4")
    assert state.state2.absmax.numel() == 1 and state.state2.blocksize == 256
    second = torch.stack([state.state2.absmax[0], state.offset])
    values = bnb.dequantize_4bit(codes, state).reshape(weight.shape)
    return {"": codes.flatten(), ".absmax": state.absmax, ".absmax2": second}, values


def to_int8(weight):
    blocks = weight.data.reshape(-1, BLOCK)
    scale = blocks.abs().amax(1) / 127
    codes = torch.round(blocks / scale[:, None])  # half to even
    values = (codes * scale[:, None]).reshape(weight.shape)
    return {"": codes.to(torch.int8).reshape(weight.shape), ".scale": scale}, values


def quantize(model, convert, but):
    stored = {}
    for name, p in linear_weights(model).items():
        if name not in but:
            parts, values = convert(p)
            stored |= {name + suffix: tensor for suffix, tensor in parts.items()}
            p.data.copy_(values)
    return stored


def write_qlora(data, out):
    base = load_base(data / "llama_gqa")
    maps = {"nf4_map": bnb.get_4bit_type("nf4", device="cpu"), "absmax_map": bnb.create_dynamic_map()}
    write(out, "qlora", "weights", quantize(base, to_nf4, []) | maps)
    model = PeftModel.from_pretrained(base, out / "llama_gqa", is_trainable=True).eval()
    write_case(out, "qlora", model, base="llama_gqa", adapter="llama_gqa")
    write_gradients(out, "qlora", model)


def write_int8(data, out):
    model = load_base(data / "llama_gqa")
    write(out, "int8", "weights", quantize(model, to_int8, INT8_TRAINED))
    for name, p in model.named_parameters():
        p.requires_grad_(name in INT8_TRAINED)
    write_case(out, "int8", model, base="llama_gqa", trained=INT8_TRAINED)
    write_gradients(out, "int8", model)


def write_zloss(data, out):
    model = load_base(data / "llama_gqa")
    sum_of_losses(model, packed_case(model), Z).backward()
    norms = {n: p.grad.norm().item() for n, p in model.named_parameters()}
    write_case(out, "zloss", model, Z, base="llama_gqa", z_loss=Z, norms=norms)
    write(out, "zloss", "gradients", {n: model.get_parameter(n).grad for n in Z_TENSORS})


def check(adapter, base, file):
    model = PeftModel.from_pretrained(load_base(base), adapter).eval()
    names = {saved_name(n) for n, _ in model.named_parameters() if ".default." in n}
    other = names ^ set(load_file(pathlib.Path(adapter) / "adapter_model.safetensors"))
    if other:  # PEFT only warns, and leaves B at 0
        sys.exit(f"not both in the file and in the model: {sorted(other)}")
    case = packed_case(model)
    with torch.no_grad():
        loss = sum_of_losses(model, case).item()
    result = {"supervised": sum(t >= 0 for t in case["targets"]), "loss": loss}
    pathlib.Path(file).write_text(json.dumps(result) + "\n")
    print(f"loss {loss:.9g} over {result['supervised']} tokens")


def main():
    if sys.argv[1] == "--check":
        return check(*sys.argv[2:])
    data = pathlib.Path(sys.argv[1])
    out = data / "lora"
    out.mkdir(exist_ok=True)
    for name in ADAPTERS:
        write_adapter(data, out, name)
    for write_one in (write_merged, write_steps, write_qlora, write_int8, write_zloss):
        write_one(data, out)


if __name__ == "__main__":
    main()
