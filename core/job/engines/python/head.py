"""What spectrum's runs on every engine share: the run's files, the proof, the form of a checkpoint.

engine.json beside this file says what the run is. Whatever is not as it should be ends it: one line
"spectrum: ..." on standard error, exit status 3. Rank 0 alone writes metrics.jsonl, proof.json and state.json.
"""
import hashlib
import json
import os
import re
import shutil
import sys
import time
from pathlib import Path

import numpy
import torch
import torch.distributed as dist
from safetensors.torch import save_file

FOLDER = Path(__file__).resolve().parent
JOB = json.loads((FOLDER / "engine.json").read_text())
TRAINED = set(JOB["trained"])
RANK, WORLD = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
CUDA = JOB["device"] != "cpu" and torch.cuda.is_available()
DEVICE = torch.device("cuda", int(os.environ.get("LOCAL_RANK", 0))) if CUDA else torch.device("cpu")
DTYPE = getattr(torch, JOB["dtype"])  # of the computation: what trains is kept in fp32 beside it


def need(right, message):
    """Or the run ends. What all processes find wrong, rank 0 says, and the others leave it the time to."""
    if not right:
        print(f"spectrum: {message}", file=sys.stderr, flush=True) if RANK == 0 else time.sleep(5)
        os._exit(3)  # an orderly end would wait for the other processes


def need_none(names, message):
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    need(not names, f"{', '.join(sorted(names)[:5])}{more}: {message}")


def tell(**event):
    """Adds a line to metrics.jsonl."""
    if RANK == 0:
        with open(FOLDER / "metrics.jsonl", "a") as log:
            log.write(json.dumps(event) + "\n")


def gather(thing):
    """Every process's `thing`, by rank; all wait for one another here."""
    things = [thing] * WORLD
    if dist.is_initialized():
        dist.all_gather_object(things, thing)
    return things


def bytes_in_use():
    """Of this process's memory, of its device's, and of all that the device has."""
    device = (torch.cuda.memory_reserved(), torch.cuda.mem_get_info()[1]) if CUDA else (0, 0)
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"), *device


need(WORLD == JOB["world"], f"{WORLD} process(es) were started, and engine.json is made for {JOB['world']}: "
     "start them by launch.sh (`accelerate launch --cpu` starts one, whatever it is told)")
need(not CUDA or int(os.environ.get("LOCAL_WORLD_SIZE", 1)) <= torch.cuda.device_count(), "more processes than GPUs here")
need(CUDA or JOB["device"] != "cuda", "engine.json asks for CUDA, and this PyTorch finds no such device")
