#!/usr/bin/env python3
"""Logs of a run of 80 steps as other tools' own writers make them: tests/data/tracker.

    python3 -m venv venv && venv/bin/pip install -r tests/oracle/requirements_trackers.txt
    venv/bin/python tests/oracle/make_trackers.py tests/data/tracker

Numbers are formulas of the step, which test_tracker_logs.c has, too: loss 4 - step / 64, gradient norm 1 + step / 64,
learning rate 2^-10, and every tenth step an evaluation, 4.5 - step / 64: all of them exact in fp32.

    events.out.tfevents.*   TensorBoard's own writer, simple values; evaluations as tensors of one number
    run-sample.wandb        wandb, offline; the step by the run's own count, as transformers logs it
    trackio.db              trackio, through its own client and server, without its WAL
"""
import glob
import os
import shutil
import sqlite3
import sys
import tempfile
import time

STEPS = 80


def numbers(step):
    values = {"loss": 4 - step / 64, "grad_norm": 1 + step / 64, "learning_rate": 2**-10}
    return values, {"loss": 4.5 - step / 64} if step % 10 == 0 else {}


def tensorboard(out):
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util.tensor_util import make_tensor_proto

    with tempfile.TemporaryDirectory() as folder:
        writer = EventFileWriter(folder)
        for step in range(1, STEPS + 1):
            train, evaluation = numbers(step)
            for name, value in train.items():
                scalar = summary_pb2.Summary.Value(tag="train/" + name, simple_value=value)
                writer.add_event(event_pb2.Event(wall_time=time.time(), step=step,
                                                 summary=summary_pb2.Summary(value=[scalar])))
            for name, value in evaluation.items():
                scalar = summary_pb2.Summary.Value(tag="eval/" + name, tensor=make_tensor_proto(value, dtype=float))
                writer.add_event(event_pb2.Event(wall_time=time.time(), step=step,
                                                 summary=summary_pb2.Summary(value=[scalar])))
        writer.close()
        for path in glob.glob(folder + "/events.*"):
            shutil.copy(path, os.path.join(out, "events.out.tfevents.1800000000.host.1.0"))


def named(step):
    train, evaluation = numbers(step)
    line = {"train/" + name: value for name, value in train.items()}
    line |= {"eval/" + name: value for name, value in evaluation.items()}
    return line | {"train/global_step": step}


def wandb_offline(out):
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(WANDB_MODE="offline", WANDB_DIR=folder, WANDB_SILENT="true")
        import wandb

        run = wandb.init(project="sample", dir=folder, settings=wandb.Settings(
            console="off", disable_git=True, save_code=False, x_disable_meta=True, x_disable_stats=True))
        for step in range(1, STEPS + 1):
            run.log(named(step))
        run.finish()
        for path in glob.glob(folder + "/wandb/offline-run-*/run-*.wandb"):
            shutil.copy(path, os.path.join(out, "run-sample.wandb"))


def trackio_database(out):
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(TRACKIO_DIR=folder)
        import trackio

        trackio.init(project="sample", name="older")
        trackio.log({"train/loss": 9.0}, step=1)
        trackio.finish()
        trackio.init(project="sample", name="newest")
        for step in range(1, STEPS + 1):
            trackio.log(named(step), step=step)
        trackio.finish()
        for path in glob.glob(folder + "/**/sample.db", recursive=True):
            source, copy = sqlite3.connect(path), sqlite3.connect(os.path.join(out, "trackio.db"))
            for line in source.iterdump():  # the metrics alone: the other tables are large and empty
                if line.startswith("CREATE TABLE metrics") or line.startswith('INSERT INTO "metrics"'):
                    copy.execute(line)
            copy.commit()
            copy.execute("VACUUM")
            copy.close()


out = sys.argv[1]
os.makedirs(out, exist_ok=True)
for file in os.listdir(out):
    os.remove(os.path.join(out, file))
tensorboard(out)
wandb_offline(out)
trackio_database(out)
for file in sorted(os.listdir(out)):
    print(file, os.path.getsize(os.path.join(out, file)))
