"""What the classes of a configuration say of its keys, and the check of a value against it."""

import dataclasses
import difflib
import math
from collections.abc import Iterable, Iterator
from typing import Any

from musicgen.config.keys import COMMANDS, SCHEMAS, VARIANTS, Config
from musicgen.config.overrides import seconds
from musicgen.config.rules import RULES
from musicgen.errors import InputError


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


def settings(part: Any) -> dict[str, Any]:
    """A variant's own fields, by name: keyword arguments of what it configures."""
    return {name: value for name, value in dataclasses.asdict(part).items() if name != "name"}


def choices(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    """The only values that a field takes; empty if it takes others."""
    given: Any = field.metadata.get("choices", ())
    return tuple(given() if callable(given) else given)


def rule(field: dataclasses.Field[Any]) -> str:
    """A field's bounds in words, empty if it has none."""
    words = {"ge": "at least", "gt": "above", "le": "at most", "lt": "below"}
    bounds = field.metadata.get("bounds", {})
    parts = [f"{words[name]} {bound:g}" for name, bound in bounds.items() if bound is not None]
    if some := choices(field):
        parts.append(f"one of {', '.join(some)}")
    return " and ".join(parts)


def check(config: Config) -> None:
    """Raise InputError for the first value out of its bounds, or the first broken rule."""
    check_bounds(config)
    for message in filter(None, (each.broken(config) for each in RULES)):
        raise InputError(message)


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


def _within(value: Any, field: dataclasses.Field[Any]) -> bool:
    if value is None:
        return True
    if isinstance(value, (list, tuple)):
        return all(_within(item, field) for item in value)
    if some := choices(field):
        return value in some
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


def lacking(key: str, keys: Iterable[str], chosen: str = "another") -> str:
    """Why a configuration has no such key: no configuration has, or not with what was chosen.

    keys: all that there are. chosen: of the group that the key is in.
    """
    group, _, last = key.partition(".")
    variants = VARIANTS.get(group, {})
    fit = [name for name, variant in variants.items() if last in variant.__dataclass_fields__]
    if not fit:
        close = near(key, set(keys) - {key})  # it is known itself, but not here: --config-name
        return f"there is no key {key}{close or '; --help lists the keys'}"
    return f"{key} needs {group} to be one of {', '.join(fit)}, got {chosen}; choose one of them"


def near(word: str, known: Iterable[str]) -> str:
    """`; did you mean ...?`, or nothing where no known word is close."""
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {matches[0]}?" if matches else ""


def known_keys(name: str = "train") -> list[str]:
    """Every key and group of a command's configuration."""
    keys = known(COMMANDS[name])
    return sorted({*keys, *(key.split(".")[0] for key in keys)})
