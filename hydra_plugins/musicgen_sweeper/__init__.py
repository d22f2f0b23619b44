"""The plugins that Hydra finds: the sweeper for any application, and the one of our own commands.

Hydra imports this module at the start of every program that uses Hydra, so it has only fast
imports.
"""

from dataclasses import MISSING, fields
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from musicgen.cli import hydra_sweeper
from musicgen.workflows.sweep_settings import SweepSettings


class OwnSweeper(hydra_sweeper.OwnSweeper):
    """The sweeper of our own commands, whose trials do not run inside Hydra."""


class MusicgenSweeper(Sweeper):
    """The sweeper for any Hydra application: `hydra/sweeper: musicgen` in its defaults."""

    def __init__(self, **settings: Any) -> None:
        """settings: the settings below `hydra.sweeper`. They are not used here, because `sweep`
        reads them with their interpolations."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.context, self.task, self.composed = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> None:
        """Sweep the application. arguments: all overrides of the command line."""
        from musicgen.cli.application import sweep

        sweep(self.context, self.task, self.composed, arguments)


def settings() -> dict[str, Any]:
    """The keys below `hydra.sweeper`, with their defaults."""
    usual = {
        field.name: field.default if field.default_factory is MISSING else field.default_factory()
        for field in fields(SweepSettings)
        if field.name != "objectives"
    }
    return {
        "_target_": f"{MusicgenSweeper.__module__}.{MusicgenSweeper.__name__}",
        "params": None,  # swept values by key, for keys that the command line does not set
        "folder": None,  # the sweep's folder; null: hydra.sweep.dir, or multirun/<job>-<digest>
        "objective": "loss",  # the result to judge trials by, or a list of several
        "direction": "minimize",  # or maximize; a list if there are several objectives
        "seed_key": "seed",  # the key that is set to each run's seed if there are several; or null
        "defaults_first": True,  # a search begins with the configuration as it is, if in the space
        **usual,
    }


ConfigStore.instance().store(
    group="hydra/sweeper", name="musicgen", node=settings(), provider="musicgen"
)
