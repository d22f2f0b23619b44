"""The composition by Hydra: the schemas, the YAML files, and the check of the composed value.

`checked` turns the composed DictConfig into a real `Config` once, at start-up. Packages below the
command line never see a DictConfig.
"""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from hydra import compose, initialize_config_dir
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.plugins import Plugins
from hydra.errors import HydraException
from omegaconf import MISSING, DictConfig, OmegaConf

from musicgen.config.components import GROUPS, variants
from musicgen.config.conf import conf
from musicgen.config.keys import COMMANDS, SCHEMAS, Config, TrainConfig
from musicgen.config.overrides import flatten
from musicgen.config.record import check_importable
from musicgen.config.registry import load_plugins, loaded_plugins, plugin_of
from musicgen.config.schema import check, check_bounds, leaves, settle
from musicgen.errors import InputError
from musicgen.system.paths import shipped

T = TypeVar("T")


def use_plugins(overrides: Iterable[str]) -> None:
    """Import the modules that `plugins=[...]` names, before anything is composed or registered.

    Raises InputError if the value is not a list of modules, or a module can't be imported.
    """
    named = [text for text in overrides if text.partition("=")[0].lstrip("+") == "plugins"]
    try:
        found = [OverridesParser.create().parse_override(text).value() for text in named[-1:]]
    except HydraException:
        return  # Hydra reports the error with a better message
    for text, modules in zip(named[-1:], found, strict=True):
        if not isinstance(modules, list):
            given = text.partition("=")[2]
            raise InputError(f"plugins must be a list of modules, got {given}; plugins=[{given}]")
        load_plugins(getattr(module, "text", str(module)) for module in modules)


def register(own: Sequence[Path] = ()) -> None:
    """Register the schemas with Hydra, in a group of their own, so that no list of choices shows
    them.

    own: the folders of the user's configuration. If a plugin's component has no file there, a
    choice of its group is made from the defaults of its class.
    """
    # Hydra's plugins are loaded first: they store a sweeper for other programs under our name.
    Plugins.instance()
    store = ConfigStore.instance()
    sweeper = {"_target_": "hydra_plugins.musicgen_sweeper.OwnSweeper", "params": None}
    store.store(group="hydra/sweeper", name="musicgen", node=sweeper)
    for name, schema in COMMANDS.items():
        store.store(group="schema", name=name, node=schema)
    for name, schema in SCHEMAS.items():
        store.store(group="schema", name=name, node=schema)
    for group, of in GROUPS.items():
        for name, schema in variants(group).items():
            store.store(group=f"schema/{group}", name=name, node=schema)
            # Hydra refuses a file whose name the store has too.
            has_file = any((folder / group / f"{name}.yaml").is_file() for folder in own)
            if plugin_of(of.kind, name) is not None and not has_file:
                store.store(group=group, name=name, node=_without_yaml(group, name, schema))


def _without_yaml(group: str, name: str, schema: type[Any]) -> dict[str, Any]:
    """The choice of a group for a plugin's component without YAML.

    Its values are the defaults of its class. The keys that all components of the group share have
    the values of our default choice.
    """
    of = GROUPS[group]
    ours = _default_choice(group)
    values = {}
    for field in dataclasses.fields(schema):
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        if field.name in of.base.__dataclass_fields__ and default in (MISSING, dataclasses.MISSING):
            default = ours.get(field.name, MISSING)
        values[field.name] = name if field.name == of.key else default
    known = {key: value for key, value in values.items() if value != MISSING}
    return {"defaults": [f"/schema/{group}/{name}@_here_"], **known}


def _default_choice(group: str) -> dict[str, Any]:
    """The values of the group's choice that conf/train.yaml names."""
    entries = conf("train")["defaults"]
    (name,) = (entry[group] for entry in entries if isinstance(entry, dict) and group in entry)
    return conf(f"{group}/{name}")


def experiments() -> list[Path]:
    """The folders of experiments: the installed one, and the one in the current folder."""
    return list(dict.fromkeys([shipped("experiments"), Path.cwd() / "experiments"]))


def register_experiments(folder: Path) -> None:
    """Make every <folder>/<name>/experiment.yaml a choice of the group `experiment`.

    Raises InputError for a file that is not YAML.
    """
    store = ConfigStore.instance()
    for path in sorted(folder.glob("*/experiment.yaml")):
        try:
            node = OmegaConf.load(path)
        except Exception as error:  # an error of the YAML reader or the file system
            reason = " ".join(str(error).split())
            raise InputError(f"{path} can't be read ({reason}); mend or remove it") from None
        store.store(group="experiment", name=path.parent.name, node=node, package="_global_")


def experiment_keys(name: str) -> set[str]:
    """The keys that the file of an experiment gives a value, and `model.cell` if it may choose the
    group; empty if there is no such experiment."""
    found: set[str] = set()
    for folder in experiments():
        path = folder / name / "experiment.yaml"
        if path.is_file():
            values: Any = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
            chosen = str(values.pop("defaults", ""))
            found |= {*flatten(values)} | ({"model.cell"} if "/model" in chosen else set())
    return found


def shipped_config(name: str, schema: type[T], overrides: Sequence[str]) -> T:
    """conf/<name>.yaml as we ship it, with these overrides, for a process that is no command.

    Raises InputError.
    """
    register()
    with initialize_config_dir(str(shipped("conf")), version_base=None):
        return checked(compose(name, list(overrides)), schema)


def checked(composed: DictConfig, schema: type[T]) -> T:
    """The composed configuration as a checked value of one of COMMANDS. Raises InputError."""
    missing = sorted(OmegaConf.missing_keys(composed))
    if missing:
        raise InputError(f"{missing[0]} must be given; add {missing[0]}=<value> to the command")
    given = OmegaConf.to_container(composed)
    config = OmegaConf.to_object(composed)
    if not isinstance(config, schema):
        raise InputError("--config-name must be of a configuration of this command; leave it out")
    if isinstance(config, TrainConfig):
        config.sweep.objective = _names(config.sweep.objective)
    _check_loaded(getattr(config, "plugins", ()))
    settle(config)
    assert isinstance(given, dict)
    names = {name for name, _, _ in leaves(config)}
    for name in flatten(given):
        if name not in names:
            raise InputError(f"there is no key {name}, so it cannot be added; leave out +{name}")
    if isinstance(config, Config):
        check(config)
        check_importable(config)
    else:
        check_bounds(config)
    return config


def _check_loaded(plugins: Iterable[str]) -> None:
    for module in plugins:
        if module not in loaded_plugins():
            raise InputError(
                f"plugins must be given on the command line, got {module} in a file; "
                f"add plugins=[{module}]"
            )


def _names(value: Any) -> list[str]:
    """One name, or several, as a list. Raises InputError."""
    names = value if isinstance(value, list) else [value]
    if not all(isinstance(name, str) for name in names):
        raise InputError(f"sweep.objective must be a name or a list of names, got {value}")
    return names
