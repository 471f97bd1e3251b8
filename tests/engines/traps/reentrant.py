"""A reentrant checkpoint whose input wants no gradient computes none within it."""
import warnings

from trap import *

need("torch")
import torch
from torch.utils.checkpoint import checkpoint

embeddings, block = torch.nn.Embedding(8, 4).requires_grad_(False), torch.nn.Linear(4, 4)
head = torch.nn.Linear(4, 4)
got = {}
for reentrant in (True, False):
    block.weight.grad = None
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        hidden = checkpoint(block, embeddings(torch.arange(8)), use_reentrant=reentrant)
        head(hidden).sum().backward()
    got[reentrant] = block.weight.grad is not None
shown(got == {True: False, False: True}, "the block behind frozen embeddings has no gradient where it is reentrant")
