"""A cache, which a model makes unless told not to, has the same effect as a mask: attention crosses documents."""
from trap import *

need("torch", "transformers")
import torch

model, row = tiny().eval(), ids(1)
positions = torch.tensor([[*range(8), *range(8)]])
with torch.no_grad():
    alone = model(input_ids=row[:, 8:], use_cache=False).logits
    near, far = (float((model(input_ids=row, position_ids=positions, use_cache=cache).logits[:, 8:]
                        - alone).abs().max()) for cache in (False, True))
shown(near < 1e-5 < 1e-3 < far, f"the second document differs by {near:.1e} without a cache, by {far:.1e} with one")
