"""SFTTrainer takes rows in an order of its own."""
from trap import *

need("trl", "datasets")
import tempfile

import torch
from datasets import Dataset
from tokenizers import Tokenizer, models
from transformers import PreTrainedTokenizerFast
from trl import SFTConfig, SFTTrainer

seen = []


def collate(lot):
    seen.extend(row["number"] for row in lot)
    rows = torch.tensor([row["input_ids"] for row in lot])
    return {"input_ids": rows, "labels": rows, "attention_mask": torch.ones_like(rows)}


rows = Dataset.from_list([{"number": i, "input_ids": ids()[0].tolist()} for i in range(16)])
args = SFTConfig(output_dir=tempfile.mkdtemp(), max_steps=4, per_device_train_batch_size=2, use_cpu=True, report_to=[],
                 bf16=False, dataset_kwargs={"skip_prepare_dataset": True}, remove_unused_columns=False,
                 max_length=None, save_strategy="no", disable_tqdm=True, logging_strategy="no",
                 gradient_checkpointing=False)
tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({"<p>": 0, "<e>": 1}, "<p>")),
                                    pad_token="<p>", eos_token="<e>")
SFTTrainer(model=tiny(), args=args, train_dataset=rows, data_collator=collate, processing_class=tokenizer).train()
shown(seen[:8] != list(range(8)), f"the first rows are {seen[:8]}")
