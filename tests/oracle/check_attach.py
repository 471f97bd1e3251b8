#!/usr/bin/env python3
"""Holds `spectrum attach` against the tools themselves while they write: a TensorBoard writer, a trackio run and a TRL
SFTTrainer on the CPU. Each step's line must come, with its loss, within a second of the tool's own write; what lies
beside the log afterwards is the tool's own.

    venv/bin/pip install -r tests/oracle/requirements_trackers.txt torch trl
    venv/bin/python tests/oracle/check_attach.py build/spectrum demo/model demo/text/problems.jsonl

The writer is a process of its own (this script with "write"), which says when each step was written: TensorBoard's after
its flush, as transformers' callback does it; trackio's when the database changes, as its client writes rows in the
background; TRL's after the other log callbacks.
"""
import json
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

STEPS, PAUSE, LIMIT = 12, 0.7, 1.0


def say(step, loss):
    print(json.dumps({"step": step, "loss": loss, "at": time.time()}), flush=True)


def write_tensorboard(folder, *_):
    from torch.utils.tensorboard import SummaryWriter

    writer = SummaryWriter(folder + "/runs/live")
    for step in range(1, STEPS + 1):
        loss = 4 - step / 64
        writer.add_scalar("train/loss", loss, step)
        writer.add_scalar("train/grad_norm", 1.0, step)
        writer.flush()
        say(step, loss)
        time.sleep(PAUSE)
    writer.close()


def write_trackio(folder, *_):
    os.environ["TRACKIO_DIR"] = folder
    sys.stdout, out = sys.stderr, sys.stdout  # trackio prints
    import trackio

    def written():  # a reader of the database would leave its own files beside it
        return [os.stat(path).st_mtime_ns for path in (f"{folder}/live.db", f"{folder}/live.db-wal") if os.path.exists(path)]

    trackio.init(project="live", name="baseline")
    for step in range(1, STEPS + 1):
        loss, before = 4 - step / 64, written()
        trackio.log({"train/loss": loss, "train/global_step": step}, step=step)
        while written() == before:
            time.sleep(0.005)
        if step == 1:
            time.sleep(2)  # its tables are made first
        print(json.dumps({"step": step, "loss": loss, "at": time.time()}), file=out, flush=True)
        time.sleep(PAUSE)
    trackio.finish()


def write_trl(folder, model, data):
    sys.stdout, out = sys.stderr, sys.stdout  # the trainer prints
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    class Say(TrainerCallback):
        def on_log(self, args, state, control, logs=None, **_):
            if "loss" in logs:
                line = {"step": state.global_step, "loss": float(logs["loss"]), "at": time.time()}
                print(json.dumps(line), file=out, flush=True)

    texts = [json.loads(line) for line in open(data)][:200]
    keys = list(texts[0])
    rows = Dataset.from_list([{"text": "\n".join(str(row[key]) for key in keys)} for row in texts])
    config = SFTConfig(output_dir=folder + "/out", max_steps=4 * STEPS, per_device_train_batch_size=4, max_length=128,
                       logging_steps=1, save_strategy="no", report_to="tensorboard", use_cpu=True, bf16=False,
                       disable_tqdm=True)
    SFTTrainer(model=model, args=config, train_dataset=rows, callbacks=[Say()]).train()


WRITERS = {"tensorboard": ("TensorBoard", write_tensorboard), "trackio": ("trackio", write_trackio),
           "trl": ("TRL SFTTrainer (TensorBoard)", write_trl)}


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in pathlib.Path(folder).rglob("*") if path.is_file())


def follow(program, writer, model, data):
    """Attaches as soon as the first step is written; the delays of those that come after it."""
    with tempfile.TemporaryDirectory() as folder:
        logs = folder + "/logs"
        os.mkdir(logs)
        environment = dict(os.environ, XDG_STATE_HOME=folder + "/state", XDG_CACHE_HOME=folder + "/cache")
        tool = subprocess.Popen([sys.executable, __file__, "write", writer, logs, model, data], text=True,
                                stdout=subprocess.PIPE, stderr=open(folder + "/said", "w"))
        first = tool.stdout.readline()
        if not first:
            sys.exit(f"{writer} wrote nothing: " + open(folder + "/said").read()[-2000:])
        written, came = {}, {}
        first = json.loads(first)
        spectrum = subprocess.Popen([program, "attach", logs], text=True, env=environment, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE)

        def take_lines():
            for line in spectrum.stdout:
                match = re.match(r"step (\d+)\S*  loss (\S+)", line)
                if match:
                    came.setdefault(int(match[1]), (time.time(), match[2]))

        reader = threading.Thread(target=take_lines, daemon=True)
        reader.start()
        while first["step"] not in came:
            if spectrum.poll() is not None:
                sys.exit(f"{writer}: attach ended with {spectrum.returncode}: {spectrum.stderr.read()}")
            time.sleep(0.01)
        for line in tool.stdout:
            line = json.loads(line)
            written[line["step"]] = line
        tool.wait()
        time.sleep(2)
        beside = names(logs)
        jobs = pathlib.Path(folder, "state/spectrum/attached").iterdir()
        for job in jobs:
            subprocess.run([program, "stop", job], env=environment, stderr=subprocess.DEVNULL)
        spectrum.wait(30)
        reader.join(5)
        time.sleep(1)
        late = [step for step in written if step > first["step"] and step not in came]
        if late:
            sys.exit(f"{writer}: no line of the steps {late}")
        for step, line in written.items():
            if step in came and came[step][1] != f"{line['loss']:.4f}":
                sys.exit(f"{writer}: step {step} has loss {came[step][1]}, not {line['loss']:.4f}")
        if names(logs) != beside or any(name.endswith(("-wal", "-shm")) for name in beside):
            sys.exit(f"{writer}: beside its log lies {names(logs)}")
        # those before the follower was there came with it
        return sorted(came[step][0] - line["at"] for step, line in written.items()
                      if line["at"] > came[first["step"]][0])


def main(program, model, data):
    failed = False
    for writer, (name, _) in WRITERS.items():
        delays = follow(program, writer, os.path.abspath(model), os.path.abspath(data))
        print(f"{name}: {len(delays)} steps, behind their write by {delays[len(delays) // 2]:.2f} s (median), "
              f"{delays[-1]:.2f} s (most)", flush=True)
        failed |= delays[-1] > LIMIT
    if failed:
        sys.exit(f"a line came more than {LIMIT:g} s after its write")


if sys.argv[1] == "write":
    WRITERS[sys.argv[2]][1](*sys.argv[3:])
else:
    main(*sys.argv[1:4])
