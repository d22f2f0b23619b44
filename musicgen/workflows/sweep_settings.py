"""Settings of a sweep of a user's function, with their defaults. The module is fast to import.

The settings of a sweep of trainings are in `conf/`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from musicgen.errors import InputError, SettingError


@dataclass(frozen=True)
class SweepSettings:
    """The settings of a sweep of a function. Raises InputError for a value out of its bounds."""

    objectives: Mapping[str, Any] = field(default_factory=lambda: {"loss": "minimize"})
    """The results that trials are judged by, each `minimize` or `maximize`. Trials report the first
    one, which decides pruning."""
    n_trials: int | None = None
    """The number of different configurations (>= 1); None: the whole grid."""
    enqueue: Sequence[Mapping[str, Any]] = ()
    """Configurations that are tried first, as dictionaries from what is varied to values."""
    sampler: str | Mapping[str, Any] | None = None
    """The sampler, which proposes configurations: grid, random, tpe, gp or nsgaii, or a dictionary
    with its `name` and settings. None: tpe if n_trials is given, else grid."""
    pruner: str | Mapping[str, Any] = "none"
    """The pruner, which stops trials early by their reports: none, asha, hyperband or median, or a
    dictionary with its `name` and settings. Its steps are the steps of reports."""
    seeds: int = 1
    """The number of runs of each configuration (>= 1), with `trial.seed` = seed, seed + 1, ..."""
    seeds_for: int | None = None
    """How many configurations, the best by their first runs, get the other runs (>= 1); None: all.
    """
    seed: int = 0
    """The seed of the first run and of the sampler."""
    workers: int | str = "auto"
    """The number of processes that run trials; auto: one for each core, or for each GPU."""
    executor: str = "local"
    """`local`, or `ray` for a Ray cluster."""
    gpus: bool = True
    """Whether trials may use GPUs; each worker sees one."""
    trials_per_gpu: int = 1
    """The number of trials that share a GPU (>= 1) if workers is auto."""
    ray: Mapping[str, Any] = field(default_factory=dict)
    """`address` of the cluster, `num_cpus` and `num_gpus` of each worker; see sweep.ray."""
    retries: int = 0
    """How often a failed run is tried again at once (>= 0)."""
    max_failures: float | None = None
    """The number of failed configurations above which the sweep ends; below 1: a share of all."""
    max_failures_in_a_row: int | None = 10
    """The number of runs failing one after another that ends the sweep (>= 1); None: no limit."""
    retry_failed: bool = True
    """Whether a sweep that is started again retries what failed before."""
    timeout: str | float | None = None
    """The time after which no trial begins and running ones stop at their checkpoints (2h, 30m, or
    seconds)."""
    storage: str | None = None
    """The URL of a database for the study; None: a file in the sweep's folder."""

    def __post_init__(self) -> None:
        for name, least in {
            "n_trials": 1,
            "seeds": 1,
            "seeds_for": 1,
            "trials_per_gpu": 1,
            "retries": 0,
            "max_failures": 0,
            "max_failures_in_a_row": 1,
        }.items():
            value = getattr(self, name)
            odd = isinstance(value, bool) or not isinstance(value, int | float)
            if value is not None and (odd or value < least):
                raise SettingError(f"{name} must be a number and at least {least}, got {value!r}")
        if self.executor not in ("local", "ray"):
            raise SettingError(f"executor must be local or ray, got {self.executor!r}")
        if not self.objectives:
            raise InputError("objectives must name at least one result, got none")
        for name, way in self.objectives.items():
            if way not in ("minimize", "maximize"):
                raise InputError(f"objective {name} must be minimize or maximize, got {way!r}")
            if name == "status":
                raise InputError("an objective must have another name than status, which is taken")
