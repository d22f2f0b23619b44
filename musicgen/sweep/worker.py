"""A worker: it loads one objective, then runs jobs until one fails or the driver is gone.

Messages to a worker: jobs, answers to reports, and STOP at any time. Messages from a worker: that a
job has begun, reports and results. With the start method `spawn` a worker is a program of its own,
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

OUTPUT = "output.log"
"""The file in a run's folder that gets what the run prints, and the traceback of its error."""

BEGIN, REPORT, END, BROKEN = "begin", "report", "end", "broken"
"""Messages from the worker: (BROKEN, why) if it can't load the objective, else (BEGIN,),
(REPORT, step, value, last) and (END, result, whether the GPU's memory was too small)."""
ANSWER, STOP = "answer", "stop"
"""Messages to the worker: (ANSWER, decision) and (STOP,). A Job is a message as it is."""


class Worker:
    """The worker's end of the line to the driver. A thread reads messages, the main thread runs
    jobs."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._trials: queue.SimpleQueue[Trial] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[Decision] = queue.SimpleQueue()
        self._trial: Trial | None = None

    def serve(self, objective: Objective) -> None:
        """Run jobs until one fails; the process ends when its driver does.

        A failure may have broken the process permanently (a CUDA context, a native library), so a
        fresh process runs the next job.
        """
        threading.Thread(target=self._listen, daemon=True).start()
        while True:
            trial = self._trials.get()
            self._connection.send((BEGIN,))
            result = run(objective, trial)
            self._connection.send((END, result, trial.out_of_memory))
            if result.get("status") == FAILED:
                return
            # The reference cycles of a trainer may hold a network. The garbage collector counts
            # objects, not bytes, so it would let fifty of them pile up (4 MB each: 100 MB in 25
            # trials).
            gc.collect()

    def _report(self, step: int, value: float, last: bool) -> Decision:
        self._connection.send((REPORT, step, value, last))
        return self._answers.get()

    def _listen(self) -> None:
        try:
            while True:
                message = self._connection.recv()
                if isinstance(message, Job):
                    # The trial is made here, so that a STOP right after the job finds it.
                    self._trial = Trial(message, self._report)
                    self._trials.put(self._trial)
                elif message[0] == ANSWER:
                    self._answers.put(message[1])
                elif (trial := self._trial) is not None:
                    trial.decision = Decision.STOP
        except (EOFError, OSError):
            os._exit(0)  # the driver is gone, and the checkpoint is on disk already


def die_with_parent() -> None:
    """Let the kernel end this process with its parent.

    The end of the line to the driver says so too, but the thread that reads it cannot run while
    native code holds the interpreter's lock.
    """
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def load(data: bytes) -> Objective:
    """The objective from the driver's pickle, prepared for its first trial."""
    objective: Objective = pickle.loads(data)  # noqa: S301 - from our own driver
    if (prepare := getattr(objective, "prepare", None)) is not None:
        prepare()
    return objective


def run(objective: Objective, trial: Trial) -> Result:
    """The objective's result as plain scalars. An exception becomes a result `failed`."""
    with open(trial.folder / OUTPUT, "ab", buffering=0) as log:
        # Descriptors are redirected, so that native libraries don't write over the live table.
        os.dup2(log.fileno(), sys.__stdout__.fileno())  # type: ignore[union-attr]
        os.dup2(log.fileno(), sys.__stderr__.fileno())  # type: ignore[union-attr]
    try:
        with running(trial):
            result = objective(trial)
        return {key: value for key, raw in result.items() if _is_scalar(value := _plain(raw))}
    except BaseException as error:
        # BaseException, because a library that calls sys.exit must not end the worker.
        traceback.print_exc()
        trial.out_of_memory = _of_memory(error)
        said = one_line(error)
        if trial.out_of_memory and OUT_OF_MEMORY not in said.lower():
            said = f"{OUT_OF_MEMORY}: {said}"  # cuBLAS and cuDNN word it differently
        return {"status": FAILED, "error": said}
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def one_line(error: BaseException) -> str:
    """An error as `ValueError: first line of the message`; running out of memory in plain words."""
    if isinstance(error, MemoryError):
        return OUT_OF_MEMORY
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def _of_memory(error: BaseException) -> bool:
    """Whether an error of PyTorch or its libraries says that a GPU's memory was too small."""
    said = str(error)
    return type(error).__name__ == "OutOfMemoryError" or (
        isinstance(error, RuntimeError)
        and ("CUDA error: out of memory" in said or "STATUS_ALLOC_FAILED" in said)
    )


def _plain(value: Any) -> Any:
    """A scalar of numpy or torch as Python's own, so that the driver needs neither library."""
    if not isinstance(value, str | int | float | bool) and getattr(value, "shape", None) == ():
        return value.item()
    return value


def _is_scalar(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | bool)


def main(connection: Connection, packed: int) -> None:
    """Run a spawned worker. packed: the descriptor of a file with the objective."""
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
    os._exit(0)  # as in a fork: loaded libraries can't disturb the exit
