"""A trial between driver and worker: the job, the objective's view of it, and the decisions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

Scalar = str | int | float | bool | None
Result = dict[str, Scalar]
"""The results of one run: `status`, the objectives by name, and other columns of the table."""

COMPLETED, PRUNED, DIVERGED, PAUSED, INTERRUPTED, FAILED = (
    "completed",
    "pruned",
    "diverged",
    "paused",
    "interrupted",
    "failed",
)
STATUSES = (COMPLETED, PRUNED, DIVERGED, PAUSED, INTERRUPTED, FAILED)
OUT_OF_MEMORY = "out of memory"
"""The words in the error of a run that ran out of memory."""


def untrainable(result: Result) -> bool:
    """Whether the configuration made a run fail: it diverged, or its network needs more memory than
    there is."""
    out_of_memory = OUT_OF_MEMORY in str(result.get("error")).lower()
    return result["status"] == DIVERGED or (result["status"] == FAILED and out_of_memory)


class Decision(Enum):
    """What a running trial should do, as the driver decides."""

    CONTINUE = "continue"
    PRUNE = "prune"
    """The trial is given up: return with status `pruned`."""
    PAUSE = "pause"
    """Others go first: save a checkpoint and return with status `paused`. The trial may go on from
    there later, in any worker. Only an objective that `pauses` gets this decision."""
    STOP = "stop"
    """The sweep stops: save a checkpoint and return with status `interrupted`."""


@dataclass(frozen=True)
class Job:
    """One run of one configuration, as the driver hands it out."""

    number: int
    """The trial's number in the study, and its folder's name."""
    run: int
    """The index of the run among the configuration's seeds, from 0."""
    seed: int
    params: Mapping[str, Any]
    folder: Path
    decision: Decision = Decision.CONTINUE
    """PRUNE if the pruner gave the trial up before the driver was killed."""

    @property
    def key(self) -> tuple[int, int]:
        return self.number, self.run


class Trial:
    """The objective's view of its job.

    If `folder` is not empty, the same trial was killed or failed before: resume from the checkpoint
    in it.
    """

    in_sweep = True
    """Whether reports reach a driver; false outside of a sweep (`context.current_trial`)."""

    def __init__(self, job: Job, report: Callable[[int, float, bool], Decision]) -> None:
        self.number = job.number
        self.run = job.run
        self.seed = job.seed
        self.params = dict(job.params)
        self.folder = job.folder
        self.decision = job.decision
        """The latest decision; it is the reason why `should_stop` is true."""
        self.decision_read = Decision.CONTINUE
        """The latest decision that the objective has read, by `report` or `should_stop`."""
        self.out_of_memory = False
        """Whether the trial failed because a GPU's memory was too small."""
        self._report = report

    def report(self, step: int, value: float, *, last: bool = False) -> Decision:
        """Report the first objective's value after `step` (from 1); returns the driver's decision.

        The call blocks until the answer arrives (a millisecond, unless the driver is sampling).
        A step that the trial reported before it was killed or failed is not judged again.
        last: whether no step is left; the trial is then not given up.
        """
        answer = self._report(step, float(value), last)
        if last and self.decision in (Decision.PRUNE, Decision.PAUSE):
            self.decision = Decision.CONTINUE
        if self.decision is Decision.CONTINUE:
            self.decision = answer
        self.decision_read = self.decision
        return self.decision

    def should_stop(self) -> bool:
        """Whether to stop at the next checkpoint. The call costs nothing and may be frequent."""
        self.decision_read = self.decision
        return self.decision_read is not Decision.CONTINUE


Objective = Callable[[Trial], Mapping[str, Any]]
"""One training. It is sent to workers by reference if they can import its module, else by value.

It returns at least `status` (one of STATUSES) and, when completed, the objectives by name. An
exception is recorded as a failure of that trial. A method `prepare()`, if there is one, is called
once before all trials; slow imports belong there. An attribute `pauses` that is true says that a
trial keeps a checkpoint at each report, so that it can be paused.
"""
