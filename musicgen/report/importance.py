"""How much each swept key matters."""

from collections.abc import Sequence

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution
from optuna.importance import get_param_importances
from optuna.trial import create_trial

from musicgen.sweep.results import Row
from musicgen.sweep.trial import COMPLETED

ENOUGH = 10
"""Completed trials below which an importance would be a guess."""


def importances(
    rows: Sequence[Row], logarithmic: dict[str, bool], objective: str, direction: str
) -> dict[str, float]:
    """Each key's share in what makes a trial a good one, largest first; empty if there is no say.

    PED-ANOVA (Watanabe et al., 2023), as in Optuna. It is computed from the table, so that a sweep
    that still runs, and one whose study lies in a database, have it too.
    logarithmic: the swept keys, and whether they were tried on a logarithmic scale.
    """
    done = [
        row
        for row in rows
        if row["status"] == COMPLETED and isinstance(row.get(objective), int | float)
    ]
    if len(done) < ENOUGH or len({row[objective] for row in done}) == 1:
        return {}
    space = {key: _distribution(done, key, log) for key, log in logarithmic.items()}
    space = {key: found for key, found in space.items() if found is not None}
    optuna.logging.disable_default_handler()
    study = optuna.create_study(direction=direction)
    study.add_trials(
        create_trial(
            params={key: row[key] if _numeric(space[key]) else str(row[key]) for key in space},
            distributions=space,
            value=row[objective],
        )
        for row in done
    )
    return dict(get_param_importances(study)) if space else {}


def _distribution(rows: Sequence[Row], key: str, log: bool) -> BaseDistribution | None:
    """The range or the choices that the rows show; None where nothing varies."""
    values = [row.get(key) for row in rows]
    if len(set(values)) < 2:
        return None
    numbers = [value for value in values if isinstance(value, int | float)]
    if len(numbers) < len(values):
        return CategoricalDistribution(sorted({str(value) for value in values}))
    return FloatDistribution(min(numbers), max(numbers), log=log and min(numbers) > 0)


def _numeric(distribution: BaseDistribution) -> bool:
    return isinstance(distribution, FloatDistribution)
