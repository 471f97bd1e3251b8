

tell(event="phase", phase="loading")
if CUDA:
    torch.cuda.set_device(DEVICE)
dist.init_process_group("cpu:gloo,cuda:nccl" if CUDA else "gloo", timeout=timedelta(hours=2))
engine = Engine()
course = Course(engine)
for step in course.steps():
    lot = course.begin(step)
    for number, batch in enumerate(lot, 1):
        engine.backward(course.loss(engine.model, batch), last=number == len(lot))
    course.look()
    for group in engine.optimizer.param_groups:
        group["lr"] = RATES[step]
    course.end(engine.update())
leave()
