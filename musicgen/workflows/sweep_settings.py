"""Settings of a sweep of a user's function, with their defaults. The module is fast to import.

Settings that a sweep of trainings has too have the bounds of `SweepConfig`, and the defaults of
`conf/train.yaml`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from musicgen.config.conf import conf
from musicgen.config.field import choices_of
from musicgen.errors import InputError, SettingError

if TYPE_CHECKING:
    from musicgen.config.keys import RayConfig


def _as_trainings(name: str) -> Any:
    """A setting whose default is that of sweeps of trainings."""
    return field(default_factory=lambda: conf("train")["sweep"][name])


@dataclass(frozen=True)
class SweepSettings:
    """The settings of a sweep of a function. Raises InputError for a value out of its bounds."""

    objectives: Mapping[str, Any] = field(default_factory=lambda: {"loss": "minimize"})
    """The results that trials are judged by, each `minimize` or `maximize`. Trials report the first
    one, which decides pruning."""
    constraints: Sequence[str] = _as_trainings("constraints")
    """Bounds of results, such as `parameters<=200000`: a configuration that breaks one is never the
    best, and tpe, gp and nsgaii look for others."""
    n_trials: int | None = _as_trainings("n_trials")
    """The number of different configurations (>= 1); None: the whole grid."""
    enqueue: Sequence[Mapping[str, Any]] = _as_trainings("enqueue")
    """Configurations that are tried first, as dictionaries from what is varied to values."""
    warm_start: str | None = _as_trainings("warm_start")
    """The folder of another sweep, whose finished trials inform tpe and gp."""
    sampler: str | Mapping[str, Any] | None = None
    """The name of the sampler, which proposes configurations, or a dictionary with its `name` and
    settings. `python -m musicgen.train --help` lists them. None: tpe if n_trials is given, else
    grid."""
    pruner: str | Mapping[str, Any] = "none"
    """The name of the pruner, which stops trials early by their reports, or a dictionary with its
    `name` and settings. Its steps are the steps of reports."""
    seeds: int = _as_trainings("seeds")
    """The number of runs of each configuration (>= 1), with `trial.seed` = seed, seed + 1, ..."""
    seeds_for: int | None = _as_trainings("seeds_for")
    """How many configurations, the best by their first runs, get the other runs (>= 1); None: all.
    """
    seed: int = 0
    """The seed of the first run and of the sampler."""
    workers: int | str = _as_trainings("workers")
    """The number of processes that run trials; auto: one for each core, or for each GPU."""
    executor: str = _as_trainings("executor")
    """`local`, or `ray` for a Ray cluster."""
    gpus: bool = True
    """Whether trials may use GPUs; each worker sees one."""
    trials_per_gpu: int = _as_trainings("trials_per_gpu")
    """The number of trials that share a GPU (>= 1) if workers is auto."""
    ray: Mapping[str, Any] = _as_trainings("ray")
    """`address` of the cluster, `num_cpus` and `num_gpus` of each worker; see sweep.ray."""
    retries: int = _as_trainings("retries")
    """How often a failed run is tried again at once (>= 0)."""
    max_failures: float | None = _as_trainings("max_failures")
    """The number of failed configurations above which the sweep ends; below 1: a share of all."""
    max_failures_in_a_row: int | None = _as_trainings("max_failures_in_a_row")
    """The number of runs failing one after another that ends the sweep (>= 1); None: no limit."""
    retry_failed: bool = _as_trainings("retry_failed")
    """Whether a sweep that is started again retries what failed before."""
    timeout: str | float | None = _as_trainings("timeout")
    """The time after which no trial begins and running ones stop at their checkpoints (2h, 30m, or
    seconds)."""
    storage: str | None = _as_trainings("storage")
    """The URL of a database for the study; None: a file in the sweep's folder."""

    def __post_init__(self) -> None:
        from musicgen.config.keys import SweepConfig  # later: Hydra imports this module at once
        from musicgen.config.schema import rule, within

        for each in fields(SweepConfig):
            value, limits = getattr(self, each.name, None), rule(each)
            if value is None or not limits:
                continue
            number = not choices_of(each)
            odd = number and (isinstance(value, bool) or not isinstance(value, int | float))
            if odd or not within(value, each):
                kind = "a number and " if number else ""
                raise SettingError(f"{each.name} must be {kind}{limits}, got {value!r}")
        if not self.objectives:
            raise InputError("objectives must name at least one result, got none")
        for name, way in self.objectives.items():
            if way not in ("minimize", "maximize"):
                raise InputError(f"objective {name} must be minimize or maximize, got {way!r}")
            if name == "status":
                raise InputError("an objective must have another name than status, which is taken")

    def ray_config(self) -> "RayConfig":
        """The settings below `ray`, completed. Raises InputError for an unknown one."""
        from musicgen.config.keys import RayConfig

        usual = conf("train")["sweep"]["ray"]
        if unknown := sorted(self.ray.keys() - usual.keys()):
            raise SettingError(f"ray has {', '.join(usual)}, got {unknown[0]}")
        return RayConfig(**{**usual, **self.ray})
