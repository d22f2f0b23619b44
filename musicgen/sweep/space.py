"""The search space: the varied keys and their ranges."""

import hashlib
import itertools
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any, Literal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from musicgen.errors import InputError


@dataclass(frozen=True)
class Only:
    """The condition of a key that applies at some values of another key."""

    key: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.key}={','.join(self.values)}"


@dataclass(frozen=True)
class Choice:
    """One of several values: None, bools, numbers, strings, or lists and dicts of these.

    The items of `values` are the choices. An item that is a tuple or a list is one value: a trial
    of Choice([(0.9, 0.99), (0.8, 0.9)]) gets one of the two pairs.
    """

    values: Sequence[Any]
    """The choices in their order; a list becomes a tuple."""
    only: Only | None = None
    """The condition under which the key applies; None: always."""

    def __post_init__(self) -> None:
        if not isinstance(self.values, Sequence) or isinstance(self.values, str):
            raise InputError(
                f"a choice must be of a list or a tuple of values, got {self.values!r}; "
                f"write Choice([{self.values!r}, ...])"
            )
        object.__setattr__(self, "values", tuple(self.values))
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
        return tuple(self.values)

    def ordered(self) -> tuple[Any, ...]:
        return tuple(self.values)

    def contains(self, value: Any) -> bool:
        return json.dumps(value) in self._texts

    def distribution(self) -> CategoricalDistribution:
        return CategoricalDistribution(self._stored)

    def encode(self, value: Any) -> Any:
        return self._stored[self._texts.index(json.dumps(value))]

    def decode(self, stored: Any) -> Any:
        return self.values[self._stored.index(stored)]

    @cached_property
    def _texts(self) -> tuple[str, ...]:
        """The values as JSON, which distinguishes 1, 1.0 and True."""
        return tuple(json.dumps(value) for value in self.values)

    @cached_property
    def _stored(self) -> tuple[Any, ...]:
        """The values as Optuna can store them; no two of them are equal under `==`."""
        scalars = all(v is None or isinstance(v, str | int | float) for v in self.values)
        if scalars and len(set(self.values)) == len(self.values):
            return tuple(self.values)
        return self._texts

    def __str__(self) -> str:
        return json.dumps(self.values)


Order = Literal["up", "down", "shuffled"]
"""The order in which a grid visits a range."""


class Steps(Sequence[Any]):
    """`count` numbers from `low` on. Each is computed on request, as a range may have millions."""

    def __init__(self, low: float, step: float, count: int, order: Order = "up") -> None:
        # Decimals, because 0.1 + 0.1 + 0.1 must be the 0.3 that a user would write.
        self._low, self._step = Decimal(str(low)), Decimal(str(step))
        self._kind = int if isinstance(low, int) and isinstance(step, int) else float
        self._count = count
        self._order = order
        # A stride near the golden section separates neighbours; a coprime one visits all places.
        stride = max(1, round(count * 0.618))
        while math.gcd(stride, count) > 1:
            stride += 1
        self._stride = stride

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        place = range(self._count)[index]
        if self._order == "down":
            place = self._count - 1 - place
        elif self._order == "shuffled":
            place = (place + self._count // 2) * self._stride % self._count
        return self._kind(self._low + place * self._step)

    def __contains__(self, value: object) -> bool:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        place, rest = divmod(Decimal(str(value)) - self._low, self._step)
        return rest == 0 and 0 <= place < self._count

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)


@dataclass(frozen=True)
class Float:
    """A range of real numbers, both ends included; with `step` the values low, low + step, ..."""

    low: float
    high: float
    log: bool = False
    step: float | None = None
    order: Order = "up"
    only: Only | None = None

    def __post_init__(self) -> None:
        _check_range(self)
        if self.log and self.step is not None:
            raise InputError(f"a range has log or a step, not both, got {self}")

    def finite(self) -> Sequence[float] | None:
        """The values, lowest first; None if the range is continuous."""
        return self._steps("up")

    def ordered(self) -> Sequence[float] | None:
        """The values in the order of a grid."""
        return self._steps(self.order)

    def _steps(self, order: Order) -> Steps | None:
        if self.step is None:
            return Steps(float(self.low), 1, 1) if self.low == self.high else None
        width = Decimal(str(self.high)) - Decimal(str(self.low))
        return Steps(float(self.low), self.step, int(width / Decimal(str(self.step))) + 1, order)

    def contains(self, value: Any) -> bool:
        values = self.finite()
        if values is not None:
            return value in values
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high

    def distribution(self) -> FloatDistribution:
        values = self.finite()
        high = values[-1] if values else self.high
        return FloatDistribution(self.low, high, log=self.log, step=self.step)

    def encode(self, value: float) -> float:
        return value

    def decode(self, stored: float) -> float:
        """The value of a proposal by Optuna. In a stepped range it is rounded to decimals: 0.3, not
        0.30000000000000004."""
        values = self.finite()
        if values is None or self.step is None:
            return stored
        return float(values[round((stored - self.low) / self.step)])

    def __str__(self) -> str:
        return _describe(self)


