"""How much each swept key matters."""

from collections.abc import Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import get_param_importances
from optuna.trial import create_trial

from musicgen.sweep.plan import Direction
from musicgen.sweep.results import Row
from musicgen.sweep.space import Choice, Dimension, Space
from musicgen.sweep.trial import COMPLETED, PAUSED, PRUNED

ENOUGH = 10
"""The number of trials below which an importance would be a guess."""
TOLD = (COMPLETED, PRUNED, PAUSED)
"""The states of rows that have a figure, of their last epoch if they were cut short."""


def importances(
    rows: Sequence[Row], space: Space, objective: str, direction: Direction
) -> dict[str, float]:
    """The share of each key in what makes a trial good, 0 to 1, largest first.

    The shares are PED-ANOVA's (Watanabe et al., 2023), as in Optuna. The result is empty if there
    are too few trials with a figure. The shares are computed from the table, so that they also
    exist for a sweep that still runs, and for one whose study is in a database. PED-ANOVA asks
    which trials are the best tenth, so the order of the rows is enough (`_places`).
    """
    done = [
        row for row in rows if row["status"] in TOLD and isinstance(row.get(objective), int | float)
    ]
    places = _places(done, objective, direction)
    if len(done) < ENOUGH or len(set(places)) == 1:
        return {}
    # A key that does not apply to a configuration has no value there.
    values = {key: [row[key] for row in done if row.get(key) is not None] for key in space}
    found = {key: _distribution(values[key], dimension) for key, dimension in space.items()}
    known = {key: distribution for key, distribution in found.items() if distribution is not None}
    if not known:
        return {}
    optuna.logging.disable_default_handler()
    study = optuna.create_study(direction="minimize")
    for row, place in zip(done, places, strict=True):
        own = {key: known[key] for key in known if row.get(key) is not None}
        params = {
            key: str(row[key]) if isinstance(d, CategoricalDistribution) else row[key]
            for key, d in own.items()
        }
        study.add_trial(create_trial(params=params, distributions=own, value=place))
    return dict(get_param_importances(study))


def _places(rows: Sequence[Row], objective: str, direction: Direction) -> list[int]:
    """The place of each row, best first, equal rows at equal places.

    A row that was cut short comes behind all completed ones, those of more epochs first: figures
    after different epochs do not compare. Optuna's TPE has the same order.
    """
    sign = -1 if direction == "maximize" else 1
    keys = [
        (False, 0.0, sign * row[objective])
        if row["status"] == COMPLETED
        else (True, -_epochs(row), sign * row[objective])
        for row in rows
    ]
    order = {key: place for place, key in enumerate(sorted(set(keys)))}
    return [order[key] for key in keys]


def _epochs(row: Row) -> float:
    found = row.get("epochs")
    return found if isinstance(found, int | float) else 0


def _distribution(values: Sequence[Any], dimension: Dimension) -> BaseDistribution | None:
    """The range or the choices that the rows of a sweep span; None if all values are equal."""
    if len(set(values)) < 2:
        return None
    numbers = all(isinstance(value, int | float) for value in values)
    if isinstance(dimension, Choice) or not numbers:
        return CategoricalDistribution(sorted({str(value) for value in values}))
    low, high = min(values), max(values)
    return FloatDistribution(low, high, log=dimension.log and low > 0)
