"""Two processes without a GPU: Axolotl asks the driver about them, and ends."""
from trap import *

need("axolotl")
import torch

if torch.cuda.is_available():
    skip("there is a GPU")
os.environ.update(WORLD_SIZE="2", ACCELERATE_USE_CPU="true")
from axolotl.utils.trainer import check_cuda_p2p_ib_support

error = "nothing"
try:
    check_cuda_p2p_ib_support()
except Exception as what:
    error = f"{type(what).__name__}: {what}"
shown("NVIDIA" in error, f"{error.splitlines()[0][:100]!r}")
