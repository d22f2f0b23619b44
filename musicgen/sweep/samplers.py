"""Who proposes the next configuration, by name."""

import hashlib
import warnings
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

from optuna.exceptions import ExperimentalWarning
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler

from musicgen.errors import InputError
from musicgen.sweep.space import Space, grid

GRID = "grid"
"""Every point in order: no sampler of Optuna's (theirs reads all trials for each new one)."""

SAMPLERS: Mapping[str, Callable[..., BaseSampler]] = {
    "random": RandomSampler,
    "tpe": TPESampler,
    "gp": GPSampler,
    "nsgaii": NSGAIISampler,
}
"""Settings have the names that Optuna gives them, and its defaults."""


def make_sampler(
    name: str, *, seed: int, conditional: bool = False, **settings: Any
) -> BaseSampler:
    """A sampler of SAMPLERS. Raises InputError for settings that it doesn't have or accept.

    conditional: some keys apply at some choices of others alone.
    """
    if conditional and name == "tpe" and settings.get("multivariate", True):
        settings["group"] = True  # keys that apply together are modelled together
    if conditional and name == "gp":
        settings["warn_independent_sampling"] = False  # that is how conditional keys are sampled
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)  # of TPE's group
            return SAMPLERS[name](seed=seed, **settings)
    except (TypeError, ValueError) as error:
        raise InputError(f"sampler={name} refuses its settings: {error}") from None


def seed_for(seed: int, number: int, again: int = 0) -> int:
    """The sampler's seed for one trial: 32 bits that depend on the sweep's seed and the number,
    and on how often it has proposed already.

    With a sampler made anew for every trial, what it proposes depends on the finished trials and
    on nothing else, so a sweep goes on after a kill as if nothing had happened.
    """
    text = f"{seed}:{number}:{again}" if again else f"{seed}:{number}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4])


def check_sampler(name: str, settings: Mapping[str, Any], space: Space) -> None:
    """Raises InputError if there is no such sampler, or it can't search this space."""
    if name != GRID and name not in SAMPLERS:
        raise InputError(f"sampler must be one of {', '.join([GRID, *SAMPLERS])}, got {name}")
    if not space:
        raise InputError("a sweep must vary something, got no parameter with several values")
    if name == GRID:
        if settings:
            raise InputError(f"sampler=grid has no settings, got {', '.join(settings)}")
        grid(space)
        return
    if name == "gp" and not (find_spec("scipy") and find_spec("torch")):
        raise InputError("sampler=gp needs scipy and torch; pip install scipy, or take tpe")
    make_sampler(name, seed=0, **settings)
