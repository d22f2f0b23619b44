"""Adamax (Kingma and Ba 2015, section 7.1)."""

from dataclasses import dataclass

from musicgen.config.components import Optimizer, key, register


@register("optimizer", "adamax")
@dataclass
class Adamax(Optimizer):
    beta: float = key("Decay of the running gradient", ge=0, lt=1, default=0.9)

    def build(self, parameters):
        import torch

        settings = {"lr": self.lr, "weight_decay": self.weight_decay}
        return torch.optim.Adamax(parameters, betas=(self.beta, 0.999), **settings)
