

class Course:
    """A run from its newest checkpoint to its end: what is looked at, said and saved at each step.

    The engine has `model` and `parameters`; norm_of() and digest_of() of one of them; load() and save() of what it
    goes on from, in a folder; and whole_weights(). Of each step it calls begin(), loss() for each batch, look()
    when the gradients are whole, end() after the update. All of it on all processes."""

    def __init__(self, engine):
        self.engine, self.why, last = engine, "completed", gather(states()[-1:])[0]
        self.proof, self.progress = Proof(engine.parameters, engine.digest_of), {"step": 0, "seconds": 0.0}
        for folder in last:
            engine.load(folder / "engine")
            kept = json.loads((folder / "state.json").read_text())
            self.progress = {key: kept[key] for key in ("step", "seconds", "evaluated", "best") if key in kept}
        tell(event="start", world=WORLD, step=self.progress["step"], resumed=bool(last), device=DEVICE.type,
             trained_parameters=self.proof.said["trained_parameters"])
        if last:
            tell(event="resume", step=self.progress["step"])
        elif "eval_ids" in ROWS and JOB["eval_every"]:
            evaluate(engine.model, 0)
        tell(event="phase", phase="training")

    def steps(self):
        """Those that are left, until a stop is asked for."""
        while self.progress["step"] < JOB["steps"] and self.why == "completed":
            yield self.progress["step"] + 1
        tell(event="end", step=self.progress["step"], why=self.why)

    def begin(self, step):
        """This process's batches of it."""
        self.step, self.began, self.share = step, time.time(), 0.0
        self.weight = float(take(slice(*ENDS[step - 1:step + 1]))[3].double().sum())
        return list(batches(*ENDS[step - 1:step + 1]))

    def loss(self, model, batch):
        """The batch's part of the step's loss."""
        loss = summed_loss(model, *batch) / self.weight
        self.share += float(loss.detach())
        return loss

    def look(self):
        """Between the backward passes and the update."""
        step, asked = self.step, [name for name in ("stop", "checkpoint") if (FOLDER / "control" / name).exists()]
        shares, memory, asked = zip(*gather((self.share, bytes_in_use(), asked)))
        loss, (process, device, total) = sum(shares), map(max, zip(*memory))
        need(math.isfinite(loss), f"step {step}: the loss is not finite: a lower --lr may help")
        if step == 1 and JOB.get("first_loss") is not None:
            need(abs(loss / JOB["first_loss"] - 1) <= JOB["first_loss_tolerance"],
                 f"the first step's loss is {loss:.6f} here, {JOB['first_loss']:.6f} in spectrum's own trainer: the "
                 "forward pass is another")
        if not self.proof.complete:
            self.proof.look_at_gradients(step, max(RATES[:step]), self.engine.norm_of)
        self.asked, self.said = asked[0], {"loss": loss, "lr": RATES[step], "process_bytes": process}
        if CUDA:
            self.said.update(device_bytes=device, device_total_bytes=total)

    def end(self, norm):
        """After the update, whose gradients had that norm before they were clipped."""
        step, progress, now = self.step, self.progress, place(self.step)
        need(math.isfinite(norm), f"step {step}: the gradient's norm is not finite: a lower --lr may help")
        seconds = time.time() - self.began
        progress.update(now, step=step, seconds=progress["seconds"] + seconds, for_best=False)
        tell(step=step, time_s=progress["seconds"], step_s=seconds, grad_norm=norm, tokens=now["tokens"],
             supervised_tokens=now["supervised_tokens"],
             tokens_per_s=(now["tokens"] - place(step - 1)["tokens"]) / seconds, **self.said)
        if evaluated := "eval_ids" in ROWS and is_due(step, JOB["eval_every"]):
            progress["evaluated"] = {"step": step, "eval_loss": evaluate(self.engine.model, step)}
            if progress["evaluated"]["eval_loss"] < progress.get("best", {}).get("eval_loss", math.inf):
                progress.update(best=progress["evaluated"], for_best=True)
        if due := is_due(step, JOB["save_every"]) or self.asked:
            progress["for_best"] = False
        if due or progress["for_best"]:
            self.proof.look_at_bytes(step, max(RATES[:step + 1]))
            save(progress, self.engine.save, self.engine.whole_weights, self.as_in_files)
            for name in self.asked if RANK == 0 else ():
                (FOLDER / "control" / name).unlink(missing_ok=True)
        if "stop" in self.asked:
            self.why = "stopped"
        elif (evaluated or due) and step < JOB["steps"]:
            tell(event="phase", phase="training")

    def as_in_files(self, weights):
        """What is not one tensor in the model's files, as the experts of a mixture, becomes what it is there."""
        model = getattr(self.engine.model, "module", self.engine.model)
        for loaded, files in JOB["parts"].items():
            back = revert_weight_conversion(model, {name: weights.pop(name) for name in loaded.split("|")})
            need(set(back) == set(files), f"{loaded}: is not what the model's files have: {sorted(back)[:3]}")
            weights.update((name, tensor.contiguous()) for name, tensor in back.items())
        return weights


def leave():
    """All is written: the processes end together, at once. An orderly end of their threads now and then aborts."""
    if dist.is_initialized():
        dist.barrier()
    sys.stdout.flush()
    os._exit(0)
