"""Has FSDP2's script of a run's folder say what its tensors take: measured.py RUN, before launch.sh

After a step each process prints "rank R: weights B, gradients B, moments B" in bytes of what it holds itself.
"""
import pathlib
import sys

script = pathlib.Path(sys.argv[1], "train.py")
step = "        self.optimizer.step()\n"
measure = step + '''
        def held(tensors):
            mine = [tensor.to_local() if hasattr(tensor, "to_local") else tensor for tensor in tensors]
            return sum(tensor.numel() * tensor.element_size() for tensor in mine if tensor.dim() > 0)

        print(f"rank {RANK}: weights {held(self.parameters.values())}, "
              f"gradients {held(p.grad for p in self.trained.values())}, "
              f"moments {held(t for state in self.optimizer.state.values() for t in state.values())}", flush=True)
'''
text = script.read_text()
assert text.count(step) == 1
script.write_text(text.replace(step, measure))
