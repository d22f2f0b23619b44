"""The plan of a sweep: what to sweep and how. Its rules are checked when it is made."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from musicgen.errors import SettingError
from musicgen.sweep.constraints import Constraint
from musicgen.sweep.pruners import NONE, PROMOTION, RULE, check_pruner, stopping
from musicgen.sweep.samplers import GRID, check_constrained, check_sampler
from musicgen.sweep.space import Point, Space, grid_size, identity

log = logging.getLogger(__name__)
if TYPE_CHECKING:
    from musicgen.sweep.warm_start import WarmStart

Direction = Literal["minimize", "maximize"]


_LIMITS = (
    "n_trials",
    "seeds",
    "seeds_for",
    "retries",
    "max_failures",
    "max_failures_in_a_row",
    "retry_failed",
    "storage",
)


def limits(settings: Any) -> dict[str, Any]:
    """The settings that a plan takes as they are, by name. settings: has an attribute for each."""
    return {name: getattr(settings, name) for name in _LIMITS}


@dataclass(frozen=True)
class Settings:
    """Values of trials that are not swept."""

    values: Mapping[str, Any]
    """The values by key, in types of JSON."""
    choices: tuple[str, ...] = ()
    """The choices of the swept groups whose trials have these values; empty: all trials."""


@dataclass(frozen=True)
class Plan:
    """A plan of a sweep. Raises InputError if its parts contradict each other."""

    space: Space
    n_trials: int | None = None
    """The number of different configurations (>= 1); needed unless the sampler is grid. It may
    grow later."""
    own: Point | None = None
    """The point that the configuration has without the sweep, with which a search begins; None if
    the space does not contain it, or if it shall not be first."""
    enqueued: tuple[Point, ...] = ()
    """Points of the space that are tried before all others but `own`, in this order. Points without
    a trial are tried even if there are `n_trials` others."""
    objectives: Mapping[str, Direction] = field(default_factory=lambda: {"loss": "minimize"})
    """The result keys by which configurations are judged. Trials report the first one."""
    sampler: str = GRID
    sampler_settings: Mapping[str, Any] = field(default_factory=dict)
    pruner: str = NONE
    pruner_settings: Mapping[str, Any] = field(default_factory=dict)
    """The settings under Optuna's names; steps count from 1 (`pruners.as_optuna_counts`)."""
    constraints: tuple[Constraint, ...] = ()
    """Bounds of results. A configuration that breaks one is ranked below those that keep all."""
    warm_start: "WarmStart | None" = None
    """Finished trials of another sweep that inform the sampler."""
    seed: int = 0
    """The seed of the first run and of the sampler."""
    seeds: int = 1
    """The number of runs of each configuration (>= 1). The others begin if the first completes."""
    seeds_for: int | None = None
    """How many of the configurations get the other runs (>= 1), the best by their first runs, once
    all first runs have ended; None: all."""
    retries: int = 0
    """How often a run that failed is tried again from its checkpoint (>= 0)."""
    max_failures: float | None = None
    """The number of failed configurations, or (below 1) their share, above which the sweep ends."""
    max_failures_in_a_row: int | None = 10
    """The number of runs failing one after another that ends the sweep (>= 1); None: no limit."""
    retry_failed: bool = True
    """Whether a sweep that is started again retries what failed before."""
    timeout_s: float | None = None
    """Seconds after which no trial begins and running ones stop at their checkpoints; None: no
    limit. They are counted from each start."""
    storage: str | None = None
    """The URL of a database; None keeps the study in the sweep's folder."""
    groups: tuple[str, ...] = ()
    """The keys of the space whose choices decide which other keys exist."""
    settings: tuple[Settings, ...] = ()
    """All other values of the configuration, which must not change between two starts."""
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    """Further texts that must not change, by a name of one or more words. If one of these words is
    a choice of a group, the entry belongs to that choice, and is new if the choice is new."""
    usual: Mapping[str, str] = field(default_factory=dict)
    """The values, in older sweeps, of keys of the settings or the fingerprint that these sweeps do
    not have."""
    commands: Mapping[str, list[str]] = field(default_factory=dict)
    """Commands, as words, that the sweep's folder keeps for reports. `command` starts the sweep;
    `trial_command` with the swept values appended trains one configuration."""
    name: Callable[[Point], str] = identity
    """Returns a text that is equal for two points exactly if they are the same configuration."""
    refresh_s: float = 5.0
    """The least time in seconds between two writings of the tables."""

    def __post_init__(self) -> None:
        check_sampler(self.sampler, self.sampler_settings, self.space)
        if self.constraints:
            check_constrained(self.sampler)
        check_pruner(self.pruner, self.pruner_settings, len(self.objectives))
        if not self.objectives:
            raise SettingError("objective must name at least one result, got none")
        for key, way in self.objectives.items():
            if way not in ("minimize", "maximize"):
                raise SettingError(f"objective.{key} is minimize or maximize, got {way}")
        if self.n_trials is None and self.sampler != GRID:
            raise SettingError(f"n_trials must be given for sampler={self.sampler}")
        bounds = {"n_trials": 1, "seeds": 1, "seeds_for": 1, "retries": 0, "max_failures": 0}
        for key, least in {**bounds, "max_failures_in_a_row": 1}.items():
            value = getattr(self, key)
            if value is not None and value < least:
                raise SettingError(f"{key} must be at least {least}, got {value}")
        if self.seeds_for is not None and self.seeds == 1:
            raise SettingError(
                f"seeds_for={self.seeds_for} needs seeds of at least 2, got 1; say how "
                "many seeds the best ones get"
            )

    @property
    def judged(self) -> tuple[str, ...]:
        """The results that each completed run must have."""
        return (*self.objectives, *(constraint.column for constraint in self.constraints))

    @cached_property
    def total(self) -> int:
        """The number of configurations. There may be fewer if points turn out to be the same
        configuration (`name`)."""
        size = grid_size(self.space)
        if self.n_trials is None:
            return size
        return min(self.n_trials, size) if size else self.n_trials

    def too_many(self, failures: int) -> bool:
        """Whether this number of failed configurations ends the sweep."""
        if self.max_failures is None:
            return False
        return failures > self.max_failures * (self.total if self.max_failures < 1 else 1)


def pausing_if_possible(plan: Plan, objective: object) -> Plan:
    """The plan; with the stopping rule, and a line that says so, if the objective does not say that
    its trials can pause (`trial.Objective`)."""
    if plan.pruner_settings.get(RULE) != PROMOTION or getattr(objective, "pauses", False):
        return plan
    log.warning(
        "pruner=%s ends trials instead of pausing them: nothing says that the objective keeps "
        "checkpoints",
        plan.pruner,
    )
    return replace(plan, pruner_settings=stopping(plan.pruner, plan.pruner_settings))
