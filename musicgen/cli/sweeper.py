"""Hydra's sweeper for -m: it hands what is swept to the command.

Trials do not run inside Hydra: it reads the overrides and composes, and that is all.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

if TYPE_CHECKING:
    from musicgen.workflows.swept import Swept

captured: "list[Swept]" = []
"""What the last composition made; Hydra gives a sweeper no way to return it."""
held: list[str] = []
"""Overrides that Hydra's first composition does without, in the order of the command line: it
knows of no choices of swept groups yet, and would refuse keys that only these have."""


class Capture(Sweeper):
    """Found by Hydra as hydra_plugins.musicgen_sweeper.Capture."""

    def __init__(self, params: Mapping[str, Any] | None) -> None:
        """params: an experiment's hydra.sweeper.params with its interpolations resolved, which is
        too early for those that follow swept keys; `sweep` reads them as they are written."""

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.loader = hydra_context.config_loader
        self.composed = config

    def sweep(self, arguments: list[str]) -> None:
        """arguments: the command line's overrides, those with several values too."""
        from musicgen.cli.compose import compose

        # The command line has precedence.
        sweeper = OmegaConf.to_container(self.composed.hydra.sweeper, resolve=False)
        assert isinstance(sweeper, dict)
        params = sweeper.get("params") or {}
        captured.append(compose(self.loader, self.composed, params, held or arguments))
