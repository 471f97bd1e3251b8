"""Items a second of `spectrum eval --tasks` beside lm-evaluation-harness', in turn, with the same model, files,
type and threads.

usage: eval.py SPECTRUM MODEL_FOLDER EVAL_FOLDER [DTYPE [LIMIT [ROUNDS]]]     (bf16, 40, 3)

Of either the time of scoring alone: the model is loaded, the items are read. The harness takes the better of
batches of 1, its default, and of 8. EVAL_FOLDER is that of tests/oracle/make_tasks.py.
"""
import json
import os
import statistics
import subprocess
import sys
import time

program, model_folder, eval_folder = sys.argv[1:4]
dtype, limit, rounds = (sys.argv[4:] + ["bf16", "40", "3"][len(sys.argv) - 4:])[:3]
NAMES = ["arc_easy", "piqa", "hellaswag"]
os.environ["HF_HUB_OFFLINE"] = "1"

import torch  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402

sys.argv = ["make_tasks.py", model_folder, eval_folder, "", "", limit, "none"]
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../oracle"))
import make_tasks  # noqa: E402

threads = os.cpu_count()
torch.set_num_threads(threads)
kind = {"bf16": "bfloat16", "fp32": "float32"}[dtype]
models = {size: HFLM(pretrained=model_folder, dtype=kind, device="cpu", batch_size=size) for size in (1, 8)}
requests = {}
for name in NAMES:
    task = make_tasks.open_task(name, make_tasks.ROWS[name], int(limit))
    task.build_all_requests(limit=None, rank=0, world_size=1)
    requests[name] = task.instances


def rival(name, size):
    began = time.perf_counter()
    models[size].loglikelihood(requests[name], disable_tqdm=True)
    return time.perf_counter() - began


def own():
    said = subprocess.run([program, "eval", model_folder, "--tasks", ",".join(NAMES), "--data-dir", eval_folder, "--limit",
                           limit, "--dtype", dtype, "--threads", str(threads), "--json"], check=True, capture_output=True)
    return {task["task"]: task["seconds"] for task in json.loads(said.stdout)["tasks"]}


ours = {name: [] for name in NAMES}
theirs = {(name, size): [] for name in NAMES for size in models}
for _ in range(int(rounds)):
    for name, seconds in own().items():
        ours[name].append(seconds)
    for name, size in theirs:
        theirs[name, size].append(rival(name, size))
print(f"{dtype}, {threads} threads, {limit} items a task; items/s, medians of {rounds}")
print(f"{'task':>12} {'ours':>9} {'batch 1':>9} {'batch 8':>9} {'ratio':>6}")
ratios = []
for name in NAMES:
    n, mine = int(limit), statistics.median(ours[name])
    other = [statistics.median(theirs[name, size]) for size in models]
    ratios.append(min(other) / mine)
    print(f"{name:>12} {n / mine:9.2f} {n / other[0]:9.2f} {n / other[1]:9.2f} {ratios[-1]:6.2f}")
print(f"geometric mean {statistics.geometric_mean(ratios):.2f} times the harness, least {min(ratios):.2f}")
