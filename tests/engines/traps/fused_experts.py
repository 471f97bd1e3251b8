"""The experts of a mixture are one tensor a layer, where the model's files have each by itself."""
from trap import *

need("transformers")
from transformers import MixtralConfig, MixtralForCausalLM

model = MixtralForCausalLM(MixtralConfig(vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=1,
                                         num_attention_heads=4, num_key_value_heads=2, num_local_experts=4))
names = [name for name, _ in model.named_parameters()]
shown(not any(".experts.0." in name for name in names) and any(name.endswith("experts.down_proj") for name in names),
      "no name has the number of an expert: " + ", ".join(n for n in names if ".experts" in n))
