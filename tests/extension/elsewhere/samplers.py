"""The middle of every range first, then points at random."""

from dataclasses import dataclass

from musicgen.config.components import Sampler, key, register


@register("sampler", "middle_first")
@dataclass
class MiddleFirst(Sampler):
    middles: int = key("Configurations from the middle of each range", ge=0, default=1)

    def build(self, seed, conditional):
        from optuna.samplers import RandomSampler

        class Middles(RandomSampler):
            def __init__(self, count):
                super().__init__(seed)
                self._count = count

            def sample_independent(self, study, trial, name, distribution):
                if trial.number >= self._count or not hasattr(distribution, "low"):
                    return super().sample_independent(study, trial, name, distribution)
                return (distribution.low + distribution.high) / 2

        return Middles(self.middles)
