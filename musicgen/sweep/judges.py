"""Judges: they decide after each report whether a trial is given up.

Optuna's pruners read every trial for each judgement: 2.3 ms at 10,000 trials with median. The
judges here are the same pruners, with a few sorted numbers kept in memory. A judgement takes some
microseconds for any number of trials. The tests compare each decision with Optuna's.
"""

import copy
import math
from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Set
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from optuna import Study
from optuna.pruners import (
    BasePruner,
    HyperbandPruner,
    MedianPruner,
    NopPruner,
    SuccessiveHalvingPruner,
)
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

RUNG = "completed_rung_{}"
"""Optuna's name for the attribute of a trial that holds its value at a rung."""


@dataclass
class Course:
    """What a trial has reported so far."""

    number: int
    values: dict[int, float] = field(default_factory=dict)
    """The values that it reported, by step."""
    rungs: list[float] = field(default_factory=list)
    """Its value at each rung that it has reached."""
    completed: bool = False
    over: bool = False
    """Whether no step is left to it, because it has reported its last one or has ended."""

    @classmethod
    def of(cls, trial: FrozenTrial) -> "Course":
        """The course of a trial in Optuna's storage."""
        attributes, rungs = trial.system_attrs, list[float]()
        while (key := RUNG.format(len(rungs))) in attributes:
            rungs.append(attributes[key])
        completed, over = trial.state == TrialState.COMPLETE, trial.state.is_finished()
        return cls(trial.number, dict(trial.intermediate_values), rungs, completed, over)


class Share(Enum):
    """How many of the trials that wait at a rung may go on."""

    BEST = "best"
    """The rung's best 1/eta, as long as the search goes on."""
    ONE = "one"
    """At least the rung's best one, when nothing else is left: the winner reaches its end."""
    ALL = "all"
    """Every trial, the best first, as long as a budget lasts."""


class Judge(BasePruner):
    """The interface of all judges. This class gives up no trial, and pauses none."""

    def recall(self, courses: Iterable[Course]) -> None:
        """Record the trials that the study has at its start. Call it once, before all others."""

    def complete(self, course: Course) -> None:
        """Record a trial that has completed."""

    def judge(self, study: Study, course: Course) -> bool:
        """Whether to give up a trial, by the value at its highest step.

        Adds the rungs that the trial has reached to its course. If the trial is to pause, it is in
        `paused` afterwards.
        """
        return False

    def begin(self, study: Study) -> None:
        """Prepare `paused` and `promote`. Called once, after `recall`."""

    @property
    def paused(self) -> Set[int]:
        """The numbers of the trials that are paused, until `promote` or `release`."""
        return frozenset()

    def promote(self, share: Share, busy: Set[int] = frozenset()) -> int | None:
        """The number of the paused trial that goes on next; None if none may.

        busy: the numbers of trials that can't go on yet.
        """
        return None

    def release(self, number: int) -> None:
        """Record that a trial is not paused any more, if it was."""


class Never(Judge, NopPruner):
    """Gives up no trial."""


class Median(Judge, MedianPruner):
    """Gives up a trial whose best value is worse than the median of completed ones at its step."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._completed = 0
        self._reported: Counter[int] = Counter()
        """The number of completed trials that reported each step, with any value."""
        self._ranked: defaultdict[int, list[float]] = defaultdict(list)
        """The values of these trials at each step without NaN, lowest first."""

    def recall(self, courses: Iterable[Course]) -> None:
        for course in courses:
            if course.completed:
                self._count(course, list.append)
        for values in self._ranked.values():
            values.sort()

    def complete(self, course: Course) -> None:
        self._count(course, insort)

    def _count(self, course: Course, add: Callable[[list[float], float], None]) -> None:
        self._completed += 1
        self._reported.update(course.values.keys())
        for step, value in course.values.items():
            if not math.isnan(value):
                add(self._ranked[step], value)

    def judge(self, study: Study, course: Course) -> bool:
        step = max(course.values)
        if self._completed < max(1, self._n_startup_trials) or not self._due(step, course):
            return False
        values = [value for value in course.values.values() if not math.isnan(value)]
        if not values:
            return True
        ranked = self._ranked[step]
        if self._reported[step] < self._n_min_trials or not ranked:
            return False
        if study.direction == StudyDirection.MAXIMIZE:
            return max(values) < median(ranked)
        return min(values) > median(ranked)

    def _due(self, step: int, course: Course) -> bool:
        """Whether this is the trial's first report in an interval after the warm-up."""
        past = step - self._n_warmup_steps
        begin = step - past % self._interval_steps
        return past >= 0 and all(s == step or s < begin for s in course.values)


