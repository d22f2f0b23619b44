"""Our pruners. A new one is a class here, or in a plugin, and a file in conf/pruner/.

Settings have Optuna's names; a step is the step of a report. The decisions are made in `judges`,
which imports Optuna.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from musicgen.config.components import Pruner, given, key, made, register
from musicgen.config.registry import component
from musicgen.errors import InputError

if TYPE_CHECKING:
    from musicgen.sweep.judges import Judge

NONE = "none"
RULE, PROMOTION, STOPPING = "rule", "promotion", "stopping"
"""The setting of asha and hyperband that says what happens at a rung, and its values."""


@register("pruner", NONE)
@dataclass
class Never(Pruner):
    """Gives up no trial."""

    def build(self) -> "Judge":
        from musicgen.sweep import judges

        return judges.Never()


@register("pruner", "median")
@dataclass
class Median(Pruner):
    """Gives up a trial whose best value is worse than the median of completed ones at its step."""

    n_startup_trials: int = key("Configurations that run to their end first", ge=0)
    n_warmup_steps: int = key("Epochs in which nothing is pruned", ge=0)

    def build(self, **more: Any) -> "Judge":
        from musicgen.sweep import judges

        return judges.Median(**given(self), **more)

    def as_optuna_counts(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Optuna's median pruner counts steps from 0, so it judges the step whose number equals
        `n_warmup_steps`. Reports count from 1, and a plan does not judge any step up to this
        number."""
        steps = settings.get("n_warmup_steps")
        return settings if steps is None else {**settings, "n_warmup_steps": steps + 1}


@register("pruner", "asha")
@dataclass
class Asha(Pruner):
    """Lets the best part of the trials at each rung go on (Li et al. 2020)."""

    min_resource: int = key("Epochs before the first decision", ge=1)
    reduction_factor: int = key("The best 1/n of a rung go on to n times its epochs", ge=2)
    max_resource: int = key("Epochs of a whole training", ge=1)
    rule: str = key(
        "At a rung: promotion pauses a trial until it is among the best there, stopping ends it "
        "if it is not",
        choices=(PROMOTION, STOPPING),
    )
    unknown_before: ClassVar[tuple[str, ...]] = (RULE, "max_resource")
    """The settings of rule=promotion, which older sweeps do not have; without a rule it is
    stopping."""

    def build(self, **more: Any) -> "Judge":
        from musicgen.sweep import judges, promotion

        if self.rule == PROMOTION:
            return promotion.Promotion(self._rungs(), self.reduction_factor, **more)
        return judges.Halving(**_without(given(self), "max_resource"), **more)

    def _rungs(self) -> tuple[int, ...]:
        return rungs(self.min_resource, given(self).get("max_resource"), self.reduction_factor)


@register("pruner", "hyperband")
@dataclass
class Hyperband(Asha):
    """Halvings that begin at different rungs (Li et al. 2018)."""

    unknown_before = (RULE,)

    def build(self, **more: Any) -> "Judge":
        from musicgen.sweep import judges, promotion

        settings = _without(given(self))
        if self.rule == PROMOTION:
            return promotion.Brackets(self._rungs(), **settings, **more)
        return judges.Hyperband(**settings, **more)


def _without(settings: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in settings.items() if name not in (RULE, *names)}


def rungs(least: int, most: int | None, factor: int) -> tuple[int, ...]:
    """The rungs of trials of `most` steps, the first at `least`; each has about `factor` times the
    steps of the one before.

    None is at the last step, where a pause saves nothing: 9 steps have rungs at 1 and 3, 20 have
    them at 1, 3 and 7. most: None if it is not known.
    """
    if most is None:
        return tuple(least * factor**rung for rung in range(32))
    if least >= most:
        return ()
    count = max(1, round(math.log(most / least, factor)))
    return tuple(round(least * (most / least) ** (rung / count)) for rung in range(count))


def stopping(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A pruner's settings for the stopping rule, as sweeps had them before there was a choice."""
    chosen = component("pruner", name)
    if RULE not in settings or not issubclass(chosen, Asha):
        return dict(settings)
    return _without(settings, *chosen.unknown_before)


def as_optuna_counts(name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """A plan's settings converted to Optuna's meaning."""
    counts: dict[str, Any] = component("pruner", name)(name=name).as_optuna_counts(dict(settings))
    return counts


def make_pruner(name: str, **settings: Any) -> "Judge":
    """The pruner of a study. Raises InputError for a setting that it doesn't have or accept."""
    from musicgen.sweep import judges

    chosen, more = made("pruner", name, settings)
    try:
        pruner = chosen.build(**more)
    except (TypeError, ValueError) as error:
        raise InputError(f"pruner={name} refuses its settings: {error}") from None
    return pruner if isinstance(pruner, judges.Judge) else judges.Theirs(pruner)


def check_pruner(name: str, settings: Mapping[str, Any], objectives: int) -> None:
    """Raise InputError if there is no such pruner, or if a pruner has several objectives."""
    component("pruner", name)
    if name != NONE and objectives > 1:
        raise InputError(
            f"pruner={name} needs one objective to judge by, got {objectives}; take none"
        )
    make_pruner(name, **settings)
