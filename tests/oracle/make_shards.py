#!/usr/bin/env python3
"""How transformers would write models as files of a bounded size: which tensor in which file, in which order.

    make_shards.py OUT.json                        the cases of tests/unit/test_job_shards.c
    make_shards.py --check EXPORT SIZE SCRATCH     is this export, to the byte, what save_pretrained() writes of it?

The split is huggingface_hub's, over the names in the order that transformers' save_pretrained() gives a model that it
loaded; the order in a file is safetensors' own.
"""
import filecmp
import json
import pathlib
import random
import struct
import sys
import tempfile

import torch
from huggingface_hub import split_torch_state_dict_into_shards
from safetensors.torch import save_file
from transformers import AutoModelForCausalLM
from transformers.core_model_loading import dot_natural_key

TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
BLOCK = ["self_attn.q_proj.weight", "self_attn.q_proj.bias", "self_attn.k_proj.weight", "self_attn.o_proj.weight",
         "mlp.gate_proj.weight", "mlp.down_proj.weight", "input_layernorm.weight", "post_attention_layernorm.weight"]


def case(seed):
    draw = random.Random(seed)
    layers = draw.choice([1, 3, 11, 12])
    names = ["model.embed_tokens.weight", "model.norm.weight"] + draw.choice([[], ["lm_head.weight"]])
    names += [f"model.layers.{i}.{name}" for i in range(layers) for name in draw.sample(BLOCK, 3)]
    kinds = draw.choice([["BF16"], ["F32"], ["F32", "BF16"], list(TYPES)])
    tensors = {name: torch.zeros(draw.randint(1, 40), dtype=TYPES[draw.choice(kinds)]) for name in names}
    limit = draw.choice([1, 40, 64, 100, 160, 1000, 10**6])
    ordered = dict(sorted(tensors.items(), key=lambda item: dot_natural_key(item[0])))
    split = split_torch_state_dict_into_shards(ordered, filename_pattern="model{suffix}.safetensors", max_shard_size=limit)
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for file, inside in split.filename_to_tensors.items():
            path = pathlib.Path(folder, file)
            save_file({name: tensors[name] for name in inside}, path)
            data = path.read_bytes()
            header = json.loads(data[8:8 + struct.unpack("<Q", data[:8])[0]])
            files[file] = [names.index(name) for name in sorted(header, key=lambda n: header[n]["data_offsets"])]
    names_of = {dtype: name for name, dtype in TYPES.items()}
    return {"limit": limit, "tensors": [[n, names_of[tensors[n].dtype], tensors[n].numel()] for n in names], "files": files}


def check(export, size, scratch):
    model = AutoModelForCausalLM.from_pretrained(export, dtype="auto")
    model.save_pretrained(scratch, max_shard_size=size)
    ours, theirs = (sorted(p.name for p in pathlib.Path(f).glob("model*")) for f in (export, scratch))
    assert ours == theirs, (ours, theirs)
    different = [n for n in ours if not filecmp.cmp(pathlib.Path(export, n), pathlib.Path(scratch, n), shallow=False)]
    assert not different, different
    print(f"{len(ours)} files, equal to the byte")


if sys.argv[1] == "--check":
    check(*sys.argv[2:5])
else:
    with open(sys.argv[1], "w") as out:
        out.write("[" + ",\n".join(json.dumps(case(seed)) for seed in range(14)) + "]\n")
