"""What to sweep and how, as one value whose rules are checked when it is made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from musicgen.errors import InputError
from musicgen.sweep.pruners import NONE, check_pruner
from musicgen.sweep.samplers import GRID, check_sampler
from musicgen.sweep.space import Point, Space, grid_size, identity

Direction = Literal["minimize", "maximize"]


@dataclass(frozen=True)
class Settings:
    """Values that trials have besides those of the space."""

    values: Mapping[str, Any]
    """By key; plain ones, as JSON has them."""
    choices: tuple[str, ...] = ()
    """Of the swept groups, whose trials alone have these values; none: all trials have them."""


@dataclass(frozen=True)
class Plan:
    """A sweep. Raises InputError if its parts don't go together."""

    space: Space
    n_trials: int | None = None
    """Configurations in all (>= 1), each another one; needed unless the sampler is grid. May grow
    later."""
    objectives: Mapping[str, Direction] = field(default_factory=lambda: {"loss": "minimize"})
    """Result keys by which configurations are judged. Reports are about the first."""
    sampler: str = GRID
    sampler_settings: Mapping[str, Any] = field(default_factory=dict)
    pruner: str = NONE
    pruner_settings: Mapping[str, Any] = field(default_factory=dict)
    """As Optuna names them; steps count from 1 (`pruners.as_optuna_counts`)."""
    seed: int = 0
    """The first run's seed, and the sampler's."""
    seeds: int = 1
    """Runs of each configuration (>= 1); the first decides whether the others take place."""
    retries: int = 0
    """How often a run that failed is tried again, from its checkpoint (>= 0)."""
    max_failures: int | float | None = None
    """Failed configurations that end the sweep when exceeded: a number, or (below 1) a share."""
    max_failures_in_a_row: int | None = 10
    """Runs that fail one after another, none ending otherwise between, which end the sweep (>= 1);
    None: however many."""
    retry_failed: bool = True
    """Whether a sweep that is started again tries anew what failed before."""
    timeout_s: float | None = None
    """Seconds after which no trial begins and running ones stop at their checkpoints; None: none.
    They are counted anew at each start."""
    storage: str | None = None
    """A database's URL; None keeps the study in the sweep's folder."""
    groups: tuple[str, ...] = ()
    """Keys of the space whose choices decide what other keys there are."""
    settings: tuple[Settings, ...] = ()
    """The rest of the configuration, which must not change between two starts."""
    fingerprint: Mapping[str, str] = field(default_factory=dict)
    """What else must not change, by a name of one or more words. If a choice of a group is one of
    these words, the entry is new where the choice is."""
    usual: Mapping[str, str] = field(default_factory=dict)
    """What keys of the settings or the fingerprint that older sweeps do not have yet stood for in
    these."""
    commands: Mapping[str, list[str]] = field(default_factory=dict)
    """Commands, as words, that the sweep's folder keeps for reports: `command` starts the
    sweep, `trial_command` and the swept values train one configuration."""
    name: Callable[[Point], str] = identity
    """A text that two points share exactly if they are the same configuration."""
    refresh_s: float = 5.0
    """Least time between two writings of the tables."""

    def __post_init__(self) -> None:
        check_sampler(self.sampler, self.sampler_settings, self.space)
        check_pruner(self.pruner, self.pruner_settings, len(self.objectives))
        if not self.objectives:
            raise InputError("sweep.objective must name at least one result, got none")
        for key, way in self.objectives.items():
            if way not in ("minimize", "maximize"):
                raise InputError(f"sweep.objective.{key} is minimize or maximize, got {way}")
        if self.n_trials is None and self.sampler != GRID:
            raise InputError(f"sweep.n_trials must be given for sampler={self.sampler}")
        bounds = {"n_trials": 1, "seeds": 1, "retries": 0, "max_failures": 0}
        for key, least in {**bounds, "max_failures_in_a_row": 1}.items():
            value = getattr(self, key)
            if value is not None and value < least:
                raise InputError(f"sweep.{key} must be at least {least}, got {value}")

    @cached_property
    def total(self) -> int:
        """Configurations in all; fewer if points turn out to be the same one (`name`)."""
        size = grid_size(self.space)
        if self.n_trials is None:
            return size
        return min(self.n_trials, size) if size else self.n_trials

    def too_many(self, failures: int) -> bool:
        """Whether so many failed configurations end the sweep."""
        if self.max_failures is None:
            return False
        share = isinstance(self.max_failures, float) and self.max_failures < 1
        return failures > self.max_failures * (self.total if share else 1)
