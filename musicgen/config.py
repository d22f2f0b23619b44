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
from musicgen.keys import COMMANDS, SCHEMAS, VARIANTS, Config, TrainConfig
from musicgen.overrides import flatten, seconds
from musicgen.rules import RULES

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
    """A checked copy with other values at some keys, or at keys below them. Raises InputError."""
    config = copy.deepcopy(config)
    for name, value in flatten(values).items():
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
LATER = ("trainer.max_time", "model.match", "model.melody", "model.place")
"""Keys that came when there were digests already: at its default, such a key is left out of what
two configurations are compared by, so that older runs and sweeps go on."""


def digest(config: Config) -> str:
    """16 hex digits that two configurations share exactly if all values but LOOKS agree."""
    values = to_dict(config)
    for name in (*LOOKS, *_later_at_default(config)):
        group, _, last = name.partition(".")
        del values[group][last]
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def compared(config: Config) -> dict[str, Any]:
    """The values by which a sweep knows its configuration, by key."""
    left_out = _later_at_default(config)
    return {name: v for name, v in flatten(to_dict(config)).items() if name not in left_out}


def _later_at_default(config: Config) -> list[str]:
    return [name for name, f, value in leaves(config) if name in LATER and value == f.default]


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


def _is_duration(text: str) -> bool:
    try:
        return 0 < seconds(text) < math.inf
    except ValueError:
        return False


def check_bounds(config: Any) -> None:
    """Raise InputError for the first value out of its bounds."""
    for name, field, value in leaves(config):
        if field.metadata.get("duration") and value is not None and not _is_duration(value):
            raise InputError(f"{name} must be a time such as 2h, 30m or 90 (seconds), got {value}")
        if not _within(value, field):
            what = field.metadata["doc"]
            raise InputError(
                f"{name} must be {rule(field) or 'finite'}, got {value}; "
                f"set {name} to such a value ({what[0].lower()}{what[1:]})"
            )


def check(config: Config) -> None:
    """Raise InputError for the first value out of its bounds, or the first broken rule."""
    check_bounds(config)
    for message in filter(None, (each.broken(config) for each in RULES)):
        raise InputError(message)


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
    try:
        return from_dict({str(name): value for name, value in values.items()})
    except InputError as error:
        raise InputError(f"{path} is damaged ({error})") from error


def dump(config: Config) -> str:
    """YAML that `load` reads."""
    return OmegaConf.to_yaml(OmegaConf.create(to_dict(config)))
