"""What a sweep tells whoever looks on: events as they happen, and where it stands."""

from collections.abc import Callable
from dataclasses import dataclass

from musicgen.sweep.results import Row
from musicgen.sweep.trial import Decision, Job, Result


@dataclass(frozen=True)
class Started:
    """A run was handed to a worker; `attempt` counts from 0."""

    job: Job
    attempt: int


@dataclass(frozen=True)
class Judged:
    """A run reported its value after a step, and was told what to do."""

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
    """Where a sweep stands, counted in configurations."""

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
    """At the pace of this session; None before its first configuration is done."""

    @property
    def done(self) -> int:
        return self.completed + self.pruned + self.diverged + self.failed
