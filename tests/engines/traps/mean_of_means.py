"""The mean of two processes' mean losses is not the mean over all their targets."""
from trap import *

need("torch", "transformers")
import torch

model, rows = tiny(), ids()
labels = rows.clone()
labels[1, 2:] = -100  # one target in the second row, fifteen in the first
whole = float(model(input_ids=rows, labels=labels).loss)
each = [float(model(input_ids=rows[i:i + 1], labels=labels[i:i + 1]).loss) for i in range(2)]
mean = sum(each) / 2
shown(abs(mean - whole) > 1e-3, f"two means give {mean:.5f}, all targets together {whole:.5f}")
