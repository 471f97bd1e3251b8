

from datasets import Dataset
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer


class Trainer(Launched, SFTTrainer):
    """TRL's, with what a launched run changes in it."""


tell(event="phase", phase="loading")
kept = "auto" if DTYPE == torch.bfloat16 else DTYPE  # what is frozen is kept as its file has it
model = with_adapters(AutoModelForCausalLM.from_pretrained(JOB["model"], config=configuration(), dtype=kept))
for parameter in freeze(model).values():
    parameter.data = parameter.data.float()
args = SFTConfig(**ARGUMENTS, max_length=None, dataset_kwargs={"skip_prepare_dataset": True})
nothing = Dataset.from_list([{"input_ids": [0], "labels": [0]}])  # it asks for one; Lots has the rows
trainer = Trainer(model=model, args=args, train_dataset=nothing, data_collator=list,
                  processing_class=AutoTokenizer.from_pretrained(JOB["model"]))
trainer.train()
leave()
