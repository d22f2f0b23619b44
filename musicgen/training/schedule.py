"""Our courses of the learning rate: the share of optim.lr that holds at a step.

A new one is a class here, or in a plugin, and a file in conf/schedule/.
"""

import math
from dataclasses import dataclass
from typing import Any

from musicgen.config.components import Course, Schedule, key, register


@register("schedule", "constant")
@dataclass
class Constant(Schedule):
    """The same learning rate throughout."""


@register("schedule", "cosine")
@dataclass
class Cosine(Schedule):
    """A linear rise, then half a cosine down (Loshchilov and Hutter 2017, eq. 5, one cycle)."""

    warmup: float = key("Share of the steps in which lr rises from 0", ge=0, lt=1)
    final: float = key("lr at the last step, as a share of optim.lr", ge=0, le=1)

    def share(self, step: int, steps: int) -> float:
        rise = self.warmup * steps
        if step < rise:
            return (step + 1) / (rise + 1)
        return _cosine((step - rise) / max(1.0, steps - rise), 1.0, self.final)


@register("schedule", "one_cycle")
@dataclass
class OneCycle(Schedule):
    """Half a cosine up, half a cosine down (Smith and Topin 2018)."""

    warmup: float = key("Share of the steps in which lr rises", gt=0, lt=1)
    initial: float = key("lr at the first step, as a share of optim.lr", gt=0, le=1)
    final: float = key("lr at the last step, as a share of optim.lr", ge=0, le=1)

    def share(self, step: int, steps: int) -> float:
        rise = self.warmup * steps
        if step < rise:
            return _cosine(step / rise, self.initial, 1.0)
        return _cosine((step - rise) / max(1.0, steps - rise), 1.0, self.final)


@register("schedule", "plateau")
@dataclass
class Plateau(Schedule):
    """Lowered whenever the validation loss has stood still for more than `patience` epochs."""

    factor: float = key("lr is multiplied by this when val_loss stands still", gt=0, lt=1)
    patience: int = key("Epochs without a lower val_loss that lr waits; the next lowers it", ge=0)

    def build(self) -> Course:
        return _PlateauCourse(self.factor, self.patience)


class _PlateauCourse(Course):
    def __init__(self, factor: float, patience: int) -> None:
        super().__init__(lambda step, steps: self.share)
        self.factor, self.patience = factor, patience
        self.share, self.best, self.stale = 1.0, math.inf, 0

    def epoch_end(self, val_loss: float) -> None:
        if val_loss < self.best:
            self.best, self.stale = val_loss, 0
        else:
            self.stale += 1
        if self.stale > self.patience:
            self.share, self.stale = self.share * self.factor, 0

    def state_dict(self) -> dict[str, Any]:
        return {"share": self.share, "best": self.best, "stale": self.stale}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.share, self.best, self.stale = state["share"], state["best"], state["stale"]


def _cosine(progress: float, start: float, end: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * min(1.0, progress))) / 2
