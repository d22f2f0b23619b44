"""The study as its sampler sees it, including configurations that could not be trained.

Such trials end as FAIL in Optuna, and Optuna's samplers ignore these. A search would then not learn
to avoid learning rates that diverge, or networks that are too large for the memory. Here samplers
see such trials as completed and infeasible, with a value worse than all others. The stored study
does not change.

Samplers see paused trials as pruned ones, with what they have reported, and trials that wait for
further seeds as completed ones. To Optuna both are running, and its samplers keep away from those.
"""

import copy
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from optuna.storages import BaseStorage
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

CONSTRAINT = "constraints:trained"
"""Optuna's attribute for a constraint; a value above 0 means that it is violated."""
MARGIN = 0.1
"""The distance of such a value from the worst other value, as a share of the others' range."""

SHOWN = (TrialState.RUNNING, TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
"""The states of which some trials are shown differently, or in which some are shown."""


class Evidence:
    """The storage of a study as samplers see it. Only the reading of trials differs from the
    storage.

    bad: says whether a search should avoid configurations that ended with this result. seen: a
    running trial as samplers should see it. earlier: finished trials of another sweep, with numbers
    below 0, which samplers see before those of the storage. bounds: the attributes of constraints
    that all finished trials have, with their values where a trial has none.
    """

    def __init__(
        self,
        storage: BaseStorage,
        bad: Callable[[FrozenTrial], bool],
        seen: Callable[[FrozenTrial], FrozenTrial],
        earlier: Sequence[FrozenTrial] = (),
        bounds: Mapping[str, float] | None = None,
    ) -> None:
        self._storage = storage
        self._earlier = list(earlier)
        self._bounds = dict(bounds or {})
        self._bad = bad
        self._seen = seen
        self._judged: dict[int, bool] = {}
        """The answers of `bad` about failed trials, by number; they do not change."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)

    def get_all_trials(
        self,
        study_id: int,
        deepcopy: bool = True,
        states: Container[TrialState] | None = None,
    ) -> list[FrozenTrial]:
        if states is not None and not any(state in states for state in SHOWN):
            return self._storage.get_all_trials(study_id, deepcopy=deepcopy, states=states)
        trials = self._earlier + self._storage.get_all_trials(study_id, deepcopy=False)
        trials = [self._seen(t) if t.state == TrialState.RUNNING else t for t in trials]
        bad = {t.number for t in trials if t.state == TrialState.FAIL and self._is_bad(t)}
        done = [t.values for t in trials if t.state == TrialState.COMPLETE] if bad else []
        worst = None
        if done:  # without a completed trial, no point is better than another
            worst = _worse(done, self._storage.get_study_directions(study_id))
        if done or self._bounds:
            told = [worst if trial.number in bad else None for trial in trials]
            bounds = self._bounds | ({CONSTRAINT: -1.0} if done else {})
            trials = [_shown(t, w, bounds) for t, w in zip(trials, told, strict=True)]
        chosen = [trial for trial in trials if states is None or trial.state in states]
        return copy.deepcopy(chosen) if deepcopy else chosen

    def _is_bad(self, trial: FrozenTrial) -> bool:
        if trial.number not in self._judged:
            self._judged[trial.number] = self._bad(trial)
        return self._judged[trial.number]


def _worse(done: Sequence[Sequence[float]], directions: Sequence[StudyDirection]) -> list[float]:
    """A value for each objective that is worse than all values in `done`."""
    values = []
    for column, direction in zip(zip(*done, strict=True), directions, strict=True):
        low, high = min(column), max(column)
        margin = MARGIN * ((high - low) or abs(high) or 1.0)
        values.append(low - margin if direction == StudyDirection.MAXIMIZE else high + margin)
    return values


def _shown(
    trial: FrozenTrial, worst: list[float] | None, bounds: Mapping[str, float]
) -> FrozenTrial:
    """A finished trial with all constraints. If it could not be trained, its values are `worst`."""
    if worst is None and trial.state not in (TrialState.COMPLETE, TrialState.PRUNED):
        return trial
    shown = copy.copy(trial)
    shown.system_attrs = {**bounds, **trial.system_attrs}
    if worst is not None:
        shown.state, shown.values = TrialState.COMPLETE, worst
        shown.system_attrs[CONSTRAINT] = 1.0
    return shown
