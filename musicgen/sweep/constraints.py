"""Constraints: bounds of result columns, which a configuration should keep to be the best."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from musicgen.errors import SettingError

BREAKS = "breaks"
"""A column: the constraints that a row breaks, with its figures."""
ATTRIBUTE = "constraints:{}"
"""Optuna's name for the attribute of a trial that holds a constraint's value; see
`Trial.set_constraint`."""
_WRITTEN = re.compile(r"\s*([^<>=\s]+)\s*(<=|>=|<|>)\s*(\S+)\s*")


@dataclass(frozen=True)
class Constraint:
    """A bound of a result, such as `parameters<=200000`."""

    column: str
    operator: str
    """One of <=, >=, <, >."""
    bound: float

    def excess(self, row: Mapping[str, Any]) -> float | None:
        """How far a row's figure is beyond the bound: above 0 if the constraint is broken; None if
        the row has no such figure."""
        value = row.get(self.column)
        if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value):
            return None
        beyond = value - self.bound if "<" in self.operator else self.bound - value
        strict = "=" not in self.operator
        return float(math.ulp(self.bound) if strict and beyond == 0 else beyond)

    def __str__(self) -> str:
        return f"{self.column}{self.operator}{self.bound:.17g}"


def parsed(given: Any) -> tuple[Constraint, ...]:
    """Constraints from a list of texts. Raises SettingError."""
    texts = given if isinstance(given, list | tuple) else [given]
    found = []
    for text in texts:
        match = _WRITTEN.fullmatch(str(text))
        bound = _number(match[3]) if match else math.nan
        if match is None or not math.isfinite(bound):
            raise SettingError(
                "constraints must be results with bounds (<=, >=, <, >) in quotes, such as "
                f'"parameters<=200000", got {text}'
            )
        found.append(Constraint(match[1], match[2], bound))
    return tuple(found)


def broken(constraints: Iterable[Constraint], row: Mapping[str, Any]) -> str:
    """The constraints that a row breaks, with its figures, as text; empty if it keeps all."""
    return "; ".join(
        f"{each}: {row[each.column]:.6g}" for each in constraints if (each.excess(row) or 0) > 0
    )


def attributes(constraints: Iterable[Constraint], row: Mapping[str, Any]) -> dict[str, float]:
    """Optuna's attributes of a trial with this row. A figure that the row lacks breaks nothing."""
    return {ATTRIBUTE.format(each): each.excess(row) or 0.0 for each in constraints}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
