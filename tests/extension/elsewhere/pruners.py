"""Optuna's pruner that gives up trials whose value is above a threshold."""

from dataclasses import dataclass

from musicgen.config.components import Pruner, key, register


@register("pruner", "threshold")
@dataclass
class Threshold(Pruner):
    upper: float = key("val_loss above which a trial is given up", gt=0, default=100.0)

    def build(self):
        from optuna.pruners import ThresholdPruner

        return ThresholdPruner(upper=self.upper)
