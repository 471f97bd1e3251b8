
import torch.distributed.checkpoint as dcp
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import CPUOffloadPolicy, MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor
from transformers import AutoModelForCausalLM


def build(real):
    """The model with its values, as its files have them, or without."""
    config = configuration()
    with torch.device("cpu" if real else "meta"):
        if real:
            kept = "auto" if DTYPE == torch.bfloat16 else DTYPE
            model = AutoModelForCausalLM.from_pretrained(JOB["model"], config=config, dtype=kept)
        else:
            model = AutoModelForCausalLM.from_config(config, dtype=DTYPE)
        return prepared(model)


class Engine:
    """FSDP2: every tensor is cut among the processes, and whole only while its block computes."""

    def __init__(self):
        source = build(real=True) if RANK == 0 else None  # the one process that reads the model
        self.model = model = build(real=False)
        for name, parameter in parameters_of(model).items():
            if name in TRAINED:
                parameter.data = parameter.data.float()
        options = {"mesh": init_device_mesh(DEVICE.type, (WORLD,)),
                   "mp_policy": MixedPrecisionPolicy(param_dtype=DTYPE, reduce_dtype=torch.float32)}
        if JOB["offload"]:
            options["offload_policy"] = CPUOffloadPolicy(pin_memory=CUDA)
        blocks = [module for module in model.modules() if type(module).__name__ in model._no_split_modules]
        for module in [*reversed(blocks), model]:  # inner ones first
            fully_shard(module, **options)
            module.set_gradient_divide_factor(1.0)  # a process's loss is its share of the step's
            module.set_force_sum_reduction_for_comms(True)  # gloo has no other
        self.fill(source)
        self.parameters = parameters_of(model)  # which are others since they were cut
        self.trained = {name: self.parameters[name] for name in JOB["trained"]}
        self.optimizer = make_optimizer(self.trained.values())

    @staticmethod
    def tensors(model):
        return [(plain(name), tensor) for name, tensor in [*model.named_parameters(), *model.named_buffers()]]

    @torch.no_grad()
    def fill(self, source):
        """Deals what rank 0 has read, a tensor at a time. Buffers are dealt, too: some, such as the rotary
        frequencies, are in no file, and right only where the model was not made on meta."""
        model = self.model.to_empty(device="cpu" if JOB["offload"] else DEVICE)
        model.tie_weights()
        read = dict(self.tensors(source)) if source else {}
        for name, mine in self.tensors(model):
            whole = torch.empty(mine.shape, dtype=mine.dtype, device=DEVICE)
            if source:
                whole.copy_(read.pop(name))
            if isinstance(mine, DTensor):
                mine.to_local().copy_(distribute_tensor(whole, mine.device_mesh, mine.placements).to_local())
            else:
                dist.broadcast(whole, 0)
                mine.data = whole
        need_none([name for name, mine in self.tensors(model) if mine.is_meta], "left on meta, has no values")

    norm_of, digest_of = staticmethod(norm_of), staticmethod(digest_of)

    def backward(self, loss, last):
        loss.backward()

    def update(self):
        """One step of AdamW with clipped gradients. Returns their norm before that."""
        norm = torch.nn.utils.clip_grad_norm_(self.trained.values(), JOB["clip"] or math.inf).full_tensor()
        self.optimizer.step()
        self.optimizer.zero_grad()
        return float(norm)

    def whole_weights(self):
        for name, parameter in self.trained.items():
            yield name, parameter.detach().to(DEVICE).full_tensor()

    def own_state(self):
        return {name: {"weight": p.detach(), **self.optimizer.state[p]} for name, p in self.trained.items()}

    def save(self, folder):
        dcp.save(self.own_state(), checkpoint_id=folder)

    def load(self, folder):
        """In place: there are moments to read into first."""
        for parameter in self.trained.values():
            moments = {name: torch.zeros_like(parameter) for name in ("exp_avg", "exp_avg_sq")}
            self.optimizer.state[parameter] = {"step": torch.tensor(0.0), **moments}
        dcp.load(self.own_state(), checkpoint_id=folder)
