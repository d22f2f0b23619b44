"""A trial as it travels: the driver's job, the objective's view of it, the decisions between."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

Scalar = str | int | float | bool | None
Result = dict[str, Scalar]
"""What one run gave: `status`, the objectives by name, whatever else is worth a column."""

COMPLETED, PRUNED, DIVERGED, INTERRUPTED, FAILED = (
    "completed",
    "pruned",
    "diverged",
    "interrupted",
    "failed",
)
STATUSES = (COMPLETED, PRUNED, DIVERGED, INTERRUPTED, FAILED)
OUT_OF_MEMORY = "out of memory"
"""Stands in the error of a run for which there was not enough of it."""


def untrainable(result: Result) -> bool:
    """Whether a run failed for what was to be trained: it diverged, or no memory holds it."""
    out_of_memory = OUT_OF_MEMORY in str(result.get("error")).lower()
    return result["status"] == DIVERGED or (result["status"] == FAILED and out_of_memory)


class Decision(Enum):
    """The driver's word to a running trial."""

    CONTINUE = "continue"
    PRUNE = "prune"
    """Not worth finishing: return with status `pruned`."""
    STOP = "stop"
    """The sweep stops: keep the checkpoint and return with status `interrupted`."""


@dataclass(frozen=True)
class Job:
    """One run of one configuration, as the driver hands it out."""

    number: int
    """The trial's number in the study, and its folder's name."""
    run: int
    """Which of the configuration's seeds this is, from 0."""
    seed: int
    params: Mapping[str, Any]
    folder: Path
    decision: Decision = Decision.CONTINUE
    """PRUNE if that was decided before the driver was killed."""

    @property
    def key(self) -> tuple[int, int]:
        return self.number, self.run


class Trial:
    """What an objective sees of its job.

    A folder that isn't empty holds an earlier life of the same trial, killed or failed:
    go on from the checkpoint there.
    """

    in_sweep = True
    """Whether a driver hears the reports; false outside of a sweep (`context.current_trial`)."""

    def __init__(self, job: Job, report: Callable[[int, float, bool], Decision]) -> None:
        self.number = job.number
        self.run = job.run
        self.seed = job.seed
        self.params = dict(job.params)
        self.folder = job.folder
        self.decision = job.decision
        """The latest word: look here for why `should_stop` is true."""
        self.told = Decision.CONTINUE
        """The latest word that the objective has asked for, by `report` or `should_stop`."""
        self.out_of_memory = False
        """Whether it failed because a GPU's memory was too small."""
        self._report = report

    def report(self, step: int, value: float, *, last: bool = False) -> Decision:
        """Tell the driver the first objective's value after `step` (from 1), learn what to do.

        Blocks until the answer is there (a millisecond, unless the driver is busy sampling).
        A step that an earlier life of the trial reported already is not judged again.
        last: no step is left, so the trial is not given up.
        """
        answer = self._report(step, float(value), last)
        if last and self.decision is Decision.PRUNE:
            self.decision = Decision.CONTINUE
        if self.decision is Decision.CONTINUE:
            self.decision = answer
        self.told = self.decision
        return self.decision

    def should_stop(self) -> bool:
        """Whether to stop at the next good moment; costs nothing, ask as often as you like."""
        self.told = self.decision
        return self.told is not Decision.CONTINUE


Objective = Callable[[Trial], Mapping[str, Any]]
"""One training. It travels by reference from a module that a worker can import, else by value.

Returns at least `status` (one of STATUSES) and, when completed, the objectives by name.
Whatever it raises is recorded as a failure of that trial. If it has a method `prepare()`, that is
called once before all trials: what takes long to import belongs there.
"""
