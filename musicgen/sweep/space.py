"""The search space: what is varied, from where to where."""

import hashlib
import itertools
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from musicgen.errors import InputError


@dataclass(frozen=True)
class Choice:
    """One of some values: None, bools, numbers, strings, or lists and dicts of such."""

    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise InputError("a choice must have at least one value, got none")
        seen: set[str] = set()
        for value in self.values:
            try:
                text = json.dumps(value)
            except TypeError:
                raise InputError(f"a choice must be of plain values, got {value!r}") from None
            if text in seen:
                raise InputError(f"a choice must have each value once, got {text} again")
            seen.add(text)

    def finite(self) -> tuple[Any, ...]:
        return self.values

    def distribution(self) -> CategoricalDistribution:
        return CategoricalDistribution(self._stored)

    def encode(self, value: Any) -> Any:
        return self._stored[self._texts.index(json.dumps(value))]

    def decode(self, stored: Any) -> Any:
        return self.values[self._stored.index(stored)]

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        """The values as JSON, which tells 1, 1.0 and True apart."""
        return tuple(json.dumps(value) for value in self.values)

    @cached_property
    def _stored(self) -> tuple[Any, ...]:
        """The values as Optuna can hold them, each different from the others under `==`."""
        scalars = all(v is None or isinstance(v, str | int | float) for v in self.values)
        if scalars and len(set(self.values)) == len(self.values):
            return self.values
        return self._texts

    def __str__(self) -> str:
        return json.dumps(self.values)


@dataclass(frozen=True)
class Float:
    """A range of real numbers, both ends included; with `step` only low, low + step, ..."""

    low: float
    high: float
    log: bool = False
    step: float | None = None

    def __post_init__(self) -> None:
        _check_range(self)
        if self.log and self.step is not None:
            raise InputError(f"a range has log or a step, not both, got {self}")

    def finite(self) -> tuple[float, ...] | None:
        if self.step is None:
            return None
        # In decimals: 0.1 + 0.1 + 0.1 must be the 0.3 that the user would have written.
        low, step = Decimal(str(self.low)), Decimal(str(self.step))
        count = int((Decimal(str(self.high)) - low) / step) + 1
        return tuple(float(low + i * step) for i in range(count))

    def distribution(self) -> FloatDistribution:
        values = self.finite()
        high = values[-1] if values else self.high
        return FloatDistribution(self.low, high, log=self.log, step=self.step)

    def encode(self, value: float) -> float:
        return value

    def decode(self, stored: float) -> float:
        return stored

    def __str__(self) -> str:
        return _describe(self)


@dataclass(frozen=True)
class Int:
    """A range of whole numbers, both ends included."""

    low: int
    high: int
    log: bool = False
    step: int = 1

    def __post_init__(self) -> None:
        _check_range(self)
        if self.log and self.step != 1:
            raise InputError(f"a range has log or a step, not both, got {self}")

    def finite(self) -> tuple[int, ...]:
        return tuple(range(self.low, self.high + 1, self.step))

    def distribution(self) -> IntDistribution:
        high = self.low + (self.high - self.low) // self.step * self.step
        return IntDistribution(self.low, high, log=self.log, step=self.step)

    def encode(self, value: int) -> int:
        return value

    def decode(self, stored: int) -> int:
        return stored

    def __str__(self) -> str:
        return _describe(self)


Dimension = Choice | Float | Int
Space = Mapping[str, Dimension]
"""Dimensions by the key that they set, in the order of the sweep."""


def grid(space: Space) -> Iterator[dict[str, Any]]:
    """Every point once, the last key turning fastest.

    Raises InputError if a range is continuous.
    """
    keys, axes = list(space), []
    for key, dimension in space.items():
        values = dimension.finite()
        if values is None:
            raise InputError(
                f"{key} must be a list of values for sampler=grid, got {dimension}; "
                "give a step or take another sampler"
            )
        axes.append(values)
    return (dict(zip(keys, point, strict=True)) for point in itertools.product(*axes))


def grid_size(space: Space) -> int:
    """The number of points of `grid(space)`, without making them."""
    return math.prod(len(dimension.finite() or ()) for dimension in space.values())


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The space as Optuna knows it."""
    return {key: dimension.distribution() for key, dimension in space.items()}


def describe(space: Space) -> dict[str, str]:
    """Each dimension as text, for comparison and for people."""
    return {key: str(dimension) for key, dimension in space.items()}


def digest(space: Space) -> str:
    """Eight hex digits that name the space: same keys, values and order, same digest."""
    return hashlib.sha256(json.dumps(describe(space)).encode()).hexdigest()[:8]


def _check_range(dimension: Float | Int) -> None:
    if not dimension.low <= dimension.high:
        raise InputError(f"a range must go from low to high, got {dimension}")
    if dimension.log and dimension.low <= 0:
        raise InputError(f"a log range must begin above 0, got {dimension}")
    if dimension.step is not None and dimension.step <= 0:
        raise InputError(f"a range's step must be above 0, got {dimension}")


def _describe(dimension: Float | Int) -> str:
    step = "" if dimension.step in (None, 1) else f", step {dimension.step}"
    log = ", log" if dimension.log else ""
    kind = float if isinstance(dimension, Float) else int
    return f"{kind(dimension.low)} to {kind(dimension.high)}{step}{log}"
