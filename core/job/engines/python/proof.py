

def plain(name):
    """A tensor's name as the model has it, without what wrappers put in; of adapters as PEFT saves it."""
    name = re.sub(r"^module\.|_fsdp_wrapped_module\.|_checkpoint_wrapped_module\.|_orig_mod\.", "", name)
    if ".lora_" in name:
        return name.replace(".default.", ".")
    return name.removeprefix("base_model.model.").replace(".base_layer.", ".")


def parameters_of(model):
    """By plain names; a tied one is there once."""
    return {plain(name): parameter for name, parameter in model.named_parameters()}


def freeze(model):
    """Has exactly what engine.json names train, in the order of engine.json: {name: parameter}."""
    parameters = parameters_of(model)
    need_none(TRAINED - parameters.keys(), "to be trained, and not in the model that transformers makes of "
              f"{JOB['model']}: was the plan made for another?")
    for name, parameter in parameters.items():
        parameter.requires_grad_(name in TRAINED)
    return {name: parameters[name] for name in JOB["trained"]}


def norm_of(parameter):
    """Of its whole gradient; None: it has none."""
    if parameter.grad is None:
        return None
    norm = torch.linalg.vector_norm(parameter.grad)
    return float(norm.full_tensor() if hasattr(norm, "full_tensor") else norm)


def digest_of(parameter):
    """Of what this process has of it: a part where FSDP2 (to_local) or DeepSpeed (ds_tensor) cut it."""
    part = getattr(parameter, "to_local", lambda: getattr(parameter, "ds_tensor", parameter))()
    return hashlib.sha256(part.detach().cpu().reshape(-1).view(torch.uint8).numpy()).digest()


class Proof:
    """That what is to train does, and nothing else: by gradients at first, by bytes at each checkpoint.

    Made of parameters_of() a model before anything trains or is resumed; all processes call it. `moved` is
    the highest learning rate of the updates so far: while it is 0, B of adapters is, and A's gradient."""

    def __init__(self, parameters, digest_of=digest_of):
        self.parameters, self.digest_of, self.complete = parameters, digest_of, False
        self.base = {name: digest_of(parameter) for name, parameter in parameters.items()}
        sizes = {name: getattr(p, "ds_numel", p.numel()) for name, p in parameters.items()}
        count = sum(sizes[name] for name in TRAINED)
        self.frozen = {"tensors": len(sizes) - len(TRAINED), "parameters": sum(sizes.values()) - count}
        self.said = {"format": "spectrum.proof", "version": 1, "engine": JOB["engine"], "world": WORLD,
                     "trained": {name: {"parameters": sizes[name]} for name in JOB["trained"]},
                     "trained_parameters": count}

    def look_at_gradients(self, step, moved, norm_of=norm_of):
        """Between backward pass and update, until `complete`."""
        trains = {name for name, parameter in self.parameters.items() if parameter.requires_grad}
        need_none(trains ^ TRAINED, "trains although the plan does not name it, or the other way round")
        need_none([n for n, p in self.parameters.items() if n not in trains and p.grad is not None],
                  f"frozen, and has a gradient at step {step}: the engine does not keep to the plan")
        for name, said in self.said["trained"].items():
            norm = said["gradient_norm"] = norm_of(self.parameters[name])
            waits = norm == 0 and ".lora_A." in name and moved == 0
            need(waits or norm and norm > 0, f"{name}: trains, and has no gradient at step {step}: {norm}")
        self.complete = all(said["gradient_norm"] for said in self.said["trained"].values())
        self.write(step=step, complete=self.complete)

    def look_at_bytes(self, step, moved):
        """Before each checkpoint: frozen tensors are the base's in every process, trained ones no longer."""
        mine = {name for name, p in self.parameters.items() if self.digest_of(p) != self.base[name]}
        changed = set().union(*gather(mine))
        need_none(changed - TRAINED, f"frozen, and changed by step {step}: no checkpoint is written")
        if self.complete and moved > 1e-6:  # of less, rounding may leave nothing
            need_none(TRAINED - changed, f"trains, and after step {step} is the base's: it is not updated")
        self.frozen["unchanged_at_step"] = step
        self.write()

    def write(self, **more):
        self.said.update(more, frozen=self.frozen)
        if RANK == 0:
            (FOLDER / "proof.json.tmp").write_text(json.dumps(self.said))
            os.replace(FOLDER / "proof.json.tmp", FOLDER / "proof.json")
