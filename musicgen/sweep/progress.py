"""Events and state of a sweep, as its observers see them."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from musicgen.sweep.plan import Plan
from musicgen.sweep.results import Row, may_be_best, rank
from musicgen.sweep.trial import COMPLETED, DIVERGED, FAILED, PRUNED, Decision, Job, Result


@dataclass(frozen=True)
class Started:
    """A run was handed to a worker; `attempt` counts from 0."""

    job: Job
    attempt: int


@dataclass(frozen=True)
class Judged:
    """A run reported its value after a step and got a decision."""

    job: Job
    step: int
    value: float
    decision: Decision


@dataclass(frozen=True)
class Finished:
    """A run is over. again: whether it failed and will be tried again."""

    job: Job
    result: Result
    again: bool


Observer = Callable[[Started | Judged | Finished], None]
"""The driver calls it between two events, so it must be quick."""


@dataclass(frozen=True)
class Progress:
    """The state of a sweep, counted in configurations."""

    total: int
    running: int
    paused: int
    completed: int
    pruned: int
    diverged: int
    failed: int
    best: Row | None
    """The best completed configuration's row, by the first objective."""
    elapsed_s: float
    left_s: float | None
    """Estimated seconds to the end, at the speed of this session; None before its first
    configuration is done, and while the last ones run. A paused configuration counts as done."""

    @property
    def done(self) -> int:
        return self.completed + self.pruned + self.diverged + self.failed


@dataclass(frozen=True)
class Outcome:
    """The end of a sweep."""

    rows: list[Row]
    """One row per configuration, best first."""
    interrupted: bool
    """Whether the sweep was stopped on request; the same call resumes it."""
    importances: Mapping[str, float]
    """The share of each parameter in what makes a trial good; empty with too few trials."""
    failures: Counter[str] = field(default_factory=Counter)
    """The number of failed configurations by reason."""
    timed_out: bool = False
    """Whether the plan's time was over before all trials were done; the same call resumes it."""


class Tally:
    """Counts configurations as they end, and keeps the best row."""

    def __init__(self, plan: Plan) -> None:
        self._plan, self._total = plan, plan.total
        self._statuses: dict[int, str] = {}
        self._best: Row | None = None
        self._begun = time.monotonic()
        self._before = 0

    def count(self, row: Row) -> None:
        """Count a configuration that has ended, by its row; again if it has got more seeds."""
        self._statuses[row["number"]] = row["status"]
        ranking = self._plan.objectives, self._plan.seeds
        if may_be_best(row) and (
            self._best is None or rank(row, *ranking) < rank(self._best, *ranking)
        ):
            self._best = row

    def begin(self, total: int) -> None:
        """Measure the speed from now on. Earlier counts belong to earlier sessions.

        total: the number of configurations, which enqueued points may have made larger.
        """
        self._total = total
        self._before = len(self._statuses)
        self._begun = time.monotonic()

    def progress(self, running: int, paused: int) -> Progress:
        counts = Counter(tuple(self._statuses.values()))
        settled = counts.total() + paused
        elapsed = time.monotonic() - self._begun
        here = settled - self._before
        left = max(0, self._total - settled)
        return Progress(
            total=self._total,
            running=running,
            paused=paused,
            completed=counts[COMPLETED],
            pruned=counts[PRUNED],
            diverged=counts[DIVERGED],
            failed=counts[FAILED],
            best=self._best,
            elapsed_s=elapsed,
            left_s=elapsed / here * left if here > 0 and not (paused and not left) else None,
        )
