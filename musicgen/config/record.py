"""A run's stored configuration: how it is read, written, changed and compared."""

import copy
import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from musicgen.config.components import GROUPS, variants
from musicgen.config.keys import SCHEMAS, Config
from musicgen.config.overrides import flatten
from musicgen.config.registry import PROGRAM, not_loaded, plugin_of
from musicgen.config.schema import check, leaves, near, settle
from musicgen.errors import InputError


class MissingPluginError(InputError):
    """The configuration names a component of a plugin that is not loaded."""


FIELDS = tuple(field.name for field in dataclasses.fields(Config))
PLUGINS = "plugins"
"""The key of a stored configuration that holds the plugins of its components, by group."""


def from_dict(values: dict[str, Any]) -> Config:
    """A `Config` from its plain form (`to_dict`, `stored`). Raises InputError.

    No plugin is imported. If a component is not registered and the values say which plugin has it,
    MissingPluginError is raised.
    """
    values = dict(values)
    needed = values.pop(PLUGINS, {})
    schema = OmegaConf.structured(Config)
    try:
        names = {group: values[group][of.key] for group, of in GROUPS.items() if group in FIELDS}
        _check_known(names, needed)
        for name in FIELDS:
            if name in names:
                schema[name] = OmegaConf.structured(variants(name)[names[name]])
            elif name in SCHEMAS:
                schema[name] = OmegaConf.structured(SCHEMAS[name])
        config = OmegaConf.to_object(OmegaConf.merge(schema, values))
    except (AttributeError, KeyError, TypeError, ValueError, OmegaConfBaseException) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"not a musicgen configuration: {reason}") from error
    assert isinstance(config, Config)
    check(config)
    return config


def _check_known(names: Mapping[str, Any], needed: Mapping[str, Any]) -> None:
    """Raise InputError if a component is not registered.

    names: the chosen components by group. needed: their plugins by group, where they are stored.
    """
    unknown = [group for group, name in names.items() if name not in variants(group)]
    for group in unknown:
        if group not in needed:
            known = variants(group)
            close = near(str(names[group]), known)
            raise InputError(
                f"{group}.{GROUPS[group].key} must be one of {', '.join(known)}, got "
                f"{names[group]}{close or '; add plugins=[<module>] if a plugin has it'}"
                f"{not_loaded()}"
            )
    if unknown:
        keys = [f"{group}.{GROUPS[group].key}={names[group]}" for group in unknown]
        modules = list(dict.fromkeys(str(needed[group]) for group in unknown))
        # The folder may be another person's.
        if not all(re.fullmatch(r"[\w.]+", module) for module in modules):
            raise InputError(f"{PLUGINS} must be names of modules")
        if PROGRAM in modules:
            raise MissingPluginError(
                f"{', '.join(keys)} was declared in a program itself, which no other can import; "
                "declare it in a module and name that with plugins=[...]"
            )
        raise MissingPluginError(
            f"{', '.join(keys)} {'needs' if len(keys) == 1 else 'need'} {', '.join(modules)}, "
            f"which {'is' if len(modules) == 1 else 'are'} not loaded; "
            f"add plugins=[{','.join(modules)}]{not_loaded()}"
        )


def plugins(config: Config) -> dict[str, str]:
    """The plugin modules that declare the components, by group; empty if all are ours."""
    found = {
        group: plugin_of(of.kind, getattr(getattr(config, group), of.key))
        for group, of in GROUPS.items()
        if group in FIELDS
    }
    return {group: module for group, module in found.items() if module}


def check_importable(config: Config) -> None:
    """Raise InputError for a component that no other process can import, a worker or a command."""
    for group, module in plugins(config).items():
        if module == PROGRAM:
            name = getattr(getattr(config, group), GROUPS[group].key)
            raise InputError(
                f"{group}={name} is declared in the program itself, which no other process can "
                "import; move it into a module and name that with plugins=[...]"
            )


def stored(config: Config) -> dict[str, Any]:
    """`to_dict` with the plugins of its components, if any, as a run folder stores it."""
    needed = plugins(config)
    return to_dict(config) | ({PLUGINS: needed} if needed else {})


def to_dict(config: Config) -> dict[str, Any]:
    """The configuration as nested dictionaries, without keys that are no part of the run itself
    (`resume`)."""
    return {k: v for k, v in dataclasses.asdict(config).items() if k in FIELDS}


def plain_values(path: Path) -> dict[str, Any]:
    """The content of a run's config.yaml, nested and unchecked, as a version with other keys may
    have written it. Raises InputError if it can't be read."""
    try:
        found = OmegaConf.to_container(OmegaConf.load(path))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist; name the folder of a run") from None
    except Exception as error:  # a YAML reader may raise anything for a damaged file
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path} is damaged ({reason})") from error
    if not isinstance(found, dict):
        raise InputError(f"{path} is damaged (no keys in it)")
    return {str(name): value for name, value in found.items()}


def load(path: Path) -> Config:
    """The configuration in a run's config.yaml. Raises InputError if it can't be read."""
    found = plain_values(path)
    try:
        return from_dict(found)
    except MissingPluginError as error:
        raise MissingPluginError(f"{path}: {error}") from None
    except InputError as error:
        raise InputError(f"{path} is damaged ({error})") from error


def dump(config: Config) -> str:
    """The configuration as YAML, which `load` reads."""
    return OmegaConf.to_yaml(OmegaConf.create(stored(config)))


def replaced(config: Config, values: Mapping[str, Any]) -> Config:
    """A checked copy with other values at some keys or groups of keys. Raises InputError."""
    config = copy.deepcopy(config)
    for name, value in flatten(values).items():
        *path, last = name.split(".")
        part: Any = config
        for step in path:
            part = getattr(part, step, None)
        if not hasattr(part, last):
            raise InputError(f"there is no key {name} in this configuration; see --help")
        setattr(part, last, value)
    settle(config)
    check(config)
    check_importable(config)
    return config


DISPLAY_KEYS = ("samples.every", "samples.media")
"""Keys that change what a training shows, but not its result."""
KEYS_ADDED_LATER = ("trainer.max_time", "model.match", "model.melody", "model.place", "init")
"""Keys that are newer than digests. A key that has its default is left out of the comparison of two
configurations, so that older runs and sweeps go on."""


def placeless(config: Config) -> dict[str, Any]:
    """`to_dict`, with the digest alone of the network that `init` names: `<run>@<digest>`."""
    values = to_dict(config)
    if config.init is not None:
        values["init"] = config.init.rpartition("@")[2]
    return values


def digest(config: Config) -> str:
    """16 hex digits that are equal for two configurations exactly if all values are, apart from
    DISPLAY_KEYS, and from where the weights of `init` lie."""
    values = placeless(config)
    for name in (*DISPLAY_KEYS, *_later_at_default(config)):
        group, _, last = name.rpartition(".")
        del (values[group] if group else values)[last]
    text = json.dumps(values, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def compared(config: Config) -> dict[str, Any]:
    """The values by which two configurations are compared, by key."""
    left_out = _later_at_default(config)
    return {name: v for name, v in flatten(to_dict(config)).items() if name not in left_out}


def _later_at_default(config: Config) -> list[str]:
    return [n for n, f, value in leaves(config) if n in KEYS_ADDED_LATER and value == f.default]
