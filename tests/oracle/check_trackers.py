#!/usr/bin/env python3
"""Holds the files that `spectrum train --log tensorboard,trackio,csv` writes against metrics.jsonl, as the tools
themselves read them: TensorBoard's event accumulator, trackio's storage, Python's csv.

    venv/bin/pip install -r tests/oracle/requirements_trackers.txt
    build/spectrum train demo/model --data demo/text/problems.jsonl --steps 20 --log tensorboard,trackio,csv --run runs/logged
    venv/bin/python tests/oracle/check_trackers.py runs/logged
"""
import csv
import json
import os
import pathlib
import struct
import sys

run = pathlib.Path(sys.argv[1]).resolve()
os.environ["TRACKIO_DIR"] = str(run)

train, evaluations = {}, {}
for line in open(run / "metrics.jsonl"):
    line = json.loads(line)
    if line.get("event") == "resume":
        train = {step: x for step, x in train.items() if step <= line["step"]}
        evaluations = {step: x for step, x in evaluations.items() if step <= line["step"]}
    elif "loss" in line:
        train[line["step"]] = line
    elif "eval_loss" in line:
        evaluations[line["step"]] = line


def fp32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def check(name, got, wanted):
    if got != wanted:
        sys.exit(f"{name}: {got} is not {wanted}")


from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(str(run), size_guidance={"tensors": 0, "scalars": 0})
events.Reload()


def curve(tag):
    points = events.Scalars(tag) if tag in events.Tags()["scalars"] else [
        type("point", (), {"step": t.step, "value": t.tensor_proto.float_val[0]}) for t in events.Tensors(tag)]
    return {point.step: fp32(point.value) for point in points}


for tag, key in (("loss", "loss"), ("learning_rate", "lr"), ("grad_norm", "grad_norm"), ("tokens_per_s", "tokens_per_s")):
    check("tensorboard " + tag, curve("train/" + tag), {step: fp32(x[key]) for step, x in train.items() if key in x})
check("tensorboard eval/loss", curve("eval/loss"), {step: fp32(x["eval_loss"]) for step, x in evaluations.items()})

from trackio.sqlite_storage import SQLiteStorage

check("trackio's projects", SQLiteStorage.get_projects(), ["spectrum"])
check("trackio's runs", SQLiteStorage.get_runs("spectrum"), [run.name])
logs = SQLiteStorage.get_logs("spectrum", run.name)
check("trackio train/loss", {x["step"]: x["train/loss"] for x in logs if "train/loss" in x},
      {step: x["loss"] for step, x in train.items()})
check("trackio eval/loss", {x["step"]: x["eval/loss"] for x in logs if "eval/loss" in x},
      {step: x["eval_loss"] for step, x in evaluations.items()})

job = json.load(open(run / "job.json"))
asked = {key: x for key, x in job.items() if key not in ("format", "version", "command", "folder", "arguments")}
config = SQLiteStorage.get_run_config("spectrum", run.name)
check("trackio's configuration", {key: x for key, x in config.items() if not key.startswith("_")}, asked)
check("trackio's configurations", SQLiteStorage.get_all_run_configs("spectrum"), {run.name: config})

rows = list(csv.DictReader(open(run / "metrics.csv")))
check("csv loss", {int(x["step"]): fp32(float(x["loss"])) for x in rows if x["loss"]},
      {step: fp32(x["loss"]) for step, x in train.items()})
check("csv eval_loss", {int(x["step"]): fp32(float(x["eval_loss"])) for x in rows if x["eval_loss"]},
      {step: fp32(x["eval_loss"]) for step, x in evaluations.items()})
print(f"{len(train)} steps, {len(evaluations)} evaluations and {len(asked)} options: the same in TensorBoard, trackio and CSV")
