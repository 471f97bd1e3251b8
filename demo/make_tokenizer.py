#!/usr/bin/env python3
"""Makes the demo model's tokenizer; run once, the outputs are committed.

    pip install tokenizers==0.23.3
    make_tokenizer.py demo/text demo/model

A byte-level BPE of 2,048 tokens, learned from the two texts of the demo.
"""
import json
import sys

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

text, folder = sys.argv[1:3]
special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
tokenizer = Tokenizer(models.BPE())
tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
tokenizer.decoder = decoders.ByteLevel()
trainer = trainers.BpeTrainer(
    vocab_size=2048,
    special_tokens=special,
    initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
)
tokenizer.train([f"{text}/shakespeare.txt", f"{text}/problems.jsonl"], trainer)
tokenizer.save(f"{folder}/tokenizer.json", pretty=False)
config = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": special[0],
    "eos_token": special[0],
    "pad_token": special[0],
    "model_max_length": 512,
    "chat_template": "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + "
    "message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}",
}
with open(f"{folder}/tokenizer_config.json", "w") as out:
    json.dump(config, out, indent=2)
    out.write("\n")
