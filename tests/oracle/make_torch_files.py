#!/usr/bin/env python3
"""PyTorch's .bin files, as torch.save() writes them, and the same tensors in safetensors.

    make_torch_files.py OUT_FOLDER

OUT_FOLDER/whole/pytorch_model.bin is a module's state dict (an OrderedDict with _metadata) of every
type, with tied, shared, empty and scalar tensors and parameters; OUT_FOLDER/shards has two files and
their index; OUT_FOLDER/new_types has types whose storages have none; expected.safetensors of each has the
tensors. OUT_FOLDER/refused holds one file a reason.
"""
import collections
import datetime
import json
import pathlib
import pickle
import sys

import torch
from safetensors.torch import save_file

TYPES = [torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
         torch.uint8, torch.bool]


def save(tensors, path, **how):
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(tensors, path, **how)


def expect(tensors, path):
    save_file({name: tensor.detach().clone().contiguous() for name, tensor in tensors.items()}, path)
    path.chmod(0o644)


def whole(folder):
    torch.manual_seed(3)
    state = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 2)).state_dict()
    for dtype in TYPES:
        state[f"types.{str(dtype).removeprefix('torch.')}.weight"] = (torch.randn(3, 5) * 20).to(dtype)
    large = torch.randn(6, 4)
    state["view.weight"], state["view.rows"], state["view.part"] = large, large[2:4], large.view(-1)[3:10]
    state["scalar"], state["empty"], state["one"] = torch.tensor(2.5), torch.empty(0, 7), torch.randn(1, 1, 4)
    state["parameter"] = torch.nn.Parameter(torch.randn(2, 3))
    save(state, folder / "pytorch_model.bin")
    (folder / "config.json").write_text("{}\n")
    expect(state, folder / "expected.safetensors")


def shards(folder):
    torch.manual_seed(4)
    parts = [{"a.weight": torch.randn(2, 3), "b.weight": torch.randn(3).bfloat16()}, {"c.weight": torch.randn(4, 1)}]
    names = [f"pytorch_model-{i + 1:05}-of-00002.bin" for i in range(2)]
    for name, part in zip(names, parts):
        save(part, folder / name)
    index = {"metadata": {}, "weight_map": {key: name for name, part in zip(names, parts) for key in part}}
    (folder / "pytorch_model.bin.index.json").write_text(json.dumps(index) + "\n")
    expect(parts[0] | parts[1], folder / "expected.safetensors")


def new_types(folder):
    torch.manual_seed(5)
    state = {}
    for dtype in (torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e8m0fnu):
        state[str(dtype).removeprefix("torch.")] = torch.rand(15).mul(20).to(dtype)
    for dtype in (torch.uint16, torch.uint32, torch.uint64):
        state[str(dtype).removeprefix("torch.")] = torch.randint(0, 2**15, (2, 4)).to(dtype)
    state["scaled.weight"], state["scaled.weight_scale"] = torch.randn(4, 6).to(torch.float8_e4m3fn), torch.randn(4, 1)
    large = torch.randint(0, 2**15, (5, 3)).to(torch.uint32)
    state["view"], state["rows"] = large, large[2:4]  # an offset is in elements
    save(state, folder / "pytorch_model.bin")
    (folder / "config.json").write_text("{}\n")
    expect(state, folder / "expected.safetensors")


class Runs:
    def __reduce__(self):
        return print, ("this must not be seen",)


def refused(folder):
    weight = torch.arange(12.0).view(3, 4)
    save({"a": weight.t()}, folder / "transposed.bin")
    save({"a": torch.zeros(1).expand(5)}, folder / "expanded.bin")
    save({"a": weight, "step": 3}, folder / "number.bin")
    save({"model": {"a": weight}}, folder / "nested.bin")
    save([weight], folder / "list.bin")
    save({"a": weight}, folder / "legacy.bin", _use_new_zipfile_serialization=False)
    save({"a": weight}, folder / "protocol.bin", pickle_protocol=4)
    save({"a": Runs()}, folder / "runs.bin")
    save({"a": datetime.date(2000, 1, 1)}, folder / "date.bin")
    save(torch.nn.Linear(2, 2), folder / "module.bin")
    save({"a": weight.to(torch.float8_e4m3fnuz)}, folder / "fnuz.bin")
    save({"a": torch._neg_view(weight)}, folder / "negated.bin")
    save({"a": weight.to_sparse()}, folder / "sparse.bin")
    save({"a": collections.Counter("ab")}, folder / "counter.bin")
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), folder / "script.bin")
    (folder / "pickle.bin").write_bytes(pickle.dumps({"a": 1}))


def main():
    out = pathlib.Path(sys.argv[1])
    for make in (whole, shards, new_types, refused):
        (out / make.__name__).mkdir(parents=True, exist_ok=True)
        make(out / make.__name__)


if __name__ == "__main__":
    main()
