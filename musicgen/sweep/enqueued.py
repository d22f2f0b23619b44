"""Enqueued points: configurations that a sweep tries before all others."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from musicgen.errors import InputError
from musicgen.sweep.space import Float, Point, Space, applies, decided


def listed(given: Any, name: str, whole: Callable[[Mapping[str, Any]], Point]) -> tuple[Point, ...]:
    """The points of a list of dictionaries.

    name: the setting that holds the list. whole: returns the point of a dictionary, or raises
    InputError. Raises InputError with the number of the wrong point, from 1.
    """
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise InputError(f"{name} must be a list of points, got {given}; [{{key: value}}, ...]")
    points = []
    for number, values in enumerate(given, start=1):
        if not isinstance(values, Mapping) or not values:
            raise InputError(
                f"{name} must have points such as {{key: value}}, got {values!r} as point {number}"
            )
        try:
            points.append(whole(values))
        except InputError as error:
            raise InputError(f"{name}, point {number}: {error}") from None
    return tuple(points)


def complete(given: Mapping[str, Any], own: Mapping[str, Any], space: Space) -> dict[str, Any]:
    """A point of the space with these values.

    own: the values that keys take which are not given; a key with one value in the space needs
    none. Raises InputError, which does not name the point, if a value is missing or lies outside of
    the space.
    """
    if unknown := [key for key in given if key not in space]:
        raise InputError(f"keys must be swept ones ({', '.join(space)}), got {unknown[0]}")
    found: dict[str, Any] = {}
    for key in decided(space):
        dimension = space[key]
        if not applies(dimension, found):
            if key in given:
                raise InputError(f"{key} applies to {dimension.only}; leave it out")
            continue
        values = dimension.finite()
        if key in given:
            value, whose = given[key], ""
        elif values is not None and len(values) == 1:
            value, whose = values[0], ""
        elif key in own:
            value, whose = own[key], ", as the configuration has it"
        else:
            raise InputError(f"{key} must be given, of {dimension}")
        if not _holds(dimension.contains, value):
            raise InputError(f"{key} must be of {dimension}, got {value}{whose}")
        found[key] = float(value) if isinstance(dimension, Float) else value
    return {key: found[key] for key in space if key in found}


def _holds(contains: Any, value: Any) -> bool:
    try:
        return bool(contains(value))
    except TypeError:  # a value that JSON does not have
        return False
