"""Hydra's part: the YAML files composed against the schemas, and what came of it as one value.

`typed` turns the composed config into a real `Config` once, at start-up, and checks it. Below the
commands nobody has seen a DictConfig.
"""

from pathlib import Path
from typing import Any, TypeVar

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from musicgen.config.keys import COMMANDS, SCHEMAS, VARIANTS, Config, TrainConfig
from musicgen.config.overrides import flatten
from musicgen.config.schema import check, check_bounds, leaves
from musicgen.errors import InputError
from musicgen.system.paths import shipped

T = TypeVar("T")


def register() -> None:
    """Make the schemas known to Hydra, in a group of their own: no list of choices shows them."""
    store = ConfigStore.instance()
    sweeper = {"_target_": "hydra_plugins.musicgen.Capture", "params": None}
    store.store(group="hydra/sweeper", name="musicgen", node=sweeper)
    for name, schema in COMMANDS.items():
        store.store(group="schema", name=name, node=schema)
    for name, schema in SCHEMAS.items():
        store.store(group="schema", name=name, node=schema)
    for group, variants in VARIANTS.items():
        for name, schema in variants.items():
            store.store(group=f"schema/{group}", name=name, node=schema)


def experiments() -> list[Path]:
    """Folders of experiments: what came with the program, and the current folder's own."""
    return list(dict.fromkeys([shipped("experiments"), Path.cwd() / "experiments"]))


def register_experiments(folder: Path) -> None:
    """Make every <folder>/<name>/experiment.yaml a choice of the group `experiment`.

    Raises InputError for a file that is not YAML.
    """
    store = ConfigStore.instance()
    for path in sorted(folder.glob("*/experiment.yaml")):
        try:
            node = OmegaConf.load(path)
        except Exception as error:  # YAML's own, and the file system's
            reason = " ".join(str(error).split())
            raise InputError(f"{path} can't be read ({reason}); mend or remove it") from None
        store.store(group="experiment", name=path.parent.name, node=node, package="_global_")


def checked(composed: DictConfig, schema: type[T]) -> T:
    """The composed config as a checked value of one of COMMANDS. Raises InputError."""
    missing = sorted(OmegaConf.missing_keys(composed))
    if missing:
        raise InputError(f"{missing[0]} must be given; add {missing[0]}=<value> to the command")
    given = OmegaConf.to_container(composed)
    config = OmegaConf.to_object(composed)
    if not isinstance(config, schema):
        raise InputError("--config-name must be of a configuration of this command; leave it out")
    if isinstance(config, TrainConfig):
        config.sweep.objective = _names(config.sweep.objective)
    assert isinstance(given, dict)
    names = {name for name, _, _ in leaves(config)}
    for name in flatten(given):
        if name not in names:
            raise InputError(f"there is no key {name}, so it cannot be added; leave out +{name}")
    check(config) if isinstance(config, Config) else check_bounds(config)
    return config


def _names(value: Any) -> list[str]:
    """One name or several as a list. Raises InputError."""
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"sweep.objective must be a name or a list of names, got {value}")
    return names
