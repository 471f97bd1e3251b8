"""Has the Trainer of transformers, as others have extended it, train what engine.json names on the rows of
rows.safetensors. It keeps its loop, its optimizer's step and its wrapping of the model for several processes;
rows, loss and what is looked at, said and saved at each step are those of spectrum's runs on every engine
(spectrum_rows.py, spectrum_run.py). An empty file control/checkpoint has it write a checkpoint after the step at
hand, control/stop has it end there, too.
"""
from spectrum_rows import *
from transformers import TrainerCallback

DONE = int(states()[-1].name[5:]) if states() else 0  # steps before this sitting
# Batches of a step that a process has at most. The Trainer wants as many of each.
LOT = max(-(-(end - first) // (WORLD * JOB["state"]["batch"])) for first, end in zip(ENDS, ENDS[1:]))
ARGUMENTS = {"output_dir": str(FOLDER / "trainer"), "max_steps": JOB["steps"], "gradient_accumulation_steps": LOT,
             "per_device_train_batch_size": JOB["state"]["batch"], "max_grad_norm": JOB["clip"], "seed": JOB["seed"],
             "bf16": DTYPE == torch.bfloat16, "fp16": False, "use_cpu": not CUDA,
             "gradient_checkpointing": JOB["checkpointing"], "gradient_checkpointing_kwargs": {"use_reentrant": False},
             "ddp_find_unused_parameters": False, "ddp_timeout": 7200, "remove_unused_columns": False,
             "logging_strategy": "no", "save_strategy": "no", "eval_strategy": "no", "report_to": [],
             "disable_tqdm": True}


class Lots:
    """In the place of a DataLoader: this process's batches of the steps that are left."""

    def __init__(self, trainer):
        self.trainer = trainer

    def __len__(self):
        return JOB["steps"] * LOT

    def __iter__(self):
        for step in range(DONE + 1, JOB["steps"] + 1):
            lot = self.trainer.course.begin(step)
            nothing = [part[:1, :1] * 0 for part in lot[0]]  # a token that weighs 0
            for batch in lot + [nothing] * (LOT - len(lot)):
                yield dict(zip(("input_ids", "position_ids", "targets", "weights"), batch))


class Launched:
    """The first base of a Trainer."""
    loss_is_scaled_for_ga = True  # compute_loss() has divided by what the whole step weighs

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.add_callback(Watch(self))

    def get_train_dataloader(self):
        return Lots(self)

    def create_optimizer(self, model=None):
        parameters = parameters_of(self.model)
        self.optimizer = make_optimizer([parameters[name] for name in JOB["trained"]])
        return self.optimizer

    def create_scheduler(self, num_training_steps, optimizer=None):
        for group in self.optimizer.param_groups:
            group["lr"] = 1.0  # which the schedule's factor, the learning rate itself, is multiplied with
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer, lambda updates: RATES[min(DONE + updates + 1, JOB["steps"])])
        return self.lr_scheduler

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """Times the number of processes, over which the gradients' mean will be taken."""
        return self.course.loss(model, inputs.values()) * WORLD

    def training_step(self, *arguments, **more):
        loss = super().training_step(*arguments, **more)
        if self.accelerator.sync_gradients:  # this was the step's last batch
            self.course.look()
            gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
            self.norm = float(torch.nn.utils.get_total_norm(gradients))
        return loss


class Watch(TrainerCallback):
    """What Course asks of an engine, and when the Trainer has come how far. Each process has the whole model."""
    norm_of, digest_of = staticmethod(norm_of), staticmethod(digest_of)

    def __init__(self, trainer):
        self.trainer = trainer

    def on_train_begin(self, args, state, control, **more):
        self.model, self.parameters = self.trainer.model, parameters_of(self.trainer.model)
        self.trainer.course = Course(self)
        state.global_step = DONE

    def on_step_end(self, args, state, control, **more):
        course = self.trainer.course
        course.end(self.trainer.norm)
        control.should_training_stop = state.global_step >= JOB["steps"] or course.why == "stopped"

    def on_train_end(self, args, state, control, **more):
        course = self.trainer.course
        tell(event="end", step=course.progress["step"], why=course.why)

    def whole_weights(self):
        for name in JOB["trained"]:
            yield name, self.parameters[name]

    def save(self, folder):
        """Every process has the same: rank 0's is enough."""
        if RANK == 0:
            trained = {name: weight.detach() for name, weight in self.whole_weights()}
            torch.save({"trained": trained, "optimizer": self.trainer.optimizer.state_dict()}, folder / "trainer.pt")

    @torch.no_grad()
    def load(self, folder):
        kept = torch.load(folder / "trainer.pt", map_location="cpu", weights_only=True)
        for name, weight in self.whole_weights():
            weight.copy_(kept["trained"][name])
        self.trainer.optimizer.load_state_dict(kept["optimizer"])
