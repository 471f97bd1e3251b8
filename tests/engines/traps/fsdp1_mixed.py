"""FSDP1 flattens a block's tensors into one, which cannot train in part."""
from trap import *

need("torch", "transformers")
processes(2)
import torch.distributed as dist
from torch.distributed.fsdp import FullyShardedDataParallel

dist.init_process_group("gloo")
model = tiny()
model.requires_grad_(False)
model.model.layers[0].self_attn.q_proj.weight.requires_grad_(True)
error = "nothing"
try:
    import torch
    FullyShardedDataParallel(model, use_orig_params=False, device_id=torch.device("cpu"))
except ValueError as what:
    error = str(what)
shown("uniform" in error and "requires_grad" in error, f"FSDP1 says: {error.splitlines()[0][:120]}")
