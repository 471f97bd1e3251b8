"""Axolotl on several processes of the CPU, for tests alone: torchrun ... axolotl_cpu.py AXOLOTL.YML

With more than one it asks the driver of GPUs about them, and puts each on the GPU of its number.
"""
import os
import sys

os.environ["ACCELERATE_USE_CPU"] = "true"
import axolotl.cli.config as config
import axolotl.utils.trainer as trainer

trainer.check_cuda_p2p_ib_support = lambda: True
normalize_config = config.normalize_config


def normalize(cfg):
    normalize_config(cfg)
    cfg.device_map = None


config.normalize_config = normalize
from axolotl.cli.train import do_cli

file, sys.argv = sys.argv[1], sys.argv[:1]
do_cli(file)
