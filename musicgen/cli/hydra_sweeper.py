"""Hydra's sweeper for our own commands with -m: it hands Hydra's settings to the command.

Trials do not run inside Hydra. Hydra only reads the overrides and composes configurations.
"""

from typing import Any, Protocol

from hydra.core.config_loader import ConfigLoader
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


class Sweeps(Protocol):
    """The task of a command that can sweep; for a single run Hydra calls the task itself."""

    def sweep(self, loader: ConfigLoader, settings: DictConfig) -> None: ...


class OwnSweeper(Sweeper):
    """The sweeper, which Hydra finds as hydra_plugins.musicgen_sweeper.OwnSweeper."""

    def __init__(self, params: Any) -> None:
        """params: an experiment's hydra.sweeper.params with its interpolations resolved. This is
        too early for interpolations of swept keys, so they are read from the settings instead."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.loader, self.settings = hydra_context.config_loader, config
        self.task: Any = task_function

    def sweep(self, arguments: list[str]) -> None:
        """Hand over the sweep. arguments: the overrides of Hydra's first composition, from which
        keys of swept groups are missing; the command has all of them."""
        task: Sweeps = self.task
        task.sweep(self.loader, self.settings)
