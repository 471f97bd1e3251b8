"""Axolotl escapes the dots of unfrozen_parameters itself: patterns that have it done train nothing."""
from trap import *

need("axolotl")
from axolotl.utils.freeze import freeze_layers_except

counts = []
for name in (r"^model\.layers\.0\.self_attn\.q_proj\.weight$", "^model.layers.0.self_attn.q_proj.weight$"):
    model = tiny()
    freeze_layers_except(model, [name])
    counts.append(sum(p.requires_grad for p in model.parameters()))
shown(counts == [0, 1], f"with escaped dots {counts[0]} tensors train, with plain ones {counts[1]}")
