"""A wrapped or compiled model has other names, so names set late find nothing."""
from trap import *

need("torch", "transformers")
import torch
import torch.distributed as dist

os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT="29541", RANK="0", WORLD_SIZE="1")
dist.init_process_group("gloo")
name = "model.layers.0.self_attn.q_proj.weight"
wrapped = {"compile": torch.compile(tiny()), "DDP": torch.nn.parallel.DistributedDataParallel(tiny())}
lost = [how for how, model in wrapped.items() if name not in dict(model.named_parameters())]
shown(lost == ["compile", "DDP"], f"the name is not found behind {' and '.join(lost)}")
