"""A model of the meta device that is filled from its file has buffers which no file has: garbage, and no error."""
from trap import *

need("torch", "transformers")
import torch
from transformers import LlamaForCausalLM

whole = tiny()
with torch.device("meta"):
    model = LlamaForCausalLM(whole.config)
model.to_empty(device="cpu")
missing, unexpected = model.load_state_dict(whole.state_dict(), strict=True)
for buffer in model.buffers():  # what memory happens to hold
    buffer.fill_(1e3)
losses = [float(m(input_ids=ids(), labels=ids()).loss) for m in (whole, model)]
shown(not missing and not unexpected and "inv_freq" not in " ".join(whole.state_dict()) and losses[0] != losses[1],
      f"the loss is {losses[1]:.6f} instead of {losses[0]:.6f}, and loading it said nothing")
