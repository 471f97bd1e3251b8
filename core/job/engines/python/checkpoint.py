

def states():
    """The checkpoints' folders, the oldest first. Each is whole, as it gets its name last."""
    return sorted((FOLDER / "checkpoints").glob("step-*"), key=lambda folder: int(folder.name[5:]))


def remove(folder):
    """Under another name first, so that it is whole or not there at any time."""
    if folder.exists():
        shutil.rmtree(folder.rename(folder.with_name(f".{folder.name}.old.tmp")))


def write_state(folder, weights, progress):
    """weights.safetensors, and state.json, which ends with its own digest: as in spectrum's own runs."""
    file = folder / "weights.safetensors"
    save_file(weights, file, {"format": "pt"})
    digest = hashlib.sha256(numpy.memmap(file, mode="r")).hexdigest()
    state = {"format": "spectrum.checkpoint", "version": 1, **JOB["state"], **progress,
             "weight_tensors": len(weights),
             "files": {file.name: {"sha256": digest, "bytes": file.stat().st_size}}}
    text = json.dumps(state)[:-1]
    seal = hashlib.sha256(text.encode()).hexdigest()
    (folder / "state.json").write_text(f'{text}, "sha256": "{seal}"}}\n')


def save(progress, save_engine, whole_weights, as_in_files):
    """On all processes. `progress` is state.json's: step, tokens, supervised_tokens, epoch, row, seconds, and
    evaluated, best, for_best where there are. save_engine(folder) writes what the engine resumes from,
    whole_weights() gives (name, tensor), one at a time whole on all devices; as_in_files() all, on rank 0."""
    began, folder = time.time(), FOLDER / "checkpoints" / f"step-{progress['step']:08d}"
    temporary = folder.with_name(f".{folder.name}.tmp")
    tell(event="phase", phase="saving")
    if RANK == 0:
        for left in folder.parent.glob(".step-*.tmp"):  # by who was killed in a save
            shutil.rmtree(left)
        (temporary / "engine").mkdir(parents=True)
    gather("the folder is there")
    save_engine(temporary / "engine")
    weights = {n: t.detach().to("cpu", DTYPE).contiguous() for n, t in whole_weights() if RANK == 0}
    gather("all have written")
    if RANK == 0:
        write_state(temporary, as_in_files(weights), progress)
        os.sync()
        remove(folder)
        temporary.rename(folder)
        due = [state for state in states() if '"for_best": true' not in (state / "state.json").read_text()]
        for state in set(states()) - set(due[-JOB["keep"]:]):
            if int(state.name[5:]) != progress.get("best", {}).get("step"):
                remove(state)
    tell(event="checkpoint", step=progress["step"], seconds=time.time() - began)
