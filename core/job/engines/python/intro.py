"""Trains the tensors that engine.json names, and no others, on the rows of rows.safetensors.

launch.sh beside this file starts it, a process for each device. It goes on from the newest of checkpoints/.
An empty file control/checkpoint has it write one after the step at hand, control/stop has it end there, too.
engine.jsonl says what happens, proof.json which tensors had a gradient. spectrum_rows.py has the data and the
loss, spectrum_run.py what all engines share: the proof, the form of a checkpoint, tell() and gather().
"""
from datetime import timedelta

from spectrum_rows import *
