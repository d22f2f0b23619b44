"""The interface between the driver and the place where trials run.

One suite of tests, in tests/sweep, tests every executor.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cloudpickle

from musicgen.errors import InputError
from musicgen.sweep.trial import Decision, Job, Objective, Result
from musicgen.sweep.worker import one_line

LOG = "workers.log"
"""The file in the sweep's folder that gets what workers print outside of trials."""


@dataclass(frozen=True)
class Reported:
    """A trial has reported its value after a step, and waits for `decide`."""

    job: Job
    step: int
    value: float
    last: bool = False
    """Whether this was the trial's last step."""


@dataclass(frozen=True)
class Ended:
    """A trial is over. If its worker died, the status is `failed`, with the reason."""

    job: Job
    result: Result


Event = Reported | Ended


class Executor(Protocol):
    """Runs jobs on workers; a worker runs many jobs. All methods but `wake` are called from one
    thread."""

    def start(self, objective: Objective, folder: Path) -> None:
        """Send the objective to the workers. folder: gets the workers' own log."""

    @property
    def workers(self) -> int:
        """The number of workers that exist or will be started."""

    @property
    def free(self) -> int:
        """The number of further jobs that would begin without waiting."""

    def submit(self, job: Job) -> None:
        """Run a job on a free worker, which is started or replaced if necessary."""

    def wait(self, timeout_s: float | None) -> Sequence[Event]:
        """Sleep until an event occurs, `wake` is called or the time is over; returns the events.

        timeout_s: seconds; None: no limit. Raises RunError if workers can't start.
        """

    def decide(self, job: Job, decision: Decision) -> None:
        """Answer a Reported event. It is no error if the worker has died meanwhile."""

    def stop(self) -> None:
        """Tell every running trial to stop at its next checkpoint."""

    def wake(self) -> None:
        """End a `wait` early. Safe in a signal handler and from any thread."""

    def close(self, *, kill: bool = False) -> None:
        """End all workers. kill: end them at once, without waiting for their jobs."""


def packed(objective: Objective) -> bytes:
    """The objective as bytes for the workers.

    An objective that workers can't import is packed by value, with all that it uses: one from
    `__main__`, from a notebook cell or from inside a function. Any other is packed by reference.
    Raises InputError if the objective can't be packed.
    """
    try:
        return bytes(cloudpickle.dumps(objective))
    except Exception as error:  # a class may raise anything when it is pickled
        raise InputError(
            f"the objective must be something that can travel to workers ({one_line(error)}); make "
            "inside it what cannot (a lock, an open file, a connection)"
        ) from None
