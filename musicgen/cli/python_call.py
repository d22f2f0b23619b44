"""Configurations from a list of overrides, exactly as the command line composes them.

Nothing here reads sys.argv or ends the process, and Hydra's global state is restored. So a notebook
or another Hydra application can call it.
"""

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from hydra import initialize_config_dir
from hydra._internal.sources_registry import SourcesRegistry
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.types import RunMode
from omegaconf import OmegaConf, open_dict
from omegaconf.basecontainer import BaseContainer

from musicgen.cli import arguments
from musicgen.cli.arguments import Arguments
from musicgen.cli.command import is_sweep
from musicgen.cli.explanation import COMPOSING, explain
from musicgen.cli.sweep_overrides import compose
from musicgen.config import composition
from musicgen.errors import InputError
from musicgen.system.paths import shipped
from musicgen.workflows.composed_sweep import ComposedSweep

T = TypeVar("T")
JOB = "command"
"""Hydra's name of the job, equal to that of the command line."""
SWEEP_IT = "sweep it with Sweep.start(...)"


@dataclass(frozen=True)
class Composed(Generic[T]):
    """The composed configuration of one run."""

    asked: T
    """The configuration, checked and with all interpolations resolved."""
    folder: Path
    """The absolute path of hydra.run.dir. It need not exist."""
    overrides: list[str]
    """The overrides that are not Hydra's own."""
    given: Arguments
    """All overrides, as the arguments of a command."""


def one(name: str, schema: type[T], overrides: Sequence[str]) -> Composed[T]:
    """The configuration of conf/<name>.yaml with these overrides. Raises InputError."""
    given = read(overrides)
    given = given.with_recipe if name == "train" else given
    if given.multirun:
        raise InputError(f"hydra.mode=MULTIRUN is a sweep's; {SWEEP_IT}")
    with own_hydra(), _loader(name, given) as loader:
        cfg = loader.load_configuration(name, given.first, RunMode.RUN)
        HydraConfig.instance().set_config(cfg)
        folder = Path(str(OmegaConf.select(cfg, "hydra.run.dir"))).absolute()
        params, task = cfg.hydra.sweeper.get("params") or (), list(cfg.hydra.overrides.task)
        with open_dict(cfg):
            del cfg["hydra"]
        if is_sweep([str(key) for key in params], cfg, task):
            named = (o for o in task if o.startswith("experiment="))
            raise InputError(f"{next(named, 'this')} is a sweep; {SWEEP_IT}")
        return Composed(composition.checked(cfg, schema), folder, task, given)


def swept(given: Arguments) -> ComposedSweep:
    """The sweep of these arguments. Raises InputError.

    Interpolations are resolved when they are read, which must happen within `own_hydra`.
    """
    with _loader("train", given) as loader:
        settings = loader.load_configuration("train", given.first, RunMode.MULTIRUN)
        return compose(loader, settings, given.task)


def read(overrides: Sequence[str], *, multirun: bool = False) -> Arguments:
    """The arguments of a command with these overrides. The plugins that they name are loaded.

    Raises InputError.
    """
    for text in overrides:
        if text.startswith("-"):
            raise InputError(f"overrides are key=value, such as model.hidden=64, got {text}")
    given = arguments.checked([*(["-m"] if multirun else []), *overrides])
    composition.use_plugins(given.overrides)
    return given


@contextmanager
def _loader(name: str, given: Arguments) -> Iterator[ConfigLoader]:
    """The loader that composes conf/<name>.yaml. Hydra's errors become InputError."""
    try:
        composition.register(given.folders)
        for folder in composition.experiments():
            composition.register_experiments(folder)
        with initialize_config_dir(str(shipped("conf")), job_name=JOB, version_base=None):
            yield GlobalHydra.instance().config_loader()
    except COMPOSING as error:
        line = explain(error, name, lambda key: f"{key} has several values; {SWEEP_IT}")
        raise InputError(line) from error


_alone = threading.RLock()


@contextmanager
def own_hydra() -> Iterator[None]:
    """Give Hydra the global state of a new program, and restore the former state afterwards.

    Only one thread at a time may use it.
    """
    with _alone:
        # Plugins store their defaults once, when they are imported, so they must be imported into
        # the state that is restored afterwards.
        Plugins.instance()
        before, resolvers = Singleton._instances, dict(BaseContainer._resolvers)
        store = copy.copy(ConfigStore.instance())
        # Only Hydra's own entries are kept: an application's entries are no choices of ours.
        store.repo = {
            name: copy.deepcopy(node)
            for name, node in store.repo.items()
            if name.startswith(("hydra", "_"))
        }
        kept: dict[Any, Any] = {kind: before[kind] for kind in (Plugins, SourcesRegistry)}
        kept[ConfigStore] = store
        Singleton._instances = kept
        try:
            yield
        finally:
            Singleton._instances = before
            BaseContainer._resolvers.clear()
            BaseContainer._resolvers.update(resolvers)
