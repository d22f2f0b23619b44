"""Where trials run, seen from the driver. One suite tests every executor: tests/sweep."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cloudpickle

from musicgen.errors import InputError
from musicgen.sweep.trial import Decision, Job, Objective, Result
from musicgen.sweep.worker import one_line


@dataclass(frozen=True)
class Reported:
    """A trial told its value after a step, and waits for `decide`."""

    job: Job
    step: int
    value: float
    last: bool = False
    """No step is left to the trial."""


@dataclass(frozen=True)
class Ended:
    """A trial is over. A worker that died is a result too: `failed`, with the reason."""

    job: Job
    result: Result


Event = Reported | Ended


class Executor(Protocol):
    """Runs jobs on workers that outlive them. Used from one thread, `wake` excepted."""

    def start(self, objective: Objective, folder: Path) -> None:
        """Take the objective to the workers; `folder` is for the workers' own log."""

    @property
    def workers(self) -> int:
        """How many there are, or will be."""

    @property
    def free(self) -> int:
        """How many more jobs would run at once."""

    def submit(self, job: Job) -> None:
        """Run a job on a free worker; starts or replaces the worker if need be."""

    def wait(self, timeout_s: float | None) -> Sequence[Event]:
        """Sleep until something happened, `wake` was called or the time is up.

        Raises RunError if workers can't start.
        """

    def decide(self, job: Job, decision: Decision) -> None:
        """Answer a Reported; a worker that died meanwhile is not an error."""

    def stop(self) -> None:
        """Tell every running trial to stop at its next good moment."""

    def wake(self) -> None:
        """End a `wait` early; safe in a signal handler and from any thread."""

    def close(self, *, kill: bool = False) -> None:
        """End all workers; `kill` does not wait for anything."""


def packed(objective: Objective) -> bytes:
    """The objective as it travels: by value, with all that it uses, where no worker could import
    it (from `__main__`, a notebook's cell, inside a function), else by reference.

    Raises InputError if it can't travel.
    """
    try:
        return bytes(cloudpickle.dumps(objective))
    except Exception as error:  # whatever a class says of its own pickling
        raise InputError(
            f"the objective must be something that can travel to workers ({one_line(error)}); make "
            "inside it what cannot (a lock, an open file, a connection)"
        ) from None
