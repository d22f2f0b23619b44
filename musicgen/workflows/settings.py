"""Settings of a sweep of somebody's own function, with their defaults; light to import.

A sweep of trainings has its own under `conf/`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from musicgen.errors import InputError


@dataclass(frozen=True)
class SweepSettings:
    """How a function is swept. Raises InputError for a value out of its bounds."""

    objectives: Mapping[str, Any] = field(default_factory=lambda: {"loss": "minimize"})
    """Results to judge by, each `minimize` or `maximize`; pruning and reports are about the first.
    """
    n_trials: int | None = None
    """Configurations in all (>= 1), each another one; None: the whole grid."""
    sampler: str | Mapping[str, Any] | None = None
    """Proposes configurations: grid, random, tpe, gp or nsgaii, or a dictionary with its `name`
    and settings. None: tpe if there is n_trials, else grid."""
    pruner: str | Mapping[str, Any] = "none"
    """Stops trials early by what they report: none, asha, hyperband or median, or a dictionary
    with its `name` and settings, which count reports."""
    seeds: int = 1
    """Runs of each configuration (>= 1), with `trial.seed` = seed, seed + 1, ..."""
    seed: int = 0
    """The first run's seed, and the sampler's."""
    workers: int | str = "auto"
    """Processes that run trials; auto: one for each core, or for each GPU."""
    executor: str = "local"
    """`local`, or `ray` for a Ray cluster."""
    gpus: bool = True
    """Whether trials may use the GPUs that are there; each worker sees one."""
    trials_per_gpu: int = 1
    """Trials that share a GPU (>= 1), where workers=auto."""
    ray: Mapping[str, Any] = field(default_factory=dict)
    """`address` of the cluster, `num_cpus` and `num_gpus` of each worker; see sweep.ray."""
    retries: int = 0
    """How often a failed run is tried again at once (>= 0)."""
    max_failures: float | None = None
    """Failed configurations that end the sweep when exceeded; below 1: a share of all."""
    max_failures_in_a_row: int | None = 10
    """Runs that fail one after another and end the sweep (>= 1); None: any number."""
    retry_failed: bool = True
    """Whether a sweep that is started again tries anew what failed before."""
    timeout: str | float | None = None
    """Time after which no trial begins and all stop at checkpoints (2h, 30m, or seconds)."""
    storage: str | None = None
    """URL of a database for the study; None: a file in the sweep's folder."""

    def __post_init__(self) -> None:
        for name, least in {
            "n_trials": 1,
            "seeds": 1,
            "trials_per_gpu": 1,
            "retries": 0,
            "max_failures": 0,
            "max_failures_in_a_row": 1,
        }.items():
            value = getattr(self, name)
            odd = isinstance(value, bool) or not isinstance(value, int | float)
            if value is not None and (odd or value < least):
                raise InputError(f"{name} must be a number and at least {least}, got {value!r}")
        if self.executor not in ("local", "ray"):
            raise InputError(f"executor must be local or ray, got {self.executor!r}")
        if not self.objectives:
            raise InputError("objectives must name at least one result, got none")
        for name, way in self.objectives.items():
            if way not in ("minimize", "maximize"):
                raise InputError(f"objectives: {name} must be minimize or maximize, got {way!r}")
            if name == "status":
                raise InputError("an objective must have another name than status, which is taken")
