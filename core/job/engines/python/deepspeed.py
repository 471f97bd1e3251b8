
from transformers import AutoModelForCausalLM
from transformers.integrations import HfDeepSpeedConfig

if not CUDA:
    os.environ["DS_ACCELERATOR"] = "cpu"  # which is read at the import
import deepspeed
from deepspeed.utils import safe_get_full_fp32_param, safe_get_full_grad, safe_get_local_fp32_param


class Engine:
    """DeepSpeed's ZeRO-3: every tensor is cut among the processes, and whole only while its module computes."""

    def __init__(self):
        if not CUDA:  # else it would be compiled at the first start
            deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
        deepspeed.init_distributed()
        settings = json.loads((FOLDER / "deepspeed.json").read_text())
        self.settings = HfDeepSpeedConfig(settings)  # as long as it lives, models are cut while they are read
        model = prepared(AutoModelForCausalLM.from_pretrained(JOB["model"], config=configuration(), dtype=DTYPE))
        parameters = parameters_of(model)
        trained = [parameters[name] for name in JOB["trained"]]
        self.model, self.optimizer, _, _ = deepspeed.initialize(
            model=model, config=settings, model_parameters=trained, optimizer=make_optimizer(trained))
        self.parameters = parameters_of(self.model.module)
        self.trained = {name: self.parameters[name] for name in JOB["trained"]}

    @staticmethod
    def digest_of(parameter):
        return digest_of(safe_get_local_fp32_param(parameter) if parameter.requires_grad else parameter)

    @staticmethod
    def norm_of(parameter):
        gradient = safe_get_full_grad(parameter)
        return None if gradient is None else float(torch.linalg.vector_norm(gradient))

    def backward(self, loss, last):
        """DeepSpeed takes the mean over the processes of what are shares of a sum."""
        self.model.set_gradient_accumulation_boundary(last)
        self.model.backward(loss * WORLD)

    def update(self):
        self.model.step()
        return float(self.model.get_global_grad_norm())

    def whole_weights(self):
        for name, parameter in self.trained.items():
            yield name, safe_get_full_fp32_param(parameter)

    def save(self, folder):
        self.model.save_checkpoint(folder, exclude_frozen_parameters=True)

    def load(self, folder):
        found, _ = self.model.load_checkpoint(folder, load_module_strict=False)
        need(found, f"{folder} has no state that DeepSpeed continues from")
