"""Do just the tensors that engine.json names differ between two folders of a model, by their bytes?

    python changed.py BASE TUNED ENGINE.json
"""
import json
import sys
from pathlib import Path

import torch
from safetensors import safe_open


def tensors(folder):
    for file in sorted(Path(folder).glob("*.safetensors")):
        with safe_open(file, "pt") as opened:
            for name in opened.keys():
                yield name, opened.get_tensor(name)


base, tuned = dict(tensors(sys.argv[1])), dict(tensors(sys.argv[2]))
trained = set(json.loads(Path(sys.argv[3]).read_text())["trained"])
assert base.keys() == tuned.keys(), base.keys() ^ tuned.keys()
frozen = [n for n, t in base.items() if n not in trained
          and (t.dtype != tuned[n].dtype or not t.view(torch.uint8).equal(tuned[n].view(torch.uint8)))]
same = [n for n in trained if n in base and base[n].float().equal(tuned[n].float())]
if frozen or same:
    print("frozen, and changed:", frozen, "trained, and the same:", same, file=sys.stderr)
sys.exit(bool(frozen or same))
