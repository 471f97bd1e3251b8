#!/usr/bin/env python3
"""What it costs a run that others watch it: one writer of TensorBoard events, alone and with 64 `spectrum attach` of its
folder, in turns; the processor seconds of the writer, of the one job that follows the log, and of a watcher.

    venv/bin/pip install tensorboard
    venv/bin/python tests/bench/attach.py build/spectrum [watchers] [turns]

The writer (this script with "write") computes for about 50 ms and logs ten numbers, 150 steps long, beside the event
files of 50 earlier sittings.
"""
import hashlib
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

STEPS, NUMBERS, EARLIER = 150, 10, 50


def write(folder):
    from tensorboard.compat.proto import event_pb2, summary_pb2
    from tensorboard.summary.writer.event_file_writer import EventFileWriter

    def log(writer, step):
        for i in range(NUMBERS):
            value = summary_pb2.Summary.Value(tag=f"train/number_{i}" if i else "train/loss", simple_value=4 - step / 64)
            writer.add_event(event_pb2.Event(wall_time=time.time(), step=step, summary=summary_pb2.Summary(value=[value])))
        writer.flush()

    for sitting in range(EARLIER):
        writer = EventFileWriter(folder, filename_suffix=f".{sitting}")
        log(writer, 1)
        writer.close()
    writer = EventFileWriter(folder, filename_suffix=".last")
    log(writer, 1)
    print("begun", flush=True)
    sys.stdin.readline()
    block, before = b"x" * (1 << 20), time.process_time()
    for step in range(2, STEPS + 1):
        for _ in range(40):
            hashlib.sha256(block).digest()
        log(writer, step)
    print(time.process_time() - before, flush=True)
    sys.stdin.readline()
    writer.close()


def seconds_of(pid):
    return int(pathlib.Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def follower_of(folder):
    """The process that follows the log for all of them: it knows itself as a job."""
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            words = (path / "cmdline").read_bytes().split(b"\0")
            job = b"\0SPECTRUM_JOB=" in b"\0" + (path / "environ").read_bytes()
        except OSError:
            continue
        if job and words[1:3] == [b"attach", folder.encode()]:
            return int(path.name)
    return None


def turn(program, watchers):
    """Seconds: the writer's, by the clock; the job's and all watchers' processor seconds by the clock's."""
    with tempfile.TemporaryDirectory() as base:
        folder = base + "/logs"
        os.mkdir(folder)
        environment = dict(os.environ, XDG_STATE_HOME=base + "/state", XDG_CACHE_HOME=base + "/cache")
        writer = subprocess.Popen([sys.executable, __file__, "write", folder], text=True, stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE)
        writer.stdout.readline()
        followers = [subprocess.Popen([program, "attach", folder], env=environment, stdout=subprocess.DEVNULL,
                                      stderr=subprocess.DEVNULL) for _ in range(watchers)]
        worker = None
        while watchers and not (worker := follower_of(os.path.realpath(folder))):
            time.sleep(0.1)
        time.sleep(5 if watchers else 0)
        pids = [process.pid for process in followers] + ([worker] if worker else [])
        before, began = {pid: seconds_of(pid) for pid in pids}, time.monotonic()
        writer.stdin.write("\n")
        writer.stdin.flush()
        spent = float(writer.stdout.readline())
        clock = time.monotonic() - began
        after = {pid: seconds_of(pid) - before[pid] for pid in pids}
        for process in followers:
            process.terminate()
        for process in followers:
            process.wait()
        for job in pathlib.Path(base, "state/spectrum/attached").glob("*"):
            subprocess.run([program, "stop", job], env=environment, stderr=subprocess.DEVNULL)
        writer.stdin.write("\n")
        writer.stdin.flush()
        writer.wait()
        time.sleep(1)
        job = after.pop(worker, 0) / clock
        return spent, clock, job, sum(after.values()) / clock / max(watchers, 1)


def main(program, watchers=64, turns=5):
    results = {0: [], watchers: []}
    for _ in range(turns):
        for count in results:
            results[count].append(turn(program, count))
    for count, rows in results.items():
        spent, clock, job, watcher = (statistics.median(column) for column in zip(*rows))
        print(f"{count} watchers: the writer {spent:.2f} s of the processor in {clock:.1f} s by the clock; "
              f"the job {100 * job:.2f} %, a watcher {100 * watcher:.2f} % of a core")
    alone, watched = (statistics.median(row[0] for row in rows) for rows in results.values())
    print(f"the writer watched by {watchers}: {watched / alone:.3f} of its processor time alone")


if sys.argv[1] == "write":
    write(sys.argv[2])
else:
    main(sys.argv[1], *map(int, sys.argv[2:]))
