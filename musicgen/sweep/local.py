"""Trials on this machine: persistent workers, forks of one process, one job each at a time."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import send_handle
from pathlib import Path
from typing import Any

from musicgen.errors import InputError, RunError
from musicgen.sweep import nest
from musicgen.sweep.executor import Ended, Event, Reported, packed
from musicgen.sweep.trial import FAILED, Decision, Job, Objective
from musicgen.sweep.worker import ANSWER, REPORT, STOP


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


class _Nest:
    """The process that workers are forks of, as the executor sees it."""

    def __init__(self, environment: Mapping[str, str], objective: bytes, log: Path) -> None:
        ours, theirs = socket.socketpair()
        with log.open("ab") as output, theirs:
            # A plain child instead of multiprocessing's: its environment is there before the
            # first import, and the program's main module isn't imported again.
            self.popen = subprocess.Popen(
                [sys.executable, "-P", "-m", nest.__name__, str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": _search_path(), **environment},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,  # out of reach of the terminal's Ctrl-C
            )
        self.line = Connection(ours.detach())
        self.ready = False
        with suppress(OSError):  # it died; `wait` will say so
            self.line.send_bytes(objective)

    def hatch(self, slot: int, environment: Mapping[str, str]) -> Connection:
        """The line to a new worker, which will be there once the nest is ready."""
        ours, theirs = socket.socketpair()
        with theirs, suppress(OSError):
            self.line.send((slot, dict(environment)))
            send_handle(self.line, theirs.fileno(), self.popen.pid)
        return Connection(ours.detach())

    def end(self, *, kill: bool = False) -> int:
        """End it and with it all workers, and return its exit code."""
        self.line.close()
        if kill:
            self.popen.kill()
        try:
            return self.popen.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait()


class _Worker:
    """One worker as the executor sees it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.open = True
        self.job: Job | None = None

    def send(self, message: Any) -> None:
        with suppress(OSError):  # it died; the nest will say so
            self.connection.send(message)


class LocalExecutor:
    """Worker processes on this machine, one per environment in `environments`; see `slots`."""

    def __init__(self, environments: Sequence[Mapping[str, str]]) -> None:
        self._environments = list(environments)
        self._workers: list[_Worker | None] = [None] * len(environments)
        self._nest: _Nest | None = None
        self._false_starts = 0
        self._alarm: socket.socket | None = None

    def start(self, objective: Objective, folder: Path) -> None:
        self._awake, self._alarm = socket.socketpair()
        self._alarm.setblocking(False)
        self._objective = packed(objective)
        self._log = folder / "workers.log"

    @property
    def workers(self) -> int:
        return len(self._environments)

    @property
    def free(self) -> int:
        return sum(worker is None or worker.job is None for worker in self._workers)

    def submit(self, job: Job) -> None:
        slot = next(i for i, worker in enumerate(self._workers) if not (worker and worker.job))
        if self._nest is None:
            self._nest = _Nest(self._environments[0], self._objective, self._log)
        worker = self._workers[slot]
        if worker is None:
            worker = _Worker(self._nest.hatch(slot, self._environments[slot]))
            self._workers[slot] = worker
        worker.job = job
        worker.send(job)

    def wait(self, timeout_s: float | None) -> list[Event]:
        lines = {w.connection: w for w in self._workers if w and w.open}
        nests = [self._nest.line] if self._nest else []
        ready = wait([*lines, *nests, self._awake], timeout_s)
        events: list[Event | None] = [
            self._hear(lines[connection]) for connection in lines if connection in ready
        ]
        if nests and nests[0] in ready:  # last: what a worker said goes before its end
            events += self._hear_nest()
        if self._awake in ready:
            self._awake.recv(4096)
        return [event for event in events if event]

    def _hear(self, worker: _Worker) -> Event | None:
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            worker.open = False
            return None
        assert worker.job is not None
        if message[0] == REPORT:
            return Reported(worker.job, *message[1:])
        job, worker.job = worker.job, None
        return Ended(job, message[1])

    def _hear_nest(self) -> list[Event | None]:
        assert self._nest is not None
        try:
            message = self._nest.line.recv()
        except (EOFError, OSError):
            return self._lose_nest(self._nest)
        if message[0] == nest.BROKEN:
            raise RunError(f"workers can't load the objective: {message[1]}; see {self._log}")
        if message[0] == nest.READY:
            self._nest.ready, self._false_starts = True, 0
            return []
        return self._bury(message[1], _last_words(message[2]))

    def _bury(self, slot: int, reason: str) -> list[Event | None]:
        """What a worker that is gone said last, and its end."""
        gone, self._workers[slot] = self._workers[slot], None
        assert gone is not None
        events: list[Event | None] = []
        while gone.open and gone.connection.poll():
            events.append(self._hear(gone))
        gone.connection.close()
        if gone.job:
            events.append(Ended(gone.job, {"status": FAILED, "error": reason}))
        return events

    def _lose_nest(self, lost: _Nest) -> list[Event | None]:
        """Its workers went with it."""
        self._nest = None
        code = lost.end()
        reason = _last_words(code)
        if lost.ready:
            return [
                event
                for slot, worker in enumerate(self._workers)
                if worker
                for event in self._bury(slot, reason)
            ]
        self._false_starts += 1
        # Who leaves by itself will do so again; who was killed may have been unlucky.
        if self._false_starts >= (3 if code >= 0 else 10):
            times = f"{self._false_starts} times in a row"
            raise RunError(f"workers don't start: {reason}, {times}; see {self._log}")
        jobs = [worker.job for worker in self._workers if worker]
        self._workers = [None] * len(self._environments)
        for job in jobs:  # none had begun
            if job:
                self.submit(job)
        return []

    def decide(self, job: Job, decision: Decision) -> None:
        for worker in self._workers:
            if worker and worker.job is job:
                worker.send((ANSWER, decision))

    def stop(self) -> None:
        for worker in self._workers:
            if worker and worker.job:
                worker.send((STOP,))

    def wake(self) -> None:
        if self._alarm:
            with suppress(OSError):  # full: it wakes anyway; closed: nobody sleeps
                self._alarm.send(b"!")

    def close(self, *, kill: bool = False) -> None:
        for worker in self._workers:
            if worker:
                worker.connection.close()
        self._workers = [None] * len(self._environments)
        if self._nest:
            self._nest.end(kill=kill)
            self._nest = None
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
