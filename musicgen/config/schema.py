"""The keys that the classes of a configuration declare, and the check of values against them."""

import dataclasses
import difflib
import math
from collections.abc import Iterable, Iterator
from typing import Any

from omegaconf import MISSING

from musicgen.config.components import GROUPS, variants
from musicgen.config.field import choices_of
from musicgen.config.keys import COMMANDS, SCHEMAS, Config
from musicgen.config.overrides import seconds
from musicgen.config.registry import components, not_loaded
from musicgen.config.rules import rules
from musicgen.errors import InputError


def leaves(config: Any, prefix: str = "") -> Iterator[tuple[str, dataclasses.Field[Any], Any]]:
    """(key, field, value) of every single key of a configuration."""
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if dataclasses.is_dataclass(value):
            yield from leaves(value, f"{prefix}{field.name}.")
        else:
            yield f"{prefix}{field.name}", field, value


def known(schema: type[Any], prefix: str = "") -> dict[str, dataclasses.Field[Any]]:
    """Every key that a configuration of this class can have, with any components."""
    keys: dict[str, dataclasses.Field[Any]] = {}
    for field in dataclasses.fields(schema):
        name = f"{prefix}{field.name}"
        kind = field.type
        parts: list[type[Any]] = []
        if field.name in SCHEMAS and isinstance(kind, type) and dataclasses.is_dataclass(kind):
            parts.append(kind)
        parts += variants(field.name).values()
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and (prefix or not parts):
            keys |= known(kind, f"{name}.")
        elif prefix or not parts:
            keys[name] = field
        else:
            keys |= {k: f for part in reversed(parts) for k, f in known(part, f"{name}.").items()}
    return keys


def rule(field: dataclasses.Field[Any]) -> str:
    """The bounds of a field in words; empty if it has none."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    bounds = field.metadata.get("bounds", {})
    parts = [f"{words[name]} {bound:g}" for name, bound in bounds.items() if bound is not None]
    if choices := choices_of(field):
        parts.append(f"one of {', '.join(choices)}")
    return " and ".join(parts)


def settle(config: Any) -> None:
    """Convert each component to the class that is registered under its name: `model.cell=gru` may
    have changed only the name. Raises InputError if that class has other settings."""
    for group, of in GROUPS.items():
        part: Any = getattr(config, group, None)
        name = getattr(part, of.key, None)
        chosen = components(of.kind).get(str(name))
        if chosen is None or type(part) is chosen:
            continue  # `check` reports an unknown name
        values = dataclasses.asdict(part)
        own = {field.name: field.default for field in dataclasses.fields(chosen)}
        lacks = [name for name, default in own.items() if default == MISSING]
        if values.keys() - own.keys() or set(lacks) - values.keys():
            raise InputError(
                f"{group}.{of.key}={name} has other settings than those here; "
                f"choose it with {group}={name}"
            )
        setattr(config, group, chosen(**values))


def check(config: Config) -> None:
    """Raise InputError for the first value out of its bounds, or the first broken rule."""
    check_bounds(config)
    for message in filter(None, (each.broken(config) for each in rules(config))):
        raise InputError(message)


def check_bounds(config: Any) -> None:
    """Raise InputError for the first value out of its bounds."""
    for name, field, value in leaves(config):
        if field.metadata.get("duration") and value is not None and not _is_duration(value):
            raise InputError(f"{name} must be a time such as 2h, 30m or 90 (seconds), got {value}")
        if not within(value, field):
            what = field.metadata["doc"]
            missing = not_loaded() if callable(field.metadata.get("choices")) else ""
            raise InputError(
                f"{name} must be {rule(field) or 'finite'}, got {value}; "
                f"set {name} to such a value ({what[0].lower()}{what[1:]}){missing}"
            )


def within(value: Any, field: dataclasses.Field[Any]) -> bool:
    """Whether a value, or each of a list, is in the bounds of its field; None is."""
    if value is None:
        return True
    if isinstance(value, (list, tuple)):
        return all(within(item, field) for item in value)
    if choices := choices_of(field):
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


def lacking(key: str, keys: Iterable[str], chosen: str = "") -> str:
    """The error's text for a key that a configuration lacks: no configuration has the key, or none
    with the chosen component.

    keys: all existing keys. chosen: the chosen component of the key's group, if it is known.
    """
    group, _, last = key.partition(".")
    known = variants(group)
    fit = [name for name, one in known.items() if last in one.__dataclass_fields__]
    if len(fit) in (0, len(known)):
        close = near(key, set(keys) - {key})  # with --config-name a known key may be missing
        return f"there is no key {key}{close or '; --help lists the keys'}"
    got = f", got {chosen}" if chosen else ""
    return f"{key} needs {group} to be one of {', '.join(fit)}{got}; choose one with {group}=<name>"


def near(word: str, known: Iterable[str]) -> str:
    """`; did you mean ...?`; empty if no known word is similar."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {matches[0]}?" if matches else ""


def known_keys(name: str = "train") -> list[str]:
    """Every key and group of a command's configuration."""
    keys = known(COMMANDS[name])
    return sorted({*keys, *(key.split(".")[0] for key in keys)})
