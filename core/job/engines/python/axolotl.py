

import signal

from axolotl.common.datasets import TrainDatasetMeta
from axolotl.integrations.base import BasePlugin
from datasets import Dataset


class SpectrumEngine(BasePlugin):
    """What axolotl.yml names as its plug-in. Axolotl reads the model and freezes what unfrozen_parameters does not
    name; here is what it asks for besides."""

    def register(self, cfg):
        tell(event="phase", phase="loading")

    def load_datasets(self, cfg, preprocess=False):
        """It wants one; Lots has the rows."""
        return TrainDatasetMeta(Dataset.from_list([{"input_ids": [0], "labels": [0]}]), None, JOB["steps"])

    def post_model_build(self, cfg, model):
        """What trains is there, and kept in fp32, whatever is computed in; dropout is as in spectrum's own trainer."""
        for parameter in freeze(model).values():
            parameter.data = parameter.data.float()
        for module in model.modules():
            if isinstance(module, torch.nn.Dropout):
                module.p = 0.0

    def get_training_args(self, cfg):
        return ARGUMENTS

    def get_trainer_cls(self, cfg):
        from axolotl.core.trainers import AxolotlTrainer

        class Trainer(Launched, AxolotlTrainer):
            """Axolotl's, with what a launched run changes in it."""

            def train(self, *arguments, **more):
                """At Ctrl-C Axolotl would write the whole model and end as one that is complete."""
                signal.signal(signal.SIGINT, signal.default_int_handler)
                return super().train(*arguments, **more)

        return Trainer

    def post_train(self, cfg, model):
        """What trained is in checkpoints/; Axolotl would write the whole model now."""
        leave()
