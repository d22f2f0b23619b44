"""A trial of a Hydra application, composed and run in a worker as Hydra's launcher would do it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hydra.core.singleton import Singleton
from hydra.core.utils import run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.basecontainer import BaseContainer

from musicgen.config.overrides import as_override
from musicgen.sweep.trial import Trial


def _resolvers() -> dict[str, Any]:
    return dict(BaseContainer._resolvers)


@dataclass(frozen=True)
class HydraJob:
    """The objective of an application's sweep. It is sent to each worker once.

    It includes what the program registered with Hydra and OmegaConf in the driver's process:
    structured configurations and resolvers. The functions of a script are sent by value, so workers
    do not run the script's top level again.
    """

    context: HydraContext
    task: TaskFunction
    config: DictConfig
    """The configuration, composed without the swept keys."""
    groups: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    """The overrides that all trials share."""
    prefixes: Mapping[str, str] = field(default_factory=dict)
    """The prefix of each swept key, such as +, by key."""
    seed_key: str | None = None
    """The key that is set to each run's seed; None: no key."""
    singletons: Any = field(default_factory=Singleton.get_state)
    resolvers: Mapping[str, Any] = field(default_factory=_resolvers)

    def prepare(self) -> None:
        Singleton.set_state(self.singletons)
        BaseContainer._resolvers.update(self.resolvers)
        setup_globals()

    def __call__(self, trial: Trial) -> Any:
        overrides = [*self.fixed, *self._swept(trial)]
        loader = self.context.config_loader
        composed = loader.load_sweep_config(self.config, overrides)
        if self.seed_key is not None:
            base = OmegaConf.select(composed, self.seed_key)
            seed = trial.seed if base is None else int(base) + trial.run
            composed = loader.load_sweep_config(
                self.config, [*overrides, f"{self.seed_key}={seed}"]
            )
        with open_dict(composed):
            composed.hydra.job.id = composed.hydra.job.num = trial.number
            composed.hydra.sweep.dir = str(trial.folder.parent)
            composed.hydra.sweep.subdir = trial.folder.name
        logging.getLogger(__name__).debug("trial %d: %s", trial.number, overrides)
        done = run_job(
            hydra_context=self.context,
            task_function=self.task,
            config=composed,
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
        return done.return_value

    def _swept(self, trial: Trial) -> list[str]:
        """The trial's values as overrides. Groups are first, because other keys may be inside."""
        keys = sorted(trial.params, key=lambda key: key not in self.groups)
        return [
            f"{self.prefixes.get(key, '')}{key}={as_override(trial.params[key])}" for key in keys
        ]
