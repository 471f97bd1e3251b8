#!/usr/bin/env python3
"""How transformers reads configurations and weights that can be misread: the losses of tiny models after an edit.

    make_readings.py tests/data/train

Reads the models of make_tiny_models.py there and writes readings.json: for each reading its base, what is changed in
config.json (null in "config" is null there; "drop" goes), how the weights are stored ("weights", below), and the loss
of the base's case "packed" (fp32, eager attention) that transformers has after from_pretrained().
"""
import json
import pathlib
import shutil
import sys
import tempfile

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from make_tiny_models import sum_of_losses

SLIDES, SEES = "sliding_attention", "full_attention"
OLD = ["rope_parameters"]


def scaled(theta=500.0, **scaling):
    return {"drop": OLD, "config": {"rope_theta": theta, "rope_scaling": scaling}}


READINGS = {
    "bare": {"weights": "bare"},
    "doubled": {"weights": "doubled"},
    "tied_with_a_head": {"config": {"tie_word_embeddings": True}},
    "tied_with_an_equal_head": {"config": {"tie_word_embeddings": True}, "weights": "equal"},
    "tied_head_alone": {"config": {"tie_word_embeddings": True}, "weights": "head"},
    "tied_bare_head_alone": {"config": {"tie_word_embeddings": True}, "weights": "bare head"},
    "fewer_layers": {"config": {"num_hidden_layers": 1}},
    "norms_of_heads_in_a_llama": {"base": "qwen3", "config": {"model_type": "llama"}},
    "twice_in_shards": {"weights": "shards"},
    "beside_an_index": {"weights": "beside"},
    "linear": scaled(rope_type="linear", factor=3.0),
    "linear_by_its_old_name": scaled(type="linear", factor=3.0),
    "newer_name_first": scaled(type="linear", rope_type="default", factor=3.0),
    "nothing_in_it": {"config": {"rope_scaling": {}}},
    "scaling_before_parameters": {"config": {"rope_scaling": {"rope_type": "linear", "factor": 3.0}}},
    "llama3_of_its_positions": scaled(rope_type="llama3", factor=4.0, low_freq_factor=1.0, high_freq_factor=4.0),
    "yarn_without_a_factor": scaled(rope_type="yarn", factor=None, original_max_position_embeddings=16),
    "yarn_outer_positions": {"drop": OLD, "config": {
        "original_max_position_embeddings": 8, "rope_theta": 500.0,
        "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}}},
    "mistral_some": {"base": "mistral", "config": {"layer_types": [SLIDES, SEES]}},
    "mistral_others": {"base": "mistral", "config": {"layer_types": [SEES, SLIDES]}},
    "mistral_all": {"base": "mistral", "config": {"layer_types": None}},
    "mistral_none": {"base": "mistral", "config": {"layer_types": [SEES, SEES]}},
    "qwen3_some": {"base": "qwen3", "config": {"use_sliding_window": True, "sliding_window": 5,
                                               "layer_types": [SLIDES, SEES]}},
    "qwen3_from_the_first": {"base": "qwen3", "drop": ["layer_types"],
                             "config": {"use_sliding_window": True, "sliding_window": 5, "max_window_layers": 0}},
}


def store(folder, weights, how):
    bare = {name.removeprefix("model."): value for name, value in weights.items()}
    one = {"bare": bare, "doubled": {"model." + name: value for name, value in weights.items()}}.get(how, weights)
    if how == "equal":
        one["lm_head.weight"] = one["model.embed_tokens.weight"].clone()
    elif how == "head":
        del one["model.embed_tokens.weight"]
    elif how == "bare head":
        one = {name: value for name, value in bare.items() if name != "embed_tokens.weight"}
    if how not in ("shards", "beside"):
        return save_file(one, folder / "model.safetensors", metadata={"format": "pt"})
    head = weights["lm_head.weight"]
    if how == "beside":
        save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    save_file(weights, folder / "a.safetensors", metadata={"format": "pt"})
    save_file({"lm_head.weight": head * 2}, folder / "b.safetensors", metadata={"format": "pt"})
    index = {name: "a.safetensors" for name in weights} | {"model.norm.weight": "b.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))


def main():
    data = pathlib.Path(sys.argv[1])
    for name, reading in READINGS.items():
        base = data / reading.setdefault("base", "llama_untied")
        folder = pathlib.Path(tempfile.mkdtemp())
        config = json.loads((base / "config.json").read_text())
        for key in reading.get("drop", []):
            del config[key]
        (folder / "config.json").write_text(json.dumps(config | reading.get("config", {})))
        store(folder, load_file(base / "model.safetensors"), reading.setdefault("weights", "as they are"))
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        case = json.loads((data / f"{reading['base']}.json").read_text())["packed"]
        with torch.no_grad():
            reading["loss"] = sum_of_losses(model, case).item()
        shutil.rmtree(folder)
        print(name, reading["loss"])
    (data / "readings.json").write_text(json.dumps(READINGS, indent=1) + "\n")


if __name__ == "__main__":
    main()
