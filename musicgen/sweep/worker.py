"""A worker: one objective, then job after job until one fails or its driver is gone.

Messages to it: jobs, answers to reports, and STOP at any time. Messages from it: that a job has
begun, reports and results. With the start method `spawn` it is a program of its own,
`python -m musicgen.sweep.worker <fd of its line> <fd of the packed objective>`.
"""

import ctypes
import gc
import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from typing import Any

from musicgen.sweep.context import running
from musicgen.sweep.trial import FAILED, OUT_OF_MEMORY, Decision, Job, Objective, Result, Trial

BEGIN, REPORT, END, BROKEN = "begin", "report", "end", "broken"
"""From the worker: (BROKEN, why) if it can't load the objective, else (BEGIN,),
(REPORT, step, value, last) and (END, result, whether the GPU's memory was too small)."""
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
        """Run jobs until one fails; the process ends with its driver.

        What failed may have broken the process for good (a CUDA context, a native library), so
        the next job is for a fresh one.
        """
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            trial = self._trials.get()
            self._connection.send((BEGIN,))
            result = run(objective, trial)
            self._connection.send((END, result, trial.out_of_memory))
            if result.get("status") == FAILED:
                return
            # A trainer's cycles may hold a network each, and are few: the collector, who counts
            # objects and not bytes, would let fifty of them wait (4 MB each: 100 MB in 25 trials).
            gc.collect()

    def _report(self, step: int, value: float, last: bool) -> Decision:
        self._connection.send((REPORT, step, value, last))
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


def die_with_parent() -> None:
    """Lines that end tell it too, but who listens cannot run while native code holds the lock."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


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
        with running(trial):
            result = objective(trial)
        return {key: value for key, raw in result.items() if _is_scalar(value := _plain(raw))}
    except BaseException as error:
        # BaseException: a library that calls sys.exit must not take the worker with it.
        traceback.print_exc()
        trial.out_of_memory = _of_memory(error)
        said = one_line(error)
        if trial.out_of_memory and OUT_OF_MEMORY not in said.lower():
            said = f"{OUT_OF_MEMORY}: {said}"  # cuBLAS and cuDNN have other words for it
        return {"status": FAILED, "error": said}
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def one_line(error: BaseException) -> str:
    """`ValueError: first line of the message`; out of memory is said in words."""
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
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


def main(connection: Connection, packed: int) -> None:
    """The life of a spawned worker. packed: descriptor of a file with the objective."""
    die_with_parent()
    try:
        objective = load(os.pread(packed, os.fstat(packed).st_size, 0))
    except Exception as error:
        traceback.print_exc()
        connection.send((BROKEN, one_line(error)))
        return
    Worker(connection).serve(objective)


if __name__ == "__main__":
    main(Connection(int(sys.argv[1])), int(sys.argv[2]))
    os._exit(0)  # as a fork would: whatever else is loaded shall not object
