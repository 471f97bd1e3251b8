"""What the scripts of this folder share. Each shows one row of core/job/engines/engine_traps.c: that the
trap springs, on the CPU, with what is installed. Names are those of the rows.

    python tied_head.py    0: it sprang, as the row says; 1: it did not; 77: what it needs is not installed

One that no longer springs is a row that says too much, or a version that is repaired.
"""
import os
import subprocess
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("AXOLOTL_DO_NOT_TRACK", "1")


def skip(why):
    print(f"SKIPPED: {why}", flush=True)
    os._exit(77)


def need(*modules):
    """Or the script is skipped."""
    import importlib.util
    for module in modules:
        if importlib.util.find_spec(module) is None:
            skip(f"there is no {module}")


def shown(happens, what):
    """Ends the script: `what` is the effect, which is there or not."""
    if int(os.environ.get("RANK", 0)) == 0:
        print(("sprang: " if happens else "DID NOT SPRING: ") + what, flush=True)
    os._exit(0 if happens else 1)


def processes(count, **environment):
    """Starts the script again in so many processes, and ends as they do."""
    if "RANK" not in os.environ:
        sys.exit(subprocess.run([sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node",
                                 str(count), *sys.argv], env=os.environ | environment).returncode)


def tiny(**changes):
    """A Llama of some thousand parameters, with random weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2,
             "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
    return LlamaForCausalLM(LlamaConfig(**sizes | changes))


def ids(rows=2, length=16):
    import torch
    return torch.arange(rows * length).reshape(rows, length) * 7 % 64
