"""A head that is the embeddings has no name of its own among the parameters."""
from trap import *

need("transformers")
names = dict(tiny(tie_word_embeddings=True).named_parameters())
shown("lm_head.weight" not in names and "model.embed_tokens.weight" in names,
      "lm_head.weight is no parameter of a model whose head is tied")
