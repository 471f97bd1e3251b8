"""Makes tests/data/text/ends.json and tests/data/train/sampling.json: at which tokens transformers'
generate() ends a text, and which tokens its warpers leave to be drawn.

usage: make_generation.py DATA_FOLDER

ends.json: eos_token_id of config.json and of generation_config.json ("absent": no key; null for a
file that is not there), and the ids that generate() ends at. sampling.json: logits, options, and
the probabilities that are drawn from.
"""
import json
import sys
import tempfile
from pathlib import Path

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

ENDS = [(2, None), ([2, 5], None), (None, None), ("absent", None), (2, 7), (2, [7, 3]), ([2, 5], [7]), ([2, 5], [5, 2]),
        ("absent", 4), (None, [4, 4])]
SAMPLING = [{}, {"temperature": 0.5}, {"top_k": 3}, {"top_k": 2}, {"top_k": 50}, {"top_p": 0.9}, {"top_p": 0.5},
            {"top_p": 0.05}, {"min_p": 0.1}, {"min_p": 0.5}, {"min_p": 1.0}, {"top_k": 4, "top_p": 0.8},
            {"temperature": 2.0, "top_p": 0.7}, {"temperature": 0.7, "min_p": 0.05},
            {"temperature": 1.5, "top_k": 5, "top_p": 0.85, "min_p": 0.2}, {"top_p": 0.0}]


def ends(config, generation):
    with tempfile.TemporaryDirectory() as folder:
        small = LlamaConfig(vocab_size=16, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
        LlamaForCausalLM(small).save_pretrained(folder)
        Path(folder, "generation_config.json").unlink()
        path = Path(folder, "config.json")
        written = json.loads(path.read_text())
        written.pop("eos_token_id", None)
        if config != "absent":
            written["eos_token_id"] = config
        path.write_text(json.dumps(written))
        if generation is not None:
            Path(folder, "generation_config.json").write_text(json.dumps({"eos_token_id": generation}))
        model = LlamaForCausalLM.from_pretrained(folder)
        prepared, _ = model._prepare_generation_config(None)
        model._prepare_special_tokens(prepared)
        found = prepared._eos_token_tensor
        return [] if found is None else found.tolist()


def probabilities(logits, options):
    model = LlamaForCausalLM(LlamaConfig(vocab_size=16, hidden_size=8, intermediate_size=8, num_hidden_layers=1,
                                         num_attention_heads=1))
    config = GenerationConfig(do_sample=True, **({"top_k": 0} | options))
    prepared, _ = model._prepare_generation_config(config)
    model._prepare_special_tokens(prepared)
    warpers = model._get_logits_processor(generation_config=prepared, input_ids_seq_length=1)
    scores = warpers(torch.tensor([[0]]), torch.tensor([logits], dtype=torch.float32))
    return torch.softmax(scores, -1)[0].tolist()


torch.manual_seed(1)
rows = [torch.randn(16).mul(2).tolist(), [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.0, -1.0], [0.0, 9.0, 8.5, 1.0, -4.0]]
out = Path(sys.argv[1])
Path(out, "text/ends.json").write_text(json.dumps(
    [{"config": c, "generation": g, "ends": ends(c, g)} for c, g in ENDS]) + "\n")
cases = [{"logits": row, "options": options, "probabilities": probabilities(row, options)}
         for row in rows for options in SAMPLING]
Path(out, "train/sampling.json").write_text("[" + ",\n".join(json.dumps(c) for c in cases) + "]\n")
