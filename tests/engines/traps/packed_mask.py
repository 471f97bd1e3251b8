"""A mask of ones beside positions that begin anew has attention cross from one document into the next."""
from trap import *

need("torch", "transformers")
import torch

model, row = tiny().eval(), ids(1)
positions = torch.tensor([[*range(8), *range(8)]])
with torch.no_grad():
    alone = model(input_ids=row[:, 8:], use_cache=False).logits
    near, far = (float((model(input_ids=row, position_ids=positions, use_cache=False, **more).logits[:, 8:]
                        - alone).abs().max()) for more in ({}, {"attention_mask": torch.ones_like(row)}))
shown(near < 1e-5 < 1e-3 < far, f"the second document differs by {near:.1e} without a mask, by {far:.1e} with one")
