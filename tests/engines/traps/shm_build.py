"""Without a compiler or ninja DeepSpeed ends at its start on the CPU, building an operation."""
from trap import *

need("torch", "deepspeed")
import tempfile

empty = tempfile.mkdtemp()
processes(1, DS_ACCELERATOR="cpu", PATH=empty, TORCH_EXTENSIONS_DIR=empty)
import deepspeed

error = "nothing"
try:
    deepspeed.init_distributed(dist_backend="gloo")
except Exception as what:
    error = f"{type(what).__name__}: {what}"
deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
deepspeed.comm.comm.cdb = None
deepspeed.init_distributed(dist_backend="gloo")
shown(error != "nothing", f"{error.splitlines()[0][:100]!r}; with the operation switched off it starts")
