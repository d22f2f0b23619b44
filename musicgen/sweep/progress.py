"""Events and state of a sweep, for its observers."""

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from musicgen.sweep.plan import Plan
from musicgen.sweep.results import Row, rank
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
    """A run is over; `again` if it failed and will be tried once more."""

    job: Job
    result: Result
    again: bool


Observer = Callable[[Started | Judged | Finished], None]
"""Called by the driver between two events, so it must be quick."""


@dataclass(frozen=True)
class Progress:
    """The state of a sweep, counted in configurations."""

    total: int
    running: int
    completed: int
    pruned: int
    diverged: int
    failed: int
    best: Row | None
    """The best completed configuration's row, by the first objective."""
    elapsed_s: float
    left_s: float | None
    """At the speed of this session; None before its first configuration is done."""

    @property
    def done(self) -> int:
        return self.completed + self.pruned + self.diverged + self.failed


@dataclass(frozen=True)
class Outcome:
    """The end of a sweep."""

    rows: list[Row]
    """One per configuration, best first."""
    interrupted: bool
    """Stopped on request; the same call resumes it."""
    importances: Mapping[str, float]
    """Each parameter's share in what makes a good trial; empty if there are too few trials."""
    failures: Counter[str] = field(default_factory=Counter)
    """How many configurations failed, by reason."""
    timed_out: bool = False
    """The plan's time was over before all was done; the same call resumes it."""


class Tally:
    """Counts configurations as they end, and keeps the best."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._counts: Counter[str] = Counter()
        self._best: Row | None = None
        self._begun = time.monotonic()
        self._before = 0

    def count(self, row: Row) -> None:
        """Count a configuration that has ended, by its row."""
        self._counts[row["status"]] += 1
        objectives = self._plan.objectives
        if row["status"] == COMPLETED and (
            self._best is None or rank(row, objectives) < rank(self._best, objectives)
        ):
            self._best = row

    def begin(self) -> None:
        """Earlier counts belong to earlier sessions; the speed is measured from here."""
        self._before = sum(self._counts.values())
        self._begun = time.monotonic()

    def progress(self, running: int) -> Progress:
        done = sum(self._counts.values())
        elapsed = time.monotonic() - self._begun
        here = done - self._before
        return Progress(
            total=self._plan.total,
            running=running,
            completed=self._counts[COMPLETED],
            pruned=self._counts[PRUNED],
            diverged=self._counts[DIVERGED],
            failed=self._counts[FAILED],
            best=self._best,
            elapsed_s=elapsed,
            left_s=elapsed / here * max(0, self._plan.total - done) if here else None,
        )
