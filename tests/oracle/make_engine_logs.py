#!/usr/bin/env python3
"""What torchrun and its processes say when a run fails, each in its own way: tests/data/job/engines/*.log.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 numpy
    venv/bin/python tests/oracle/make_engine_logs.py tests/data/job/engines

Every log is that of a real start: two processes on the CPU, or two "nodes" of one, of a small script that fails as it is
told to. Folders in it are named as on no machine. test_job_engine_failure.c has what must be made of each.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

SCRIPT = '''
import datetime, os, sys, time
rank, how = int(os.environ["RANK"]), sys.argv[1]

def meet(seconds):
    import torch, torch.distributed
    torch.distributed.init_process_group("gloo", timeout=datetime.timedelta(seconds=seconds))
    numbers = torch.ones(1000)
    def together():
        torch.distributed.all_reduce(numbers)
        time.sleep(0.2)
    return together

def fail():
    if how == "value" and rank == 1:
        raise ValueError("the rows have 3 columns\\nand not 4")
    if how == "own" and rank == 0:
        print("spectrum: world size 1 found, 2 in engine.json", file=sys.stderr, flush=True)
        sys.exit(3)
    if how == "memory" and rank == 1:
        raise MemoryError
    if how == "allocator" and rank == 0:
        import torch
        torch.empty(1 << 50)
    if how == "device_memory" and rank == 0:  # as a GPU's allocator says it
        import torch
        raise torch.OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 79.15 GiB of which 1.62 GiB is "
            "free. Including non-PyTorch memory, this process has 77.51 GiB memory in use.")
    if how == "module":
        import package_that_is_not_here
    if how == "killed" and rank == 1:
        os.kill(os.getpid(), 9)
    if how == "segment" and rank == 1:
        os.kill(os.getpid(), 11)
    if how == "became" and rank == 0:
        try:
            {}["x"]
        except KeyError as error:
            raise RuntimeError("no tensor of that name") from error
    if how == "lines" and rank == 0:
        raise RuntimeError("Error(s) in loading the weights:\\n\\tMissing key: x")
    together = meet(4 if how in ("hangs", "nodes_hang") else 60)
    for step in range(40):
        if rank == 1 and step == 3:
            if how == "status":
                os._exit(7)
            if how in ("hangs", "nodes_hang"):
                time.sleep(12)
            if how == "nodes_value":
                raise ValueError("tensor a is not b")
            if how == "nodes_lost":
                os.kill(os.getppid(), 9)
                os.kill(os.getpid(), 9)
        together()
    time.sleep(20)

fail()
'''

ONE_NODE = ["value", "own", "memory", "allocator", "device_memory", "module", "killed", "segment", "became", "lines",
            "status", "hangs"]
NODES = ["nodes_value", "nodes_lost", "nodes_hang"]


def main(out):
    out.mkdir(parents=True, exist_ok=True)
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    venv = str(pathlib.Path(sys.prefix))
    torchrun = [sys.executable, "-m", "torch.distributed.run"]
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "train.py").write_text(SCRIPT)

        def start(name, *arguments):
            with open(f"{folder}/{name}.log", "a") as log:
                return subprocess.Popen(torchrun + list(arguments), cwd=folder, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

        def keep(name):
            text = (pathlib.Path(folder) / f"{name}.log").read_text()
            text = text.replace(venv, "/opt/venv").replace(folder, "/home/user/run")
            (out / f"{name}.log").write_text(text)

        one = ["--standalone", "--nproc-per-node=2"]
        for name in ONE_NODE:
            start(name, *one, "train.py", name).wait()
            keep(name)
        for port, name in enumerate(NODES, 29610):
            nodes = [start(name, "--nnodes=2", f"--node-rank={node}", "--nproc-per-node=1", "--master-addr=127.0.0.1",
                           f"--master-port={port}", "train.py", name) for node in (0, 1)]
            for node in nodes:
                node.wait()
            keep(name)
        start("no_script", *one, "gone.py").wait()
        keep("no_script")
        start("no_module", "--standalone", "--nproc-per-node=1", "-m", "package_that_is_not_here.train").wait()
        keep("no_module")
        told = start("told", *one, "train.py", "told")
        try:
            told.wait(8)
        except subprocess.TimeoutExpired:
            told.terminate()
        told.wait()
        keep("told")


main(pathlib.Path(sys.argv[1]))
