"""Axolotl's own Spectrum plug-in adds the embeddings and the head to any choice, and its names are beginnings."""
from trap import *

need("axolotl")
from axolotl.integrations.spectrum import _generate_unfrozen_params_yaml

measured = {f"model.layers.{i}.mlp.up_proj": {"type": "mlp.up_proj", "snr": 9.0 - i} for i in range(4)}
chosen = _generate_unfrozen_params_yaml(measured, top_fraction=0.25)
everything = _generate_unfrozen_params_yaml(measured, top_fraction=50)  # as its default is
shown("^lm_head.weight$" in chosen and "model.layers.0.mlp.up_proj" in chosen and len(everything) == 6,
      f"a quarter of four matrices is {chosen}; its default trains all {len(measured)}")
