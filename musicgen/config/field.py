"""One field of a configuration: its line of help with its unit, and its bounds."""

import dataclasses
from collections.abc import Callable
from typing import Any

from omegaconf import MISSING

Choices = tuple[str, ...] | Callable[[], tuple[str, ...]]
"""The names that a key accepts. For names of registered components it is a function."""


def key(
    doc: str,
    *,
    ge: float | None = None,
    gt: float | None = None,
    le: float | None = None,
    lt: float | None = None,
    choices: Choices = (),
    duration: bool = False,
    default: Any = MISSING,
) -> Any:
    """A field of the configuration.

    doc: one line that says what the field is, and its unit. ge, gt, le, lt: its bounds. choices:
    the names that it accepts. duration: whether it is a text such as 2h, 30m or a number of
    seconds. default: the value for a component without YAML, or for a key that older runs lack; our
    own values are in conf/.
    """
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    metadata = {"doc": doc, "bounds": bounds, "choices": choices, "duration": duration}
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def choices_of(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    """The names that a field accepts; empty if it accepts other values."""
    choices = field.metadata.get("choices", ())
    return tuple(choices() if callable(choices) else choices)
