"""Bases: the configurations from which trials start, one for each choice of the swept groups."""

import copy
from collections.abc import Mapping
from dataclasses import MISSING as REQUIRED
from dataclasses import replace
from typing import Any

from omegaconf import MISSING, DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from musicgen.config import composition, following, record, schema
from musicgen.config.following import Following, interpolates
from musicgen.config.keys import Config, TrainConfig
from musicgen.config.overrides import flatten
from musicgen.config.unfit import unfit
from musicgen.errors import InputError
from musicgen.sweep.plan import Settings
from musicgen.sweep.space import Choice, Dimension, Float, Space, applies, ends
from musicgen.workflows.composed_sweep import Choices, ComposedSweep
from musicgen.workflows.initial import model_keys


def converted(swept: ComposedSweep) -> Space:
    """The space with every value in its key's type (150 as 150.0 if the type is float).

    Raises InputError.
    """
    space = dict(swept.space)
    for key, dimension in swept.space.items():
        if key not in swept.groups:
            composed = next(
                base for choices, base in swept.bases.items() if _applies(swept, dimension, choices)
            )
            space[key] = _typed(composed, key, dimension)
    return space


def checked_bases(swept: ComposedSweep, space: Space) -> dict[Choices, TrainConfig]:
    """The bases, with swept keys at their first values. Raises InputError."""
    bases = {}
    for choices, composed in swept.bases.items():
        base = copy.deepcopy(composed)
        for key, values in _open(swept, space, choices).items():
            _set(base, key, values[0])
        bases[choices] = composition.checked(base, TrainConfig)
    return bases


def followed(
    swept: ComposedSweep, space: Space, drivers: tuple[str, ...]
) -> dict[Choices, Following]:
    """The keys that follow swept keys, by the groups' choices.

    drivers: the prefixes of keys of the sweep as a whole. Raises InputError if such a key follows a
    swept key.
    """
    found = {}
    for choices, composed in swept.bases.items():
        values = _open(swept, space, choices)
        if made := following.following(composed, values):
            for key in made.texts:
                if key.startswith(drivers):
                    leader = made.leaders[key][0]
                    raise InputError(
                        f"{key} is of the sweep as a whole, so it cannot follow {leader}, "
                        f"which is swept; give {key} a value"
                    )
            found[choices] = made
    return found


def settings(
    swept: ComposedSweep,
    space: Space,
    bases: Mapping[Choices, TrainConfig],
    follows: Mapping[Choices, Following],
) -> tuple[Settings, ...]:
    """All settings of a trial that are not in the space, for each choice of the groups.

    Interpolations of swept keys stay unresolved. Keys of the model that follow a swept `init` are
    left out.
    """
    many = len(bases) > 1
    open_keys = [key for key in space if key not in swept.groups]
    open_keys += model_keys() if "init" in space else ()
    keys = tuple(f"{key}." for key in open_keys)
    found = []
    for choices, base in bases.items():
        values = record.compared(base)
        if choices in follows:
            values |= follows[choices].texts
        kept = {key: v for key, v in values.items() if not f"{key}.".startswith(keys)}
        found.append(Settings(kept, choices if many else ()))
    return tuple(found)


def usual() -> dict[str, str]:
    """The values, as text, of keys that older configurations lack."""
    fields = {key: field.default for key, field in schema.known(Config).items()}
    return {key: str(v) for key, v in fields.items() if v not in (REQUIRED, MISSING)}


def _applies(swept: ComposedSweep, dimension: Dimension, choices: Choices) -> bool:
    return applies(dimension, dict(zip(swept.groups, choices, strict=True)))


def _open(swept: ComposedSweep, space: Space, choices: Choices) -> dict[str, tuple[Any, ...]]:
    """The values (of a range the ends) of each key that is swept with these choices of groups."""
    return {
        key: values
        for key, values in ends(space).items()
        if key not in swept.groups and _applies(swept, space[key], choices)
    }


def _set(composed: DictConfig, key: str, value: Any) -> None:
    for name, part in flatten({key: value}).items():
        OmegaConf.update(composed, name, part)


def _typed(composed: DictConfig, key: str, dimension: Dimension) -> Dimension:
    composed = copy.deepcopy(composed)
    if isinstance(dimension, Choice):
        values = tuple(cast(composed, key, value) for value in dimension.values)
        try:
            return replace(dimension, values=values)
        except InputError as error:
            raise InputError(f"{key}: {error}") from None
    try:
        low = cast(composed, key, dimension.low)
    except InputError as error:
        whole = "; whole numbers are int(interval(...))" if isinstance(dimension, Float) else ""
        raise InputError(f"{error}{whole}") from None
    if type(low) is type(dimension.low):
        return dimension
    if isinstance(low, float):
        high, step = float(dimension.high), None if dimension.log else dimension.step
        return Float(low, high, dimension.log, step, dimension.order, dimension.only)
    values = tuple(cast(composed, key, value) for value in dimension.ordered() or ())
    return Choice(values, dimension.only)


def cast(composed: DictConfig, key: str, value: Any) -> Any:
    """The value in its key's type; an interpolation is kept. The value is also set in `composed`.

    Raises InputError.
    """
    if interpolates(value):
        return value
    try:
        _set(composed, key, value)
        if isinstance(value, Mapping):
            return {name: cast(composed, f"{key}.{name}", part) for name, part in value.items()}
        return following.selected(composed, key)
    except OmegaConfBaseException as error:
        raise InputError(f"{unfit(error, key, value)}; --help says what {key} takes") from None
