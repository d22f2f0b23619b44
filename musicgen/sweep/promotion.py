"""Promotion: a trial pauses at each rung, and goes on once it is among the best there.

ASHA as Li et al. (2020) describe it (algorithm 2). A rung is a number of steps. A free worker
takes the best paused trial among the top 1/eta of its rung, from the highest rung down; without
one, it begins a new trial. So no trial goes on for want of others to compare it with.

Everything here follows from what trials have reported. A resumed sweep has the same paused trials.
"""

import logging
import math
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence, Set
from typing import Any

from optuna import Study
from optuna.pruners import HyperbandPruner, NopPruner
from optuna.study import StudyDirection

from musicgen.sweep.judges import Course, Judge, Share

log = logging.getLogger(__name__)
Place = tuple[float, int]
"""A trial's value at a rung (lower is better) and its number."""


class Ladder:
    """The rungs of one bracket, with the trials that have reached each, and those that wait there.

    rungs: the steps, ascending. eta: a rung's best 1/eta are promoted.
    """

    def __init__(self, rungs: Sequence[int], eta: int) -> None:
        self.rungs = rungs
        self._eta = eta
        self._reached: list[list[Place]] = [[] for _ in rungs]
        """The trials that have reached each rung, best first."""
        self._waiting: list[list[Place]] = [[] for _ in rungs]
        """Those of them that are paused there, best first."""

    def enter(self, rung: int, place: Place) -> None:
        """Record that a trial has reached a rung."""
        insort(self._reached[rung], place)

    def wait(self, rung: int, place: Place) -> None:
        """Pause a trial at a rung that it has reached."""
        insort(self._waiting[rung], place)

    def leave(self, rung: int, place: Place) -> None:
        """Let a paused trial go on, or end."""
        self._waiting[rung].remove(place)

    def best(self, share: Share, busy: Set[int] = frozenset()) -> int | None:
        """The number of the trial to go on next; None if no paused trial may.

        busy: the numbers of trials that can't, because their workers have not let go of them yet.
        """
        for reached, waiting in zip(reversed(self._reached), reversed(self._waiting), strict=True):
            place = next((place for place in waiting if place[1] not in busy), None)
            if place is None:
                continue
            most = {
                Share.BEST: len(reached) // self._eta,
                Share.ONE: max(1, len(reached) // self._eta),
                Share.ALL: len(reached),
            }[share]
            if bisect_left(reached, place) < most:
                return place[1]
        return None


class Promotion(Judge, NopPruner):
    """Pauses trials at rungs and promotes the best of them; gives up those with NaN.

    rungs: the steps after which trials pause, ascending. reduction_factor: a rung's best
    1/reduction_factor are promoted.
    """

    def __init__(self, rungs: Sequence[int], reduction_factor: int) -> None:
        self._rungs, self._eta = tuple(rungs), reduction_factor
        self._recalled: list[Course] = []
        self._ladders: list[Ladder] = []
        self._waits: dict[int, tuple[Ladder, int, Place]] = {}
        """The ladder, the rung and the place of each paused trial, by number."""

    def recall(self, courses: Iterable[Course]) -> None:
        self._recalled = list(courses)

    @property
    def paused(self) -> Set[int]:
        return self._waits.keys()

    def judge(self, study: Study, course: Course) -> bool:
        self.begin(study)
        step = max(course.values)
        ladder = self._ladder(study, course)
        while len(course.rungs) < len(ladder.rungs) and step >= ladder.rungs[len(course.rungs)]:
            if math.isnan(course.values[step]):
                return True
            course.rungs.append(course.values[step])
            ladder.enter(len(course.rungs) - 1, _place(study, course))
        self._pause(study, course)
        if ladder.best(Share.BEST) == course.number:  # it would only be paused to go on at once
            self.release(course.number)
        return False

    def promote(self, share: Share, busy: Set[int] = frozenset()) -> int | None:
        for ladder in self._ladders:
            if (number := ladder.best(share, busy)) is not None:
                self.release(number)
                return number
        return None

    def release(self, number: int) -> None:
        if number in self._waits:
            ladder, rung, place = self._waits.pop(number)
            ladder.leave(rung, place)

    def begin(self, study: Study) -> None:
        """Make the ladders, and put the trials of an earlier start on them."""
        if self._ladders:
            return
        if not self._rungs:
            log.warning(
                "nothing is pruned: the first rung, min_resource, is not before the last step"
            )
        self._ladders = self._made(study)
        recalled, self._recalled = self._recalled, []
        for course in recalled:
            ladder = self._ladder(study, course)
            for rung, value in enumerate(course.rungs):
                ladder.enter(rung, _place(study, course, value))
            self._pause(study, course)

    def _pause(self, study: Study, course: Course) -> None:
        """Pause a trial whose last report has brought it to a rung."""
        ladder, rung = self._ladder(study, course), len(course.rungs) - 1
        at_rung = rung >= 0 and sum(s >= ladder.rungs[rung] for s in course.values) == 1
        if at_rung and not course.over:
            place = _place(study, course)
            ladder.wait(rung, place)
            self._waits[course.number] = ladder, rung, place

    def _made(self, study: Study) -> list[Ladder]:
        return [Ladder(self._rungs, self._eta)]

    def _ladder(self, study: Study, course: Course) -> Ladder:
        return self._ladders[0]


class Brackets(Promotion, HyperbandPruner):
    """Hyperband by promotion: ladders that begin at different rungs (Li et al. 2018).

    The number of a trial says which ladder it climbs. Optuna's class decides that, because Optuna's
    samplers ask it.
    """

    def __init__(
        self, rungs: Sequence[int], reduction_factor: int, min_resource: int, max_resource: int
    ) -> None:
        Promotion.__init__(self, rungs, reduction_factor)
        HyperbandPruner.__init__(self, min_resource, max_resource, reduction_factor)

    def _made(self, study: Study) -> list[Ladder]:
        self._try_initialization(study)
        brackets = max(1, len(self._pruners))  # none if no step is as large as min_resource
        return [Ladder(self._rungs[first:], self._eta) for first in range(brackets)]

    def _ladder(self, study: Study, course: Course) -> Ladder:
        trial: Any = course  # Optuna reads only the number of a trial
        return self._ladders[self._get_bracket_id(study, trial)]


def _place(study: Study, course: Course, value: float | None = None) -> Place:
    value = course.rungs[-1] if value is None else value
    return -value if study.direction == StudyDirection.MAXIMIZE else value, course.number
