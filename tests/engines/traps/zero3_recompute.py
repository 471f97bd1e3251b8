"""DeepSpeed below 0.19.3: ZeRO-3 frees a frozen tensor while a checkpoint is recomputed.

    PYTHONPATH=FOLDER_OF_DEEPSPEED_0.19.2 python zero3_recompute.py
"""
from trap import *

need("torch", "transformers", "deepspeed")
from importlib.metadata import version

if tuple(map(int, version("deepspeed").split("+")[0].split(".")[:3])) >= (0, 19, 3):
    skip(f"deepspeed {version('deepspeed')} has no such trap: put one below 0.19.3 on PYTHONPATH")
processes(2, DS_ACCELERATOR="cpu")
import deepspeed

deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
deepspeed.init_distributed(dist_backend="gloo")
model = tiny()
model.requires_grad_(False)
for layer in model.model.layers:
    layer.self_attn.q_proj.weight.requires_grad_(True)
model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
engine, *_ = deepspeed.initialize(
    model=model.train(), model_parameters=[p for p in model.parameters() if p.requires_grad],
    config={"train_micro_batch_size_per_gpu": 2, "zero_optimization": {"stage": 3},
            "optimizer": {"type": "AdamW", "params": {"torch_adam": True}}})
error = "nothing"
try:
    engine.backward(engine(input_ids=ids(), labels=ids(), use_cache=False).loss)
except Exception as what:
    error = f"{type(what).__name__}: {what}"
shown("CheckpointError" in error and "torch.Size([0])" in error, f"DeepSpeed {version('deepspeed')}: {error[:100]!r}")
