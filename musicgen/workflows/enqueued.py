"""What a sweep of a configuration tries first: the configuration's own point, and given ones."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from musicgen.config.following import selected
from musicgen.config.overrides import as_override
from musicgen.errors import InputError
from musicgen.sweep.enqueued import complete, listed
from musicgen.sweep.space import Point, Space
from musicgen.workflows.bases import cast
from musicgen.workflows.composed_sweep import ComposedSweep

_ABSENT = object()
Check = Callable[[Point], Any]
"""Raises InputError for a point that no trial could start from."""


def _any(point: Point) -> None:
    """The check of an application, which finds out itself what it can't start from."""


def enqueued(
    swept: ComposedSweep, space: Space, given: Any, name: str, check: Check = _any
) -> tuple[Point, ...]:
    """The points of a list, each with the configuration's own values for keys that it lacks.

    name: the key that holds the list. Raises InputError with the number of the wrong point, from 1.
    """

    def whole(values: Mapping[str, Any]) -> Point:
        point = _whole(swept, space, values)
        check(point)
        return point

    return listed(given, name, whole)


def own_point(
    swept: ComposedSweep, space: Space, name: str, check: Check = _any
) -> tuple[Point | None, str]:
    """The point that the configuration has without the sweep, and a line about it; None if the
    space does not contain it.

    name: the key that leaves the point out.
    """
    try:
        point = _whole(swept, space, {})
        check(point)
    except InputError as error:
        return None, f"the configuration's own values are not tried first: {error}"
    values = " ".join(f"{key}={as_override(value)}" for key, value in point.items())
    return point, (
        f"the configuration's own values are tried first: {values} ({name}=false leaves them out)"
    )


def _whole(swept: ComposedSweep, space: Space, given: Mapping[str, Any]) -> dict[str, Any]:
    """The point with these values; others are the configuration's own. Raises InputError."""
    own = {group: swept.settings.runtime.choices.get(group) for group in swept.groups}
    choices = tuple(given.get(group, own[group]) for group in swept.groups)
    base = swept.bases.get(choices) if all(isinstance(c, str) for c in choices) else None
    if base is None:  # a choice is outside of the space, and `complete` says which
        groups = {group: space[group] for group in swept.groups}
        return complete({k: v for k, v in given.items() if k in groups}, own, groups)
    base = copy.deepcopy(base)
    composed = {key: _composed(base, key) for key in space if key not in swept.groups}
    own |= {key: value for key, value in composed.items() if value is not _ABSENT}
    typed = {
        key: cast(base, key, value) if composed.get(key, _ABSENT) is not _ABSENT else value
        for key, value in given.items()
    }
    return complete(typed, own, space)


def _composed(base: DictConfig, key: str) -> Any:
    if OmegaConf.select(base, key, default=_ABSENT) is _ABSENT:
        return _ABSENT
    return selected(base, key)
