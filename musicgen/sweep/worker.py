"""A worker: one objective, then job after job until its driver is gone.

Messages to it: jobs, answers to reports, and STOP at any time. Messages from it: that a job has
begun, reports and results.
"""

import gc
import os
import pickle
import queue
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any

from musicgen.sweep.trial import FAILED, Decision, Job, Objective, Result, Trial

BEGIN, REPORT, END = "begin", "report", "end"
"""From the worker: (BEGIN,), (REPORT, step, value), (END, result, whether the GPU's memory was too
small)."""
ANSWER, STOP = "answer", "stop"
"""To the worker: (ANSWER, decision), (STOP,); a Job travels as it is."""


class Worker:
    """One end of the line to the driver; a thread listens, the main thread works."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._trials: queue.SimpleQueue[Trial] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Decision] = queue.SimpleQueue()
        self._trial: Trial | None = None

    def serve(self, objective: Objective) -> None:
        """Run jobs until one fails; the process ends with its driver."""
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            trial = self._trials.get()
            self._connection.send((BEGIN,))
            result = run(objective, trial)
            self._connection.send((END, result, trial.out_of_memory))
            if result["status"] == FAILED:
                return  # what broke may be for good, as a CUDA context: a fresh fork takes over
            # A trainer's cycles may hold a network each, and are few: the collector, who counts
            # objects and not bytes, would let fifty of them wait (4 MB each: 100 MB in 25 trials).
            gc.collect()

    def _report(self, step: int, value: float) -> Decision:
        self._connection.send((REPORT, step, value))
        return self._answers.get()

    def _listen(self) -> None:
        try:
            while True:
                message = self._connection.recv()
                if isinstance(message, Job):
                    # Made here, so that a STOP right behind the job finds its trial.
                    self._trial = Trial(message, self._report)
                    self._trials.put(self._trial)
                elif message[0] == ANSWER:
                    self._answers.put(message[1])
                elif (trial := self._trial) is not None:
                    trial.decision = Decision.STOP
        except (EOFError, OSError):
            os._exit(0)  # the driver is gone; the checkpoint on disk is all that matters


def load(data: bytes) -> Objective:
    """The objective from the driver's pickle, ready for its first trial."""
    objective: Objective = pickle.loads(data)  # noqa: S301 - from our own driver
    if (prepare := getattr(objective, "prepare", None)) is not None:
        prepare()
    return objective


def run(objective: Objective, trial: Trial) -> Result:
    """The objective's result as plain scalars; whatever it raises becomes status `failed`."""
    with open(trial.folder / "output.log", "ab", buffering=0) as log:
        # At the level of descriptors, so that native libraries don't write over the live table.
        os.dup2(log.fileno(), sys.__stdout__.fileno())  # type: ignore[union-attr]
        os.dup2(log.fileno(), sys.__stderr__.fileno())  # type: ignore[union-attr]
    try:
        return {
            key: value for key, raw in objective(trial).items() if _is_scalar(value := _plain(raw))
        }
    except BaseException as error:
        # BaseException: a library that calls sys.exit must not take the worker with it.
        traceback.print_exc()
        trial.out_of_memory = _of_memory(error)
        return {"status": FAILED, "error": one_line(error)}
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def one_line(error: BaseException) -> str:
    """`ValueError: first line of the message`; out of memory is said in words."""
    if isinstance(error, MemoryError):
        return "out of memory"
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _of_memory(error: BaseException) -> bool:
    """Whether it says that a GPU's memory was too small, in PyTorch's words or its libraries'."""
    said = str(error)
    return type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError)
        and ("CUDA error: out of memory" in said or "STATUS_ALLOC_FAILED" in said)
    )


def _plain(value: Any) -> Any:
    """A scalar of numpy or torch as Python's own: the driver must not need their libraries."""
    if not isinstance(value, str | int | float | bool) and getattr(value, "shape", None) == ():
        return value.item()
    return value


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)