def median(ranked: list[float]) -> float:
    """The median of sorted values, equal to numpy's percentile to the last bit.

    If there is a middle value, numpy adds the next higher value times zero, which is NaN if that
    value is infinite.
    """
    middle = (len(ranked) - 1) // 2
    low, high = ranked[middle], ranked[min(middle + 1, len(ranked) - 1)]
    return low + (high - low) * 0.0 if len(ranked) % 2 else high - (high - low) * 0.5


class Halving(Judge, SuccessiveHalvingPruner):
    """Lets the best part of the trials at each rung go on to the next (ASHA)."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._longest = -1
        """The highest step of any completed trial; -1 if none has completed."""
        self._ranked: defaultdict[int, list[float]] = defaultdict(list)
        """The values of all trials at each rung, lowest first."""

    def recall(self, courses: Iterable[Course]) -> None:
        for course in courses:
            for rung, value in enumerate(course.rungs):
                self._ranked[rung].append(value)
            if course.completed:
                self.complete(course)
        for values in self._ranked.values():
            values.sort()

    def complete(self, course: Course) -> None:
        self._longest = max([self._longest, *course.values])

    def judge(self, study: Study, course: Course) -> bool:
        step = max(course.values)
        value = course.values[step]
        if self._min_resource is None:
            if self._longest < 0:
                return False
            self._min_resource = max(self._longest // 100, 1)
        while True:
            exponent = self._min_early_stopping_rate + len(course.rungs)
            if step < self._min_resource * self._reduction_factor**exponent:
                return False
            if math.isnan(value):
                return True
            ranked = self._ranked[len(course.rungs)]
            insort(ranked, value)
            course.rungs.append(value)
            promoted = max(len(ranked) // self._reduction_factor, 1)
            if study.direction == StudyDirection.MAXIMIZE:
                beaten = value < ranked[-promoted]
            else:
                beaten = value > ranked[promoted - 1]
            if beaten or len(ranked) <= self._bootstrap_count:
                return True


class Hyperband(Judge, HyperbandPruner):
    """Halvings that begin at different rungs. The number of a trial says which it belongs to.

    Optuna's samplers ask Optuna's class for the bracket of a trial, so that class makes brackets.
    """

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._recalled: list[Course] = []
        self._measured = False
        """Whether a trial has completed, so that the number of steps is known."""
        self._halvings: list[Halving] = []

    def recall(self, courses: Iterable[Course]) -> None:
        self._recalled = list(courses)
        for course in self._recalled:
            if course.completed:
                self.complete(course)

    def complete(self, course: Course) -> None:
        self._measured |= bool(course.values)

    def judge(self, study: Study, course: Course) -> bool:
        if not self._halvings:
            if self._max_resource == "auto" and not self._measured:
                return False
            self._try_initialization(study)
            self._halvings = [
                Halving(self._min_resource, self._reduction_factor, rung, self._bootstrap_count)
                for rung in range(len(self._pruners))
            ]
            for bracket, halving in enumerate(self._halvings):
                halving.recall(c for c in self._recalled if self._bracket(study, c) == bracket)
        if not self._halvings:
            return False  # no step is as large as min_resource
        return self._halvings[self._bracket(study, course)].judge(study, course)

    def _bracket(self, study: Study, course: Course) -> int:
        trial: Any = course  # Optuna reads only the number of a trial
        return self._get_bracket_id(study, trial)


class Theirs(Judge):
    """A judge around any pruner of Optuna, which reads all trials for each judgement."""

    def __init__(self, pruner: BasePruner) -> None:
        self._pruner = pruner

    def judge(self, study: Study, course: Course) -> bool:
        storage = study._storage
        identity = storage.get_trial_id_from_study_id_trial_number(study._study_id, course.number)
        trial = copy.copy(storage.get_trial(identity))
        trial.intermediate_values = dict(course.values)  # the study stores the last value later
        return self.prune(study, trial)

    def prune(self, study: Study, trial: FrozenTrial) -> bool:
        return self._pruner.prune(study, trial)
