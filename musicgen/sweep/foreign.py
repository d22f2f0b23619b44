"""Trials that Optuna (its API or its dashboard) put into the study between two starts.

An enqueued point becomes a trial of the sweep. A trial that was added or ended becomes a row. A
trial that does not fit the space is refused before anything is written.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState

from musicgen.errors import InputError, Remedy
from musicgen.sweep.plan import Plan
from musicgen.sweep.space import applies, decided, distributions
from musicgen.sweep.trial import COMPLETED, FAILED, PRUNED, Result

ENQUEUED = "fixed_params"
"""Optuna's attribute of a trial: the values of an enqueued point. Some may be missing."""
ADVICE = "; take it out of the study again"


def check(trials: Iterable[FrozenTrial], plan: Plan, own: Iterable[int]) -> None:
    """Raise InputError for the first trial that is outside of the space or lacks a value.

    own: the numbers of the trials that the sweep itself has ended.
    """
    known, own = distributions(plan.space), set(own)
    for trial in trials:
        for key, value in _values(trial).items():
            if not _fits(value, known.get(key)):
                rule = f"must be of {plan.space[key]}" if key in known else "is not swept"
                raise InputError(
                    f"trial {trial.number} of the study was made by Optuna itself, and its {key} "
                    f"{rule}, got {value!r}{ADVICE}",
                    Remedy.OTHER_SWEEP,
                )
        if not trial.state.is_finished() or trial.number in own:
            continue
        point: dict[str, Any] = {}
        for key in decided(plan.space):
            if key in trial.params:
                point[key] = plan.space[key].decode(trial.params[key])
            elif applies(plan.space[key], point):
                raise InputError(
                    f"trial {trial.number} of the study was ended by Optuna itself, and must have "
                    f"a value of {key}, got none{ADVICE}",
                    Remedy.OTHER_SWEEP,
                )
        if plan.seeds > 1 and trial.state == TrialState.COMPLETE:
            raise InputError(
                f"trial {trial.number} of the study was ended by Optuna itself with one value, and "
                f"seeds={plan.seeds} needs one of each seed{ADVICE}",
                Remedy.OTHER_SWEEP,
            )


def take_up(storage: BaseStorage, trials: Iterable[FrozenTrial], plan: Plan) -> bool:
    """Make enqueued points running trials; returns whether there were any."""
    known, found = distributions(plan.space), False
    for trial in trials:
        if trial.state == TrialState.WAITING:
            found = True
            storage.set_trial_state_values(trial._trial_id, TrialState.RUNNING)
            for key, value in _values(trial).items():
                if key not in trial.params:
                    internal = known[key].to_internal_repr(value)
                    storage.set_trial_param(trial._trial_id, key, internal, known[key])
    return found


def result(trial: FrozenTrial, objectives: Iterable[str]) -> Result:
    """The result of a trial that Optuna itself has ended."""
    if trial.state == TrialState.COMPLETE:
        return {"status": COMPLETED, **dict(zip(objectives, trial.values, strict=True))}
    if trial.state == TrialState.PRUNED:
        return {"status": PRUNED}
    return {"status": FAILED, "error": "ended as failed by Optuna itself"}


def _values(trial: FrozenTrial) -> Mapping[str, Any]:
    enqueued = trial.system_attrs.get(ENQUEUED, {}) if trial.state == TrialState.WAITING else {}
    return {**enqueued, **trial.params}


def _fits(value: Any, distribution: BaseDistribution | None) -> bool:
    try:
        return distribution is not None and distribution._contains(
            distribution.to_internal_repr(value)
        )
    except (ValueError, TypeError):
        return False
