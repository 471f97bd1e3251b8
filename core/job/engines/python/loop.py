

def train_step(engine, proof, step):
    """Returns what engine.jsonl says of it, and what is asked for in control/."""
    first, end = ENDS[step - 1:step + 1]
    weight = float(take(slice(first, end))[3].double().sum())
    share, lot = 0.0, list(batches(first, end))
    for number, batch in enumerate(lot, 1):
        loss = summed_loss(engine.model, *batch) / weight
        engine.backward(loss, last=number == len(lot))
        share += float(loss.detach())
    asked = [name for name in ("stop", "checkpoint") if (FOLDER / "control" / name).exists()]
    shares, memory, asked = zip(*gather((share, bytes_in_use(), asked)))
    loss, (process, device, total) = sum(shares), map(max, zip(*memory))
    need(math.isfinite(loss), f"step {step}: the loss is not finite: a lower --lr may help")
    if step == 1 and JOB.get("first_loss") is not None:
        need(abs(loss / JOB["first_loss"] - 1) <= JOB["first_loss_tolerance"],
             f"the first step's loss is {loss:.6f} here, {JOB['first_loss']:.6f} in spectrum's own trainer: the "
             "forward pass is another")
    if not proof.complete:
        proof.look_at_gradients(step, max(RATES[:step]), engine.norm_of)
    norm = engine.update(RATES[step])
    need(math.isfinite(norm), f"step {step}: the gradient's norm is not finite: a lower --lr may help")
    said = {"loss": loss, "lr": RATES[step], "grad_norm": norm, "process_bytes": process}
    return said | ({"device_bytes": device, "device_total_bytes": total} if CUDA else {}), asked[0]


def train(engine):
    proof, asked, why = Proof(engine.parameters, engine.digest_of), [], "completed"
    progress = {"step": 0, "seconds": 0.0}
    last = states()[-1:]
    for folder in last:
        engine.load(folder / "engine")
        kept = json.loads((folder / "state.json").read_text())
        progress = {key: kept[key] for key in ("step", "seconds", "evaluated", "best") if key in kept}
    tell(event="start", world=WORLD, step=progress["step"], resumed=bool(last), device=DEVICE.type,
         trained_parameters=proof.said["trained_parameters"])
    if last:
        tell(event="resume", step=progress["step"])
    elif "eval_ids" in ROWS and JOB["eval_every"]:
        evaluate(engine.model, 0)
    tell(event="phase", phase="training")
    for step in range(progress["step"] + 1, JOB["steps"] + 1):
        began, before = time.time(), place(step - 1)["tokens"]
        said, asked = train_step(engine, proof, step)
        seconds = time.time() - began
        progress.update(place(step), step=step, seconds=progress["seconds"] + seconds, for_best=False)
        tell(step=step, time_s=progress["seconds"], step_s=seconds, tokens=progress["tokens"],
             supervised_tokens=progress["supervised_tokens"],
             tokens_per_s=(progress["tokens"] - before) / seconds, **said)
        if evaluated := "eval_ids" in ROWS and is_due(step, JOB["eval_every"]):
            progress["evaluated"] = {"step": step, "eval_loss": evaluate(engine.model, step)}
            if progress["evaluated"]["eval_loss"] < progress.get("best", {}).get("eval_loss", math.inf):
                progress.update(best=progress["evaluated"], for_best=True)
        if due := is_due(step, JOB["save_every"]) or asked:
            progress["for_best"] = False
        if due or progress["for_best"]:
            proof.look_at_bytes(step, max(RATES[:step + 1]))
            save(progress, engine.save, engine.whole_weights)
            for name in asked if RANK == 0 else ():
                (FOLDER / "control" / name).unlink(missing_ok=True)
        if "stop" in asked:
            why = "stopped"
            break
        if (evaluated or due) and step < JOB["steps"]:
            tell(event="phase", phase="training")
    tell(event="end", step=progress["step"], why=why)


tell(event="phase", phase="loading")
if CUDA:
    torch.cuda.set_device(DEVICE)
dist.init_process_group("cpu:gloo,cuda:nccl" if CUDA else "gloo", timeout=timedelta(hours=2))
train(Engine())
dist.destroy_process_group()
