"""Courses of the learning rate by name: the share of optim.lr that holds at a step.

A new one is a class and an entry here, its fields in keys.py, a file in conf/schedule/.
"""

import math
from typing import Any

from musicgen.config.keys import ScheduleConfig
from musicgen.config.schema import settings


class Constant:
    """The same learning rate throughout."""

    def __call__(self, step: int, steps: int) -> float:
        """The share of optim.lr at a step, counted from 0, of `steps` in all."""
        return 1.0

    def epoch_end(self, val_loss: float) -> None:
        """Told the validation loss after each epoch."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs beyond the step."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""


class Cosine(Constant):
    """A linear rise, then half a cosine down (Loshchilov and Hutter 2017, eq. 5, one cycle)."""

    def __init__(self, warmup: float, final: float) -> None:
        self.warmup, self.final = warmup, final

    def __call__(self, step: int, steps: int) -> float:
        rise = self.warmup * steps
        if step < rise:
            return (step + 1) / (rise + 1)
        return _cosine((step - rise) / max(1.0, steps - rise), 1.0, self.final)


class OneCycle(Constant):
    """Half a cosine up, half a cosine down (Smith and Topin 2018)."""

    def __init__(self, warmup: float, initial: float, final: float) -> None:
        self.warmup, self.initial, self.final = warmup, initial, final

    def __call__(self, step: int, steps: int) -> float:
        rise = self.warmup * steps
        if step < rise:
            return _cosine(step / rise, self.initial, 1.0)
        return _cosine((step - rise) / max(1.0, steps - rise), 1.0, self.final)


class Plateau(Constant):
    """Lowered whenever the validation loss has stood still for more than `patience` epochs."""

    def __init__(self, factor: float, patience: int) -> None:
        self.factor, self.patience = factor, patience
        self.share, self.best, self.stale = 1.0, math.inf, 0

    def __call__(self, step: int, steps: int) -> float:
        return self.share

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


SCHEDULES: dict[str, type[Constant]] = {
    "constant": Constant,
    "cosine": Cosine,
    "one_cycle": OneCycle,
    "plateau": Plateau,
}


def build(config: ScheduleConfig) -> Constant:
    """The configured course."""
    return SCHEDULES[config.name](**settings(config))
