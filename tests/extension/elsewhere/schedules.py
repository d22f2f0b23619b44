"""The inverse square root of the step (Vaswani et al. 2017, eq. 3)."""

from dataclasses import dataclass

from musicgen.config.components import Schedule, key, register


@register("schedule", "inverse_sqrt")
@dataclass
class InverseSqrt(Schedule):
    warmup: float = key("Share of the steps in which lr rises", gt=0, lt=1, default=0.1)

    def share(self, step, steps):
        rise = max(1.0, self.warmup * steps)
        return min((step + 1) / rise, (rise / (step + 1)) ** 0.5)
