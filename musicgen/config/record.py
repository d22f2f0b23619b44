"""A run's configuration as it is kept: read, written, changed, compared."""

import copy
import dataclasses
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from musicgen.config.keys import SCHEMAS, VARIANTS, Config
from musicgen.config.overrides import flatten
from musicgen.config.schema import check, leaves
from musicgen.errors import InputError


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


def plain_values(path: Path) -> dict[str, Any]:
    """What a run's config.yaml says, nested and unchecked: a version that read another set of keys
    may have written it. Raises InputError if it can't be read."""
    try:
        found = OmegaConf.to_container(OmegaConf.load(path))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; name the folder of a run") from None
    except Exception as error:  # whatever a YAML reader makes of a damaged file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} is damaged ({reason})") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} is damaged (no keys in it)")
    return {str(name): value for name, value in found.items()}


def load(path: Path) -> Config:
    """The configuration that a run folder keeps. Raises InputError if it can't be read."""
    found = plain_values(path)
    try:
        return from_dict(found)
    except InputError as error:
        raise InputError(f"{path} is damaged ({error})") from error


def dump(config: Config) -> str:
    """YAML that `load` reads."""
    return OmegaConf.to_yaml(OmegaConf.create(to_dict(config)))


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


DISPLAY_KEYS = ("samples.every", "samples.media")
"""Keys that change what is shown of a training, and nothing of its result."""
KEYS_ADDED_LATER = ("trainer.max_time", "model.match", "model.melody", "model.place")
"""Keys that came when there were digests already: at its default, such a key is left out of what
two configurations are compared by, so that older runs and sweeps go on."""


def digest(config: Config) -> str:
    """16 hex digits that two configurations share exactly if all values but LOOKS agree."""
    values = to_dict(config)
    for name in (*DISPLAY_KEYS, *_later_at_default(config)):
        group, _, last = name.partition(".")
        del values[group][last]
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def compared(config: Config) -> dict[str, Any]:
    """The values by which a sweep knows its configuration, by key."""
    left_out = _later_at_default(config)
    return {name: v for name, v in flatten(to_dict(config)).items() if name not in left_out}


def _later_at_default(config: Config) -> list[str]:
    return [n for n, f, value in leaves(config) if n in KEYS_ADDED_LATER and value == f.default]
