"""Hydra's sweeper for -m: it hands the composed sweep to the command.

Trials do not run inside Hydra. Hydra only reads the overrides and composes configurations.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from musicgen.workflows.composed_sweep import ComposedSweep

captured: "list[ComposedSweep]" = []
"""The result of the last composition, because a sweeper can't return it through Hydra."""
held: list[str] = []
"""Overrides that are left out of Hydra's first composition, in the order of the command line. The
choices of swept groups are not known then, and Hydra would refuse keys that only some have."""


class Capture(Sweeper):
    """The sweeper, which Hydra finds as hydra_plugins.musicgen_sweeper.Capture."""

    def __init__(self, params: Mapping[str, Any] | None) -> None:
        """params: an experiment's hydra.sweeper.params with its interpolations resolved. This is
        too early for interpolations of swept keys, so `sweep` reads them unresolved instead."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.loader = hydra_context.config_loader
        self.composed = config

    def sweep(self, arguments: list[str]) -> None:
        """Compose the sweep. arguments: all overrides of the command line."""
        from musicgen.cli.sweep_overrides import compose

        # The command line takes precedence over the experiment's file.
        sweeper = OmegaConf.to_container(self.composed.hydra.sweeper, resolve=False)
        assert isinstance(sweeper, dict)
        params = sweeper.get("params") or {}
        captured.append(compose(self.loader, self.composed, params, held or arguments))
