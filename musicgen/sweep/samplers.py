"""Our samplers. A new one is a class here, or in a plugin, and a file in conf/sampler/.

Settings have Optuna's names, and Optuna's defaults if a plan does not give them.
"""

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from musicgen.config.components import Sampler, given, key, made, register
from musicgen.config.registry import component, components
from musicgen.errors import InputError, SettingError

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

    from musicgen.sweep.space import Space

GRID = "grid"
RANDOM = "random"


@register("sampler", GRID)
@dataclass
class Grid(Sampler):
    """Every point in order: no sampler of Optuna's (theirs reads all trials for each new one)."""

    def build(self, seed: int, conditional: bool) -> None:
        """None: the driver goes through the points itself."""

    def check(self, space: "Space") -> None:
        from musicgen.sweep.space import grid

        grid(space)


@register("sampler", RANDOM)
@dataclass
class Random(Sampler):
    """Points drawn independently of all others."""

    def build(self, seed: int, conditional: bool, **more: Any) -> "BaseSampler":
        from optuna.samplers import RandomSampler

        return RandomSampler(seed=seed, **more)


@register("sampler", "tpe")
@dataclass
class TPE(Sampler):
    """Tree-structured Parzen estimator (Bergstra et al. 2011; Watanabe 2023)."""

    informed = True
    constrained = True
    conditional = True

    n_startup_trials: int = key("Configurations drawn at random first", ge=0)
    multivariate: bool = key("Model the keys together")

    def build(self, seed: int, conditional: bool, **more: Any) -> "BaseSampler":
        from optuna.exceptions import ExperimentalWarning
        from optuna.samplers import TPESampler

        settings = given(self) | more
        if conditional and settings.get("multivariate", True):
            settings["group"] = True  # TPE models keys that apply together jointly
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # about `group`
            return TPESampler(seed=seed, **settings)


@register("sampler", "gp")
@dataclass
class GP(Sampler):
    """Gaussian processes."""

    informed = True
    constrained = True

    n_startup_trials: int = key("Configurations drawn at random first", ge=0)

    def build(self, seed: int, conditional: bool, **more: Any) -> "BaseSampler":
        from optuna.exceptions import ExperimentalWarning
        from optuna.samplers import GPSampler

        settings = given(self) | more
        if conditional:
            settings["warn_independent_sampling"] = False  # conditional keys are sampled so
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            return GPSampler(seed=seed, **settings)

    def check(self, space: "Space") -> None:
        if not (find_spec("scipy") and find_spec("torch")):
            raise InputError("sampler=gp needs scipy and torch; pip install scipy, or take tpe")


@register("sampler", "nsgaii")
@dataclass
class NSGAII(Sampler):
    """A genetic algorithm for several objectives (Deb et al. 2002)."""

    constrained = True

    population_size: int = key("Configurations in a generation", ge=2)

    def build(self, seed: int, conditional: bool, **more: Any) -> "BaseSampler":
        from optuna.samplers import NSGAIISampler

        return NSGAIISampler(seed=seed, **given(self), **more)


def make_sampler(
    name: str, *, seed: int, conditional: bool = False, **settings: Any
) -> "BaseSampler":
    """A sampler of Optuna. Raises InputError for a setting that it doesn't have or accept.

    conditional: whether some keys apply only at some choices of others.
    """
    chosen, more = made("sampler", name, settings)
    try:
        sampler: BaseSampler = chosen.build(seed=seed, conditional=conditional, **more)
    except (TypeError, ValueError) as error:
        raise InputError(f"sampler={name} refuses its settings: {error}") from None
    return sampler


def seed_for(seed: int, number: int, again: int = 0) -> int:
    """The sampler's seed for one trial: 32 bits that depend on the sweep's seed, on the trial's
    number, and on the number of proposals before (`again`).

    A new sampler is made for every trial. So its proposals depend only on the finished trials, and
    a sweep that is resumed after a kill continues as if it had not been killed.
    """
    text = f"{seed}:{number}:{again}" if again else f"{seed}:{number}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def check_sampler(name: str, settings: Mapping[str, Any], space: "Space") -> None:
    """Raise InputError if there is no such sampler, or if it can't search this space."""
    component("sampler", name)
    if not space:
        raise InputError("a sweep must vary something, got no parameter with several values")
    if name == GRID and settings:
        raise InputError(f"sampler=grid has no settings, got {', '.join(settings)}")
    chosen, _ = made("sampler", name, dict(settings))
    chosen.check(space)
    if name != GRID:
        make_sampler(name, seed=0, **settings)


def check_constrained(name: str) -> None:
    """Raise SettingError if a sampler does not look for configurations that keep constraints."""
    able = [each for each, sampler in components("sampler").items() if sampler.constrained]
    if name not in able:
        raise SettingError(f"constraints need sampler={', '.join(able)}, got {name}; take one")
