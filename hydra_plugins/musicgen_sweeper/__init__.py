"""What Hydra finds of musicgen: the sweeper of any application, and the one of our own commands.

Hydra imports this at the start of every program of its own, so it imports nothing that is slow.
"""

from dataclasses import MISSING, fields
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from musicgen.cli import sweeper
from musicgen.workflows.settings import SweepSettings


class Capture(sweeper.Capture):
    """Of our own commands, which do not run inside Hydra."""


class MusicgenSweeper(Sweeper):
    """`hydra/sweeper: musicgen` in the defaults of any Hydra application."""

    def __init__(self, **settings: Any) -> None:
        """settings: below `hydra.sweeper`; read in `sweep`, with their interpolations."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.context, self.task, self.composed = hydra_context, task_function, config

    def sweep(self, arguments: list[str]) -> None:
        """arguments: the command line's overrides, those with several values too."""
        from musicgen.cli.application import sweep

        sweep(self.context, self.task, self.composed, arguments)


def settings() -> dict[str, Any]:
    """What stands below `hydra.sweeper`, with its defaults."""
    usual = {
        field.name: field.default if field.default is not MISSING else {}
        for field in fields(SweepSettings)
        if field.name != "objectives"
    }
    return {
        "_target_": f"{MusicgenSweeper.__module__}.{MusicgenSweeper.__name__}",
        "params": None,  # what is swept if the command line does not say so, by key
        "folder": None,  # of the sweep; null: hydra.sweep.dir, or multirun/<job>-<digest>
        "objective": "loss",  # the result to judge by, or a list of several
        "direction": "minimize",  # or maximize; a list where there are several objectives
        "seed_key": "seed",  # the key that gets each run's seed, if there are several; or null
        **usual,
    }


ConfigStore.instance().store(
    group="hydra/sweeper", name="musicgen", node=settings(), provider="musicgen"
)
