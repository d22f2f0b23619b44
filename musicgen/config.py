"""The typed configuration: composed, checked, kept, compared.

Hydra composes the YAML files against these classes; `typed` turns the composed config into a
real `Config` once, at start-up, and checks it. Below the commands nobody has seen a DictConfig.
"""

import copy
import dataclasses
import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from musicgen.errors import InputError
from musicgen.keys import COMMANDS, SCHEMAS, VARIANTS, Config, SGDConfig
from musicgen.overrides import flatten

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


def typed(composed: DictConfig, schema: type[T]) -> T:
    """The composed config as a checked value of one of COMMANDS. Raises InputError."""
    missing = sorted(OmegaConf.missing_keys(composed))
    if missing:
        raise InputError(f"{missing[0]} must be given; add {missing[0]}=<value> to the command")
    given = OmegaConf.to_container(composed)
    config = OmegaConf.to_object(composed)
    assert isinstance(config, schema)
    assert isinstance(given, dict)
    names = {name for name, _, _ in leaves(config)}
    for name in flatten(given):
        if name not in names:
            raise InputError(f"there is no key {name}, so it cannot be added; leave out +{name}")
    check(config) if isinstance(config, Config) else check_bounds(config)
    return config


def from_dict(values: dict[str, Any]) -> Config:
    """A `Config` from its plain form (`to_dict`), as a run folder keeps it. Raises InputError."""
    schema = OmegaConf.structured(Config)
    try:
        for name in {field.name for field in dataclasses.fields(Config)}:
            if name in VARIANTS:
                schema[name] = OmegaConf.structured(VARIANTS[name][values[name]["name"]])
            elif name in SCHEMAS:
                schema[name] = OmegaConf.structured(SCHEMAS[name])
        config = OmegaConf.to_object(OmegaConf.merge(schema, values))
    except (KeyError, TypeError, ValueError, OmegaConfBaseException) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"not a musicgen configuration: {reason}") from error
    assert isinstance(config, Config)
    check(config)
    return config


def to_dict(config: Config) -> dict[str, Any]:
    """Plain nested dictionaries, without what is not part of the run itself (`resume`)."""
    names = {field.name for field in dataclasses.fields(Config)}
    return {k: v for k, v in dataclasses.asdict(config).items() if k in names}


def replaced(config: Config, values: Mapping[str, Any]) -> Config:
    """A checked copy with other values at some keys. Raises InputError."""
    config = copy.deepcopy(config)
    for name, value in values.items():
        *path, last = name.split(".")
        part: Any = config
        for step in path:
            part = getattr(part, step, None)
        if not hasattr(part, last):
            raise InputError(f"there is no key {name} in this configuration; see --help")
        setattr(part, last, value)
    check(config)
    return config


def settings(part: Any) -> dict[str, Any]:
    """A variant's own fields, by name: keyword arguments of what it configures."""
    return {name: value for name, value in dataclasses.asdict(part).items() if name != "name"}


LOOKS = ("samples.every", "samples.media")
"""Keys that change what is shown of a training, and nothing of its result."""


def digest(config: Config) -> str:
    """16 hex digits that two configurations share exactly if all values but LOOKS agree."""
    values = to_dict(config)
    for name in LOOKS:
        group, _, last = name.partition(".")
        del values[group][last]
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field[Any], Any]]:
    """(key, field, value) of every leaf of a configuration."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from leaves(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", field, value


def known(schema: type[Any], prefix: str = "") -> dict[str, dataclasses.Field[Any]]:
    """Every key that a configuration of this class can have, whatever its variants."""
    keys: dict[str, dataclasses.Field[Any]] = {}
    for field in dataclasses.fields(schema):
        name = f"{prefix}{field.name}"
        kind = field.type
        parts: list[type[Any]] = []
        if field.name in SCHEMAS and isinstance(kind, type) and dataclasses.is_dataclass(kind):
            parts.append(kind)
        parts += VARIANTS.get(field.name, {}).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and (prefix or not parts):
            keys |= known(kind, f"{name}.")
        elif prefix or not parts:
            keys[name] = field
        else:
            keys |= {k: f for part in reversed(parts) for k, f in known(part, f"{name}.").items()}
    return keys


def rule(field: dataclasses.Field[Any]) -> str:
    """A field's bounds in words, empty if it has none."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    bounds = field.metadata.get("bounds", {})
    parts = [f"{words[name]} {bound:g}" for name, bound in bounds.items() if bound is not None]
    if choices := field.metadata.get("choices"):
        parts.append(f"one of {', '.join(choices)}")
    return " and ".join(parts)


def _within(value: Any, field: dataclasses.Field[Any]) -> bool:
    if value is None:
        return True
    if isinstance(value, (list, tuple)):
        return all(_within(item, field) for item in value)
    if choices := field.metadata.get("choices"):
        return value in choices
    if isinstance(value, float) and not math.isfinite(value):
        return False
    bounds = field.metadata.get("bounds", {})
    tests = {"ge": float.__ge__, "gt": float.__gt__, "le": float.__le__, "lt": float.__lt__}
    return all(
        tests[name](float(value), float(bound))
        for name, bound in bounds.items()
        if bound is not None
    )


def check_bounds(config: Any) -> None:
    """Raise InputError for the first value out of its bounds."""
    for name, field, value in leaves(config):
        if not _within(value, field):
            what = field.metadata["doc"]
            raise InputError(
                f"{name} must be {rule(field) or 'finite'}, got {value}; "
                f"set {name} to such a value ({what[0].lower()}{what[1:]})"
            )


def check(config: Config) -> None:
    """Raise InputError for the first value out of its bounds, or the first broken rule."""
    check_bounds(config)
    data, model = config.data, config.model
    if data.name != "folk" and data.path is None:
        raise InputError(f"data={data.name} needs data.path, got none; add data.path=<your tunes>")
    if data.split == "files" and data.validation_path is None:
        raise InputError(
            "data.split=files needs data.validation_path, got none; add data.validation_path=<file>"
        )
    if data.split == "tunes" and data.val_fraction + data.test_fraction >= 1:
        raise InputError(
            "data.val_fraction + data.test_fraction must be below 1, got "
            f"{data.val_fraction} + {data.test_fraction}; lower one of them"
        )
    temperatures = config.samples.temperatures
    if len(set(temperatures)) < len(temperatures):
        raise InputError(
            f"samples.temperatures must not have a value twice, got {temperatures}; "
            "one tune is written at each"
        )
    if model.tie_weights and model.embedding != model.hidden:
        raise InputError(
            f"model.tie_weights needs model.embedding = model.hidden, got {model.embedding} and "
            f"{model.hidden}; set model.embedding={model.hidden}"
        )
    optim = config.optim
    if isinstance(optim, SGDConfig) and optim.nesterov and optim.momentum == 0:
        raise InputError(
            "optim.nesterov needs optim.momentum above 0, got 0; set optim.momentum=0.9"
        )


def load(path: Path) -> Config:
    """The configuration that a run folder keeps. Raises InputError if it can't be read."""
    try:
        values = OmegaConf.to_container(OmegaConf.load(path))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; name the folder of a run") from None
    except Exception as error:
        raise InputError(f"{path} is damaged ({str(error).splitlines()[0]})") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} is damaged (no keys in it)")
    return from_dict({str(name): value for name, value in values.items()})


def dump(config: Config) -> str:
    """YAML that `load` reads."""
    return OmegaConf.to_yaml(OmegaConf.create(to_dict(config)))
