"""One field of a configuration: its line of help, its unit and its bounds."""

import dataclasses
from collections.abc import Callable
from typing import Any

from omegaconf import MISSING

Choices = tuple[str, ...] | Callable[[], tuple[str, ...]]
"""Names that a key takes; a function where they are those of registered components."""


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
    """A field of the configuration: one line on what it is and its unit, and its bounds.

    duration: text such as 2h, 30m or a number of seconds. default: of a component that brings no
    YAML, or of a key that older runs lack; our values stand in conf/.
    """
    bounds = {"ge": ge, "gt": gt, "le": le, "lt": lt}
    metadata = {"doc": doc, "bounds": bounds, "choices": choices, "duration": duration}
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=lambda: type(default)(default), metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def choices_of(field: dataclasses.Field[Any]) -> tuple[str, ...]:
    """The names that a field takes; empty if it takes other values."""
    choices = field.metadata.get("choices", ())
    return tuple(choices() if callable(choices) else choices)
