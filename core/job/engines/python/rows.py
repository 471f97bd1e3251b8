"""What is trained on, and with: the rows of a step, their loss, the evaluation; adapters, the optimizer."""
import math

from safetensors.torch import load_file
from spectrum_run import *
from transformers import AutoConfig
from transformers.core_model_loading import revert_weight_conversion

ROWS = load_file(FOLDER / "rows.safetensors")  # mapped: what is not looked at takes no memory
ENDS, RATES = [0, *ROWS["step_ends"].tolist()], [0.0, *ROWS["rates"].tolist()]  # by steps, which begin with 1


def take(numbers, kind=""):
    """ids, positions, targets of rows, and what each target weighs: where there is none, nothing."""
    ids, positions, targets = (ROWS[kind + name][numbers].long() for name in ("ids", "positions", "targets"))
    weights = ROWS[kind + "weights"][numbers] if kind + "weights" in ROWS else torch.ones(ids.shape)
    return ids, positions, targets, weights * (targets >= 0)


def batches(first, end, kind=""):
    """This process's share of rows `first` to before `end`. All have equally many, as their collectives must
    match: where rows run out, one that weighs nothing takes the place."""
    share, size = -(-(end - first) // WORLD), JOB["state"]["batch"]
    for at in range(0, share, size):
        mine = [first + RANK + WORLD * i for i in range(at, min(at + size, share))]
        batch = take([min(number, end - 1) for number in mine], kind)
        batch[3][[number >= end for number in mine]] = 0
        yield [tensor.to(DEVICE) for tensor in batch]


def summed_loss(model, ids, positions, targets, weights):
    """Weight * -log p(target), summed. Positions that begin again keep attention within each document."""
    logits = model(input_ids=ids, position_ids=positions, use_cache=False).logits.float().flatten(0, 1)
    return torch.nn.functional.cross_entropy(logits, targets.flatten(), reduction="none") @ weights.flatten()


@torch.no_grad()
def evaluate(model, step):
    """The mean loss over the evaluation rows."""
    tell(event="phase", phase="evaluating")
    began, count = time.time(), len(ROWS["eval_ids"])
    model.eval()
    total = sum(float(summed_loss(model, *batch)) for batch in batches(0, count, "eval_"))
    model.train()
    targets, weights = take(slice(None), "eval_")[2:]
    loss = sum(gather(total)) / float(weights.double().sum())
    need(math.isfinite(loss), f"step {step}: the evaluation loss is not finite: a lower --lr may help")
    tell(step=step, eval_loss=loss, eval_tokens=int((targets >= 0).sum()), seconds=time.time() - began)
    return loss


def place(step):
    """Where the data is after a step, as state.json has it."""
    names = {"tokens": "tokens_seen", "supervised_tokens": "supervised_seen", "epoch": "epochs",
             "row": "row_in_epoch"}
    return {key: int(ROWS[name][step - 1]) if step else 0 for key, name in names.items()}


def is_due(step, every):
    return step == JOB["steps"] or (every > 0 and step % every == 0)


def configuration():
    """The model's, without dropout, as in spectrum's own trainer."""
    config = AutoConfig.from_pretrained(JOB["model"])
    for key in vars(config):
        if key.endswith(("dropout", "pdrop")):
            setattr(config, key, 0.0)
    return config


def with_adapters(model):
    """The model with LoRA's adapters where engine.json names modules for them."""
    if lora := JOB.get("lora"):
        import peft
        shape = peft.LoraConfig(r=lora["rank"], lora_alpha=lora["alpha"], target_modules=lora["modules"])
        model = peft.get_peft_model(model, shape, autocast_adapter_dtype=False)
        beginning = load_file(FOLDER / "adapters.safetensors")
        for name, parameter in parameters_of(model).items():
            if name in beginning and not parameter.is_meta:
                parameter.data.copy_(beginning[name])
    return model


def prepared(model):
    """With adapters and with just what is to train training, before anything cuts it or makes an optimizer for it."""
    freeze(model := with_adapters(model))
    if JOB["checkpointing"]:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    return model


def make_optimizer(trained):
    """AdamW; what has two dimensions or more decays. (What DeepSpeed has cut says its shape in ds_shape.)"""
    parts = {True: [], False: []}
    for parameter in trained:
        parts[len(getattr(parameter, "ds_shape", parameter.shape)) > 1].append(parameter)
    groups = [{"params": part, "weight_decay": JOB["weight_decay"] * yes} for yes, part in parts.items() if part]
    return torch.optim.AdamW(groups, lr=0.0, betas=(JOB["beta1"], JOB["beta2"]), eps=JOB["epsilon"])