@dataclass(frozen=True)
class Int:
    """A range of whole numbers, both ends included."""

    low: int
    high: int
    log: bool = False
    step: int = 1
    order: Order = "up"
    only: Only | None = None

    def __post_init__(self) -> None:
        _check_range(self)
        if self.log and self.step != 1:
            raise InputError(f"a range has log or a step, not both, got {self}")

    def finite(self) -> Sequence[int]:
        """The values, lowest first."""
        return self._steps("up")

    def ordered(self) -> Sequence[int]:
        """The values in the order of a grid."""
        return self._steps(self.order)

    def _steps(self, order: Order) -> Steps:
        return Steps(self.low, self.step, (self.high - self.low) // self.step + 1, order)

    def contains(self, value: Any) -> bool:
        return isinstance(value, int) and value in self.finite()

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
"""The dimension of each swept key, in the order of the sweep."""


Point = Mapping[str, Any]
"""The value of each key that applies at this point."""


def applies(dimension: Dimension, point: Point) -> bool:
    """Whether a key applies at a point. The point has a value for the key it depends on."""
    only = dimension.only
    return only is None or point.get(only.key) in only.values


def decided(space: Space) -> list[str]:
    """The keys in an order in which each key follows the one that it depends on."""
    return sorted(space, key=lambda key: space[key].only is not None)


def varied(space: Space) -> list[str]:
    """The keys that have more than one value."""
    values = {key: dimension.finite() for key, dimension in space.items()}
    return [key for key, found in values.items() if found is None or len(found) > 1]


def ends(space: Space) -> dict[str, tuple[Any, ...]]:
    """The values of each key; for a range its two ends."""
    return {
        key: dimension.finite()
        if isinstance(dimension, Choice)
        else (dimension.low, dimension.high)
        for key, dimension in space.items()
    }


def identity(point: Point) -> str:
    """A text that is equal for two points exactly if they have the same values."""
    return json.dumps(point, sort_keys=True)


def grid(space: Space) -> Iterator[dict[str, Any]]:
    """Every point once, the last key changing fastest; a key is left out where it does not apply.

    Raises InputError if a range is continuous.
    """
    axes: dict[str, Sequence[Any]] = {}
    for key, dimension in space.items():
        values = dimension.ordered()
        if values is None:
            raise InputError(
                f"{key} must be a list of values for sampler=grid, got {dimension}; "
                "give a step or take another sampler"
            )
        axes[key] = values
    return points(space, axes)


def points(space: Space, axes: Mapping[str, Iterable[Any]]) -> Iterator[dict[str, Any]]:
    """Every combination of the given values of each key, in the order of `grid`."""
    return _points(space, axes, {}, ())


def _points(
    space: Space, axes: Mapping[str, Iterable[Any]], begun: dict[str, Any], moved: tuple[str, ...]
) -> Iterator[dict[str, Any]]:
    """The points with this beginning.

    moved: keys that have another value than their first, before the key they depend on has a value.
    If such a key turns out not to apply, the point was visited already.
    """
    if len(begun) == len(axes):
        yield {key: value for key, value in begun.items() if applies(space[key], begun)}
        return
    key = next(itertools.islice(axes, len(begun), None))
    only = space[key].only
    if only is not None and only.key in begun and not applies(space[key], begun):
        yield from _points(space, axes, {**begun, key: None}, moved)
        return
    early = only is not None and only.key not in begun
    for place, value in enumerate(axes[key]):
        now = {**begun, key: value}
        waiting = [k for k in moved if getattr(space[k].only, "key", None) == key]
        if all(applies(space[k], now) for k in waiting):
            yield from _points(space, axes, now, (*moved, key) if early and place else moved)


def grid_size(space: Space) -> int:
    """The number of points of `grid(space)`, which is not iterated; 0 if a range is continuous."""
    parents = {dimension.only.key for dimension in space.values() if dimension.only is not None}
    rest = [dimension for key, dimension in space.items() if key not in parents]
    size = 0
    for point in points(space, {key: space[key].finite() or () for key in parents}):
        sizes = [len(d.finite() or ()) for d in rest if applies(d, point)]
        if 0 in sizes:  # one choice with a continuous key makes the whole space infinite
            return 0
        size += math.prod(sizes)
    return size


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The space as Optuna's distributions."""
    return {key: dimension.distribution() for key, dimension in space.items()}


def describe(space: Space) -> dict[str, str]:
    """Each dimension as text, for comparison and for people."""
    return {key: str(dimension) for key, dimension in space.items()}


def digest(space: Space) -> str:
    """Eight hex digits that identify the space by its keys, values and order."""
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
