"""Proposals of a sampler for the next trials, each at a point without a trial."""

from collections import deque
from collections.abc import Mapping
from typing import Any

import optuna
from optuna.pruners import _filter_study
from optuna.trial import FrozenTrial, Trial

from musicgen.sweep.plan import Plan
from musicgen.sweep.samplers import GRID, RANDOM, make_sampler, seed_for
from musicgen.sweep.space import Point, applies, decided, distributions, grid, grid_size, identity

MOST = 16
"""The number of proposals at known points after which the next free point is taken instead."""


class Proposals:
    """Points for the trials of one study. The sampler is asked for one key at a time, so that it is
    not asked for keys that do not apply (Optuna's define-by-run)."""

    def __init__(self, plan: Plan, study: optuna.Study, *, new: bool) -> None:
        """study: the study as its sampler sees it (`evidence`). new: whether no trial ever began;
        only then the plan's own point is first."""
        self._plan = plan
        self._study = study
        self._distributions = distributions(plan.space)
        self._conditional = any(dimension.only is not None for dimension in plan.space.values())
        self._seen: set[str] = set()
        own = () if plan.own is None or plan.sampler == GRID or not new else (plan.own,)
        self._first = deque[Point]((*own, *plan.enqueued))
        """Points that are tried first; some may have a trial."""

    def __len__(self) -> int:
        """The number of different points that have a trial."""
        return len(self._seen)

    def knows(self, point: Mapping[str, Any]) -> bool:
        """Whether a trial with this point's configuration exists."""
        return self._plan.name(point) in self._seen

    def room(self) -> bool:
        """Whether a point without a trial may exist. The plan's total may count points that turn
        out to be the same configuration."""
        if self._plan.name is identity or not grid_size(self._plan.space):
            return True
        return not all(map(self.knows, grid(self._plan.space)))

    def note(self, point: Mapping[str, Any]) -> None:
        """Record the point of a trial."""
        self._seen.add(self._plan.name(point))

    def waiting(self) -> list[Point]:
        """The points that are tried first and have no trial, each once."""
        found = {self._plan.name(point): point for point in self._first}
        return [point for name, point in found.items() if name not in self._seen]

    def first(self) -> Point | None:
        """The next point that is tried before the sampler proposes any; None if there is none."""
        while self._first and self.knows(self._first[0]):
            self._first.popleft()
        return self._first[0] if self._first else None

    def introduce(self, number: int) -> None:
        """Let the sampler note a trial at a point that it has not proposed. A genetic algorithm
        gives the trial a generation when it is asked for a proposal, and has no others for
        parents."""
        if self._plan.sampler != GRID:
            self._renew_sampler(number)
            storage, study_id = self._study._storage, self._study._study_id
            trial_id = storage.get_trial_id_from_study_id_trial_number(study_id, number)
            _ = Trial(self._study, trial_id).relative_params

    def begin(self, number: int) -> dict[str, Any]:
        """Begin the trial with this number, and return its point, which no other trial has.

        If there is no `room`, the point is the sampler's proposal although a trial has it.
        """
        self._renew_sampler(number)
        trial = self._study.ask()
        point = self._proposed(trial)
        for again in range(1, MOST):
            if not self.knows(point):
                break
            # A sampler that has converged keeps proposing the same point; later tries are random.
            self._renew_sampler(number, again)
            point = self._proposed(Trial(self._study, trial._trial_id))
        if self.knows(point) and grid_size(self._plan.space):
            left = (other for other in grid(self._plan.space) if not self.knows(other))
            point = next(left, point)
        for key, value in point.items():
            self._store(trial._trial_id, key, self._plan.space[key].encode(value))
        return point

    def whole(self, trial: FrozenTrial) -> dict[str, Any]:
        """The point of a trial. Values that were not stored because of a kill are sampled now."""
        found: dict[str, Any] = {}
        for key in decided(self._plan.space):
            dimension = self._plan.space[key]
            if key in trial.params:
                found[key] = dimension.decode(trial.params[key])
            elif applies(dimension, found):
                self._renew_sampler(trial.number)
                stored = self._sampled(trial, key)
                self._store(trial._trial_id, key, stored)
                found[key] = dimension.decode(stored)
        return self._in_order(found)

    def _proposed(self, trial: Trial) -> dict[str, Any]:
        """A proposal of the sampler. Unlike `Trial.suggest_float` it stores nothing, because
        another trial may have this point."""
        proposed: dict[str, Any] = {}
        frozen = trial.storage.get_trial(trial._trial_id)
        for key in decided(self._plan.space):
            dimension, distribution = self._plan.space[key], self._distributions[key]
            if not applies(dimension, proposed):
                continue
            if distribution.single():
                proposed[key] = (dimension.finite() or ())[0]
                continue
            if trial._is_relative_param(key, distribution):
                stored = trial.relative_params[key]
            else:
                stored = self._sampled(frozen, key)
            proposed[key] = dimension.decode(stored)
            frozen.params[key], frozen.distributions[key] = stored, distribution
        return self._in_order(proposed)

    def _sampled(self, trial: FrozenTrial, key: str) -> Any:
        study = _filter_study(self._study, trial)
        return self._study.sampler.sample_independent(study, trial, key, self._distributions[key])

    def _store(self, trial_id: int, key: str, stored: Any) -> None:
        distribution = self._distributions[key]
        internal = distribution.to_internal_repr(stored)
        self._study._storage.set_trial_param(trial_id, key, internal, distribution)

    def _in_order(self, point: Mapping[str, Any]) -> dict[str, Any]:
        return {key: point[key] for key in self._plan.space if key in point}

    def _renew_sampler(self, number: int, again: int = 0) -> None:
        """Make a new sampler for the next proposal of a trial. After half of MOST proposals it
        draws at random."""
        plan = self._plan
        if plan.sampler != GRID:
            usual = again <= MOST // 2
            self._study.sampler = make_sampler(
                plan.sampler if usual else RANDOM,
                seed=seed_for(plan.seed, number, again),
                conditional=self._conditional,
                **(plan.sampler_settings if usual else {}),
            )
