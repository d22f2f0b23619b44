"""Trials on this machine. Workers are children of one process; each runs one job at a time."""

import logging
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from musicgen.errors import RunError, SettingError
from musicgen.sweep import fork_server
from musicgen.sweep.executor import LOG, Ended, Event, Reported, packed
from musicgen.sweep.trial import FAILED, INTERRUPTED, Decision, Job, Objective
from musicgen.sweep.worker import ANSWER, BEGIN, BROKEN, REPORT, STOP

log = logging.getLogger(__name__)

GPU = "CUDA_VISIBLE_DEVICES"
"""The environment variable that names a worker's GPU; empty for a worker without a GPU."""
Fits = Callable[[Mapping[str, Any], Mapping[str, str]], bool]
"""Whether a trial with these params can run in a worker with this environment."""


def slots(
    workers: int | str = "auto",
    *,
    gpus: Sequence[str] = (),
    trials_per_gpu: int = 1,
    cpus_too: bool = False,
) -> list[dict[str, str]]:
    """The environment of each worker: its share of the cores, and its GPU if there are any.

    workers: the number of workers, or "auto". Without GPUs "auto" is one worker per core, because
    for small networks single-threaded processes are faster than threads. With GPUs it is
    `trials_per_gpu` workers per GPU. cpus_too: with "auto", add workers without a GPU on the
    remaining cores, at least one. Raises InputError if workers or trials_per_gpu is below 1.
    """
    if workers != "auto" and (not isinstance(workers, int) or workers < 1):
        raise SettingError(f"workers must be auto or at least 1, got {workers}")
    if trials_per_gpu < 1:
        raise SettingError(f"trials_per_gpu must be at least 1, got {trials_per_gpu}")
    cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    count = (len(gpus) * trials_per_gpu or cores) if workers == "auto" else int(workers)
    names = [gpus[index % len(gpus)] for index in range(count)] if gpus else []
    if cpus_too and gpus and workers == "auto":
        names += [""] * max(1, cores - count)
        count = len(names)
    threads = str(max(1, cores // count))
    environments = [{"OMP_NUM_THREADS": threads, "MKL_NUM_THREADS": threads} for _ in range(count)]
    for environment, name in zip(environments, names, strict=False):
        environment[GPU] = name
    return environments


class _ForkServer:
    """The parent process of the workers, as the executor sees it."""

    def __init__(
        self, environment: Mapping[str, str], objective: bytes, log: Path, method: str
    ) -> None:
        self._hatched = 0
        ours, theirs = socket.socketpair()
        with log.open("ab") as output, theirs:
            # A plain child process instead of one of multiprocessing: its environment is set before
            # the first import, and the program's main module is not imported again.
            self.popen = subprocess.Popen(
                [sys.executable, "-P", "-m", fork_server.__name__, str(theirs.fileno()), method],
                env={**os.environ, "PYTHONPATH": _search_path(), **environment},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                process_group=0,  # so that Ctrl-C in the terminal does not reach it
            )
        self.line = Connection(ours.detach())
        with suppress(OSError):  # the fork server died; `wait` reports that
            self.line.send_bytes(objective)

    def start_worker(self, environment: Mapping[str, str]) -> "_Worker":
        """A new worker, which starts when the fork server is ready."""
        ours, theirs = socket.socketpair()
        self._hatched += 1
        with suppress(OSError):
            self.line.send((self._hatched, dict(environment)))
            with socket.fromfd(self.line.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as way:
                socket.send_fds(way, [b"!"], [theirs.fileno()])
        gpu = environment.get(GPU, "")
        return _Worker(self._hatched, Connection(ours.detach()), theirs, gpu)

    def end(self, *, kill: bool = False) -> int:
        """End the fork server and all workers, and return its exit code."""
        self.line.close()
        if kill:
            self.popen.kill()
        try:
            return self.popen.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            return self.popen.wait()


class _Worker:
    """One worker as the executor sees it.

    identity: the worker's number in its fork server. theirs: the worker's end of the line. It stays
    open here until the worker's first message, because macOS loses a socket that its sender closes
    before the other process has received it (CPython issue 14669).
    """

    def __init__(
        self, identity: int, connection: Connection, theirs: socket.socket, gpu: str
    ) -> None:
        self.identity = identity
        self.connection = connection
        self.gpu = gpu
        self.open = True
        self.leaving = False
        """Whether its last job failed. Then the worker ends, and a new one gets the next job."""
        self.job: Job | None = None
        self.begun = False
        """Whether the worker has said that the objective was called for the job."""
        self._theirs = theirs

    def run(self, job: Job) -> None:
        self.job, self.begun = job, False
        self.send(job)

    def begin(self) -> None:
        self.begun = True
        self._theirs.close()

    def send(self, message: Any) -> None:
        with suppress(OSError):  # the worker died; the fork server reports that
            self.connection.send(message)

    def close(self) -> None:
        self.connection.close()
        self._theirs.close()


class LocalExecutor:
    """Worker processes on this machine, one per environment in `environments`; see `slots`.

    fits: says which workers a trial can run in; default: all. A trial that runs out of memory on a
    GPU shared with other trials is tried again alone on that GPU before it counts as failed.
    method: the start method of workers, see `fork_server`; None: the platform's.
    """

    def __init__(
        self,
        environments: Sequence[Mapping[str, str]],
        *,
        fits: Fits = lambda params, environment: True,
        method: str | None = None,
    ) -> None:
        self._environments = list(environments)
        self._fits = fits
        self._method = method or fork_server.start_method()
        self._workers: list[_Worker | None] = [None] * len(environments)
        self._waiting: list[Job] = []
        self._alone: dict[tuple[int, int], str] = {}
        """The GPU of each job that needs a GPU alone; no other job begins on that GPU."""
        self._over: list[Event] = []
        """Events that no worker reported."""
        self._fork_server: _ForkServer | None = None
        self._false_starts = 0
        self._stopping = False
        self._alarm: socket.socket | None = None

    def start(self, objective: Objective, folder: Path) -> None:
        self._awake, self._alarm = socket.socketpair()
        self._alarm.setblocking(False)
        self._objective = packed(objective)
        self._log = folder / LOG

    @property
    def workers(self) -> int:
        return len(self._environments)

    @property
    def free(self) -> int:
        reserved = self._alone.values()
        idle = sum(self._gpu(slot) not in reserved for slot in self._idle())
        return max(0, idle - len(self._waiting))

    def submit(self, job: Job) -> None:
        self._waiting.append(job)
        self._hand_out()

    def _hand_out(self) -> None:
        """Begin every waiting job for which a worker is free."""
        for job in list(self._waiting):
            if (slot := self._slot(job)) is not None:
                self._waiting.remove(job)
                self._begin(job, slot)

    def _slot(self, job: Job) -> int | None:
        """A slot that fits a job: the slot of an idle worker, or one without a worker yet."""
        ready = [slot for slot in self._idle() if not self._is_leaving(slot)]
        own = self._alone.get(job.key)
        for slot in (s for s in ready if self._fits(job.params, self._environments[s])):
            gpu = self._gpu(slot)
            if own is None and gpu not in self._alone.values():
                return slot
            # A worker that is ending holds memory of the GPU until its process is gone.
            if own is not None and own == gpu and set(self._beside(gpu)) <= set(ready):
                return slot
        return None

    def _idle(self) -> list[int]:
        """The slots without a job."""
        return [i for i, worker in enumerate(self._workers) if not (worker and worker.job)]

    def _is_leaving(self, slot: int) -> bool:
        worker = self._workers[slot]
        return worker is not None and worker.leaving

    def _gpu(self, slot: int) -> str:
        return self._environments[slot].get(GPU, "")

    def _beside(self, gpu: str) -> list[int]:
        """The slots that share a GPU."""
        return [slot for slot in range(len(self._environments)) if self._gpu(slot) == gpu]

    def _begin(self, job: Job, slot: int) -> None:
        if self._fork_server is None:
            self._fork_server = _ForkServer(
                self._environments[0], self._objective, self._log, self._method
            )
        worker = self._workers[slot]
        if worker is None:
            worker = self._workers[slot] = self._fork_server.start_worker(self._environments[slot])
        worker.run(job)

    def wait(self, timeout_s: float | None) -> list[Event]:
        if self._over:
            over, self._over = self._over, []
            return over
        lines = {w.connection: w for w in self._workers if w and w.open}
        servers = [self._fork_server.line] if self._fork_server else []
        ready = wait([*lines, *servers, self._awake], timeout_s)
        events: list[Event | None] = [
            self._hear(lines[connection]) for connection in lines if connection in ready
        ]
        if servers and servers[0] in ready:  # last, as a worker's messages come before its end
            events += self._hear_fork_server()
        if self._awake in ready:
            self._awake.recv(4096)
        return [event for event in events if event]

    def _hear(self, worker: _Worker) -> Event | None:
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            worker.open = False
            return None
        if message[0] == BROKEN:
            raise self._broken(message[1])
        assert worker.job is not None
        if message[0] == BEGIN:
            worker.begin()
            self._false_starts = 0
            return None
        if message[0] == REPORT:
            return Reported(worker.job, *message[1:])
        job, worker.job = worker.job, None
        worker.leaving = message[1].get("status") == FAILED
        again = message[2] and self._wants_it_alone(job, worker.gpu)
        if not again:
            self._alone.pop(job.key, None)
        self._hand_out()
        return None if again else Ended(job, message[1])

    def _wants_it_alone(self, job: Job, gpu: str) -> bool:
        """Repeat a job alone that ran out of memory beside others; False if it was alone."""
        if self._stopping or job.key in self._alone or len(self._beside(gpu)) < 2 or not gpu:
            return False
        log.warning("trial %d ran out of the GPU's memory, and is tried again alone", job.number)
        self._alone[job.key] = gpu
        self._waiting.insert(0, job)
        return True

    def _hear_fork_server(self) -> list[Event | None]:
        assert self._fork_server is not None
        try:
            message = self._fork_server.line.recv()
        except (EOFError, OSError):
            return self._lose_fork_server()
        if message[0] == BROKEN:
            raise self._broken(message[1])
        if message[0] == fork_server.READY:
            return []
        gone = [i for i, w in enumerate(self._workers) if w and w.identity == message[1]]
        return self._bury(gone, message[2])

    def _broken(self, reason: str) -> RunError:
        return RunError(f"workers can't load the objective: {reason}; see {self._log}")

    def _lose_fork_server(self) -> list[Event | None]:
        """Handle the end of the fork server, with which all workers ended."""
        assert self._fork_server is not None
        lost, self._fork_server = self._fork_server, None
        return self._bury([i for i, worker in enumerate(self._workers) if worker], lost.end())

    def _bury(self, slots: Sequence[int], code: int) -> list[Event | None]:
        """The last events of workers that have ended.

        A job that had begun has failed. A job that had not begun goes to another worker, unless
        workers keep ending before any job begins.
        """
        events: list[Event | None] = []
        left: list[Job] = []
        for slot in slots:
            gone, self._workers[slot] = self._workers[slot], None
            assert gone is not None
            while gone.open and gone.connection.poll():
                events.append(self._hear(gone))
            gone.close()
            if gone.job and gone.begun:
                self._alone.pop(gone.job.key, None)
                events.append(Ended(gone.job, {"status": FAILED, "error": _last_words(code)}))
            elif gone.job:
                left.append(gone.job)
        if self._stopping:
            return [*events, *(Ended(job, {"status": INTERRUPTED}) for job in left)]
        if left:
            self._false_starts += 1
            # A worker that ended by itself will do so again; one that was killed may not.
            if self._false_starts >= (3 if code >= 0 else 10):
                times = f"{self._false_starts} times in a row"
                raise RunError(
                    f"workers don't start: {_last_words(code)}, {times}; see {self._log}"
                )
        self._waiting = left + self._waiting
        self._hand_out()
        return events

    def decide(self, job: Job, decision: Decision) -> None:
        for worker in self._workers:
            if worker and worker.job is job:
                worker.send((ANSWER, decision))

    def stop(self) -> None:
        self._stopping = True
        for worker in self._workers:
            if worker and worker.job:
                worker.send((STOP,))
        self._over += [Ended(job, {"status": INTERRUPTED}) for job in self._waiting]
        self._waiting = []

    def wake(self) -> None:
        if self._alarm:
            with suppress(OSError):  # if full, `wait` wakes anyway; if closed, nothing waits
                self._alarm.send(b"!")

    def close(self, *, kill: bool = False) -> None:
        for worker in self._workers:
            if worker:
                worker.close()
        self._workers = [None] * len(self._environments)
        self._waiting = []
        if self._fork_server:
            self._fork_server.end(kill=kill)
            self._fork_server = None
        if self._alarm:
            self._alarm.close()
            self._awake.close()


def _search_path() -> str:
    """The module search path of this process, so that a worker imports the same modules."""
    return os.pathsep.join(entry or os.getcwd() for entry in sys.path)


def _last_words(code: int) -> str:
    if code == -signal.SIGKILL:
        return "worker killed by SIGKILL (out of memory?)"
    if code < 0:
        return f"worker killed by {signal.Signals(-code).name}"
    return f"worker exited with code {code}"
