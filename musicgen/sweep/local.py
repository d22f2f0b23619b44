"""Trials on this machine: persistent worker processes, one job each at a time."""

import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, cast

from musicgen.errors import InputError, RunError
from musicgen.sweep import worker
from musicgen.sweep.executor import Ended, Event, Reported, packed
from musicgen.sweep.trial import FAILED, Decision, Job, Objective


def slots(
    workers: int | str = "auto", *, gpus: Sequence[str] = (), trials_per_gpu: int = 1
) -> list[dict[str, str]]:
    """The environment of each worker: its share of the cores, and its GPU if there are any.

    workers: how many, or "auto": one per core without GPUs (single-threaded processes beat
    threads for small networks), else `trials_per_gpu` per GPU.
    Raises InputError if workers or trials_per_gpu is below 1.
    """
    if workers != "auto" and (not isinstance(workers, int) or workers < 1):
        raise InputError(f"sweep.workers must be auto or at least 1, got {workers}")
    if trials_per_gpu < 1:
        raise InputError(f"sweep.trials_per_gpu must be at least 1, got {trials_per_gpu}")
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    count = (len(gpus) * trials_per_gpu or cores) if workers == "auto" else int(workers)
    threads = str(max(1, cores // count))
    environments = [{"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads} for _ in range(count)]
    for index, environment in enumerate(environments if gpus else []):
        environment["CUDA_VISIBLE_DEVICES"] = gpus[index % len(gpus)]
    return environments


class _Process:
    """One worker as the executor sees it. Its connection ends when the process does."""

    def __init__(self, environment: Mapping[str, str], objective: bytes, log: Path) -> None:
        ours, theirs = socket.socketpair()
        with log.open("ab") as output, theirs:
            # A plain child instead of multiprocessing's: its environment is there before the
            # first import, and the program's main module isn't imported again.
            self.popen = subprocess.Popen(
                [sys.executable, "-P", "-m", worker.__name__, str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": _search_path(), **environment},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,  # out of reach of the terminal's Ctrl-C
            )
        self.connection = Connection(ours.detach())
        self.ready = False
        self.job: Job | None = None
        self.send_bytes(objective)

    def send(self, message: Any) -> None:
        self.send_bytes(pickle.dumps(message))

    def send_bytes(self, data: bytes) -> None:
        with suppress(OSError):  # it died; `wait` will say so
            self.connection.send_bytes(data)

    def end(self) -> int:
        """Close the line, at which a worker exits, and return its exit code."""
        self.connection.close()
        try:
            return self.popen.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait()


class LocalExecutor:
    """Worker processes on this machine, one per environment in `environments`; see `slots`."""

    def __init__(self, environments: Sequence[Mapping[str, str]]) -> None:
        self._environments = list(environments)
        self._processes: list[_Process | None] = [None] * len(environments)
        self._false_starts = 0
        self._alarm: socket.socket | None = None

    def start(self, objective: Objective, folder: Path) -> None:
        self._awake, self._alarm = socket.socketpair()
        self._alarm.setblocking(False)
        self._objective = packed(objective)
        self._log = folder / "workers.log"

    @property
    def free(self) -> int:
        return sum(process is None or process.job is None for process in self._processes)

    def submit(self, job: Job) -> None:
        idle = [i for i, process in enumerate(self._processes) if not (process and process.job)]
        # A process that is there already has paid for its imports.
        slot = min(idle, key=lambda i: self._processes[i] is None)
        process = self._processes[slot]
        if process is None:
            process = _Process(self._environments[slot], self._objective, self._log)
            self._processes[slot] = process
        process.job = job
        process.send(job)

    def wait(self, timeout_s: float | None) -> list[Event]:
        slots = {process.connection: i for i, process in enumerate(self._processes) if process}
        events = []
        for source in wait([*slots, self._awake], timeout_s):
            if source is self._awake:
                self._awake.recv(4096)
            elif event := self._hear(slots[cast(Connection, source)]):
                events.append(event)
        return events

    def _hear(self, slot: int) -> Event | None:
        process = self._processes[slot]
        assert process is not None
        try:
            message = process.connection.recv()
        except (EOFError, OSError):
            return self._bury(slot, process)
        if message[0] == worker.REPORT:
            assert process.job is not None
            return Reported(process.job, *message[1:])
        if message[0] == worker.END:
            job, process.job = process.job, None
            assert job is not None
            return Ended(job, message[1])
        if message[0] == worker.BROKEN:
            raise RunError(f"workers can't load the objective: {message[1]}; see {self._log}")
        process.ready, self._false_starts = True, 0
        return None

    def _bury(self, slot: int, process: _Process) -> Event | None:
        self._processes[slot] = None
        code = process.end()
        reason = _last_words(code)
        job = process.job
        if process.ready:
            return Ended(job, {"status": FAILED, "error": reason}) if job else None
        self._false_starts += 1
        # Who leaves by itself will do so again; who was killed may have been unlucky.
        if self._false_starts >= (3 if code >= 0 else 10):
            times = f"{self._false_starts} times in a row"
            raise RunError(f"workers don't start: {reason}, {times}; see {self._log}")
        if job:
            self.submit(job)  # it had not begun
        return None

    def decide(self, job: Job, decision: Decision) -> None:
        for process in self._processes:
            if process and process.job is job:
                process.send((worker.ANSWER, decision))

    def stop(self) -> None:
        for process in self._processes:
            if process and process.job:
                process.send((worker.STOP,))

    def wake(self) -> None:
        if self._alarm:
            with suppress(OSError):  # full: it wakes anyway; closed: nobody sleeps
                self._alarm.send(b"!")

    def close(self, *, kill: bool = False) -> None:
        processes = [process for process in self._processes if process]
        self._processes = [None] * len(self._environments)
        for process in processes:
            process.connection.close()
            if kill:
                process.popen.kill()
        for process in processes:
            process.end()
        if self._alarm:
            self._alarm.close()
            self._awake.close()


def _search_path() -> str:
    """This process's module search path, for a child: a worker imports what we would import."""
    return os.pathsep.join(entry or os.getcwd() for entry in sys.path)


def _last_words(code: int) -> str:
    if code == -signal.SIGKILL:
        return "worker killed by SIGKILL (out of memory?)"
    if code < 0:
        return f"worker killed by {signal.Signals(-code).name}"
    return f"worker exited with code {code}"
