"""Trials on a Ray cluster: persistent actors, each with one worker process on its node.

Ray chooses the node of an actor. The actor runs a `LocalExecutor` with one worker, so that a trial
behaves as on one machine. Every report is the answer of one call; the decision starts the next.
"""

import contextlib
import logging
import os
import pickle
import queue
import secrets
import socket
import sys
import time
from collections import Counter, deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from musicgen.errors import InputError, MusicgenError, Remedy, RunError
from musicgen.sweep.cluster import NAMESPACE, Cluster
from musicgen.sweep.executor import LOG, Ended, Event, packed
from musicgen.sweep.local import LocalExecutor
from musicgen.sweep.trial import FAILED, INTERRUPTED, Decision, Job, Objective
from musicgen.sweep.worker import one_line

RECRUITING_S = 2.0
"""Seconds between two searches for new nodes; more after false starts, up to a minute."""
LOSSES = 3
"""How often a run may lose its node before it counts as failed. The run may be the cause."""
FALSE_STARTS = 10
"""A false start is a round of recruiting whose actors all died before they were ready, while no
other actor works. After so many in a row the executor gives up. Rounds are counted, because one bad
node can have many cores."""
SLOW_S = 30.0
log = logging.getLogger(__name__)


class Worker:
    """The actor. Calls of its group `run` are made one at a time, `stop` at any time."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._stopping = False
        self._told = False

    @ray.method(concurrency_group="run")
    def begin(
        self,
        objective: bytes,
        folder: Path,
        token: str,
        path: list[str],
        environment: Mapping[str, str],
    ) -> str | None:
        """Prepare for jobs; returns the node's name if the node does not see the sweep's folder.

        token: a text in the folder's log. The node sees the sweep's folder if it finds the token
        there; otherwise it may see another folder of the same name. path: the driver's module
        search path; modules of the node take precedence.
        """
        sys.path += [entry for entry in path if entry not in sys.path]
        try:
            seen = token in (folder / LOG).read_text(errors="replace")
        except OSError:
            seen = False
        if not seen:
            return socket.gethostname()
        self._local = LocalExecutor([environment])
        self._local.start(_Packed(objective), folder)
        return None

    @ray.method(concurrency_group="run")
    def run(self, job: Job) -> Event | MusicgenError:
        """Run a job up to its first event."""
        self._job = job
        self._local.submit(job)
        return self._next()

    @ray.method(concurrency_group="run")
    def go_on(self, decision: Decision) -> Event | MusicgenError:
        """Run the job up to its next event."""
        self._local.decide(self._job, decision)
        return self._next()

    def stop(self) -> None:
        """Stop the running job at its next checkpoint."""
        self._stopping = True
        self._local.wake()

    def _next(self) -> Event | MusicgenError:
        try:
            while not self._events:
                if self._stopping and not self._told:
                    self._told = True
                    self._local.stop()
                self._events.extend(self._local.wait(None))
        except MusicgenError as error:
            return error
        return self._events.popleft()


class _Packed:
    """An objective that only the worker process unpacks; the actor does not import it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def __call__(self, trial: Any) -> Mapping[str, Any]:
        raise NotImplementedError

    def __reduce__(self) -> tuple[Any, ...]:
        return pickle.loads, (self._data,)


class _Member:
    """One actor as the executor sees it."""

    def __init__(self, actor: Any, inbox: "queue.SimpleQueue[Any]", recruited: float) -> None:
        self.actor = actor
        self.recruited = recruited
        """The time of its start, which is equal for all actors of one round."""
        self.ready = False
        self.job: Job | None = None
        self._inbox = inbox

    def ask(self, method: str, *arguments: Any) -> None:
        """Call the actor. The answer, or the error if the actor dies, goes to the inbox."""
        answer: Future[Any] = getattr(self.actor, method).remote(*arguments).future()
        answer.add_done_callback(lambda done: self._inbox.put((self, done)))

    def run(self, job: Job) -> None:
        self.job = job
        self.ask("run", job)


class RayExecutor:
    """Workers on the nodes of `cluster`; each runs one trial at a time.

    workers: the number of workers, or "auto": as many as the present nodes have room for.
    num_cpus, num_gpus: the size of each worker in Ray's units; a share of a GPU is allowed.
    environment: the workers' environment variables, set before their first import. Raises
    InputError if no node is large enough for a worker.
    """

    def __init__(
        self,
        cluster: Cluster,
        workers: int | str = "auto",
        *,
        num_cpus: int = 1,
        num_gpus: float = 0,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        cluster.check(num_cpus, num_gpus)
        self._cluster = cluster
        self._wanted = workers
        self._size = num_cpus, num_gpus
        self._environment = {
            "OMP_NUM_THREADS": str(num_cpus),
            "MKL_NUM_THREADS": str(num_cpus),
            # Ray sets this variable for workers with GPUs; a worker without one must see none.
            **({} if num_gpus else {"CUDA_VISIBLE_DEVICES": ""}),
            **(environment or {}),
        }
        size = {"num_cpus": num_cpus, "num_gpus": num_gpus}
        make_actor: Any = ray.remote  # Ray's types lack concurrency_groups
        self._actor = make_actor(**size, concurrency_groups={"run": 1})(Worker)
        self._inbox: queue.SimpleQueue[tuple[_Member, Future[Any]] | Event | None]
        self._inbox = queue.SimpleQueue()
        self._members: list[_Member] = []
        self._waiting: deque[Job] = deque()
        self._losses: Counter[tuple[int, int]] = Counter()
        self._useless: list[_Member] = []
        """Actors on nodes where no trial can run. While they exist, Ray starts no others there."""
        self._false_starts = 0
        self._next_recruiting = 0.0
        self._stopping = False

    @property
    def workers(self) -> int:
        """The number of workers that the present nodes should have."""
        if isinstance(self._wanted, int):
            return self._wanted
        return self._cluster.room(*self._size)

    def start(self, objective: Objective, folder: Path) -> None:
        luggage = packed(objective)
        self._folder = folder
        self._name = f"{folder}//"  # no path has two slashes, so no other sweep has this prefix
        token = secrets.token_hex(8)
        with (folder / LOG).open("a") as file:
            file.write(f"{token}: workers for {os.getpid()} on {socket.gethostname()}\n")
        self._cluster.dismiss(self._name)
        shared = ray.put(luggage)  # each node fetches it once for all its workers
        self._orientation = shared, folder, token, sys.path, self._environment
        slow = time.monotonic() + SLOW_S
        while True:
            self._recruit()
            if self._at_work:
                return
            try:
                item = self._inbox.get(timeout=self._patience_s)
            except queue.Empty:
                if time.monotonic() > slow:
                    log.warning("no worker has started: does something else use the cores?")
                    slow += SLOW_S
                continue
            if item is None:
                return  # `wake` was called: the sweep should stop
            assert isinstance(item, tuple)
            self._hear(*item)

    @property
    def free(self) -> int:
        idle = sum(member.ready and member.job is None for member in self._members)
        busy = self._waiting or any(member.job for member in self._members)
        # With no free worker and no running job, the driver would take the sweep for finished.
        # A job may still begin on the next worker that starts.
        return idle or (0 if busy else 1)

    def submit(self, job: Job) -> None:
        for member in self._members:
            if member.ready and member.job is None:
                member.run(job)
                return
        self._waiting.append(job)

    def wait(self, timeout_s: float | None) -> list[Event]:
        patience = self._patience_s
        events = []
        with contextlib.suppress(queue.Empty):
            item = self._inbox.get(
                timeout=patience if timeout_s is None else min(patience, timeout_s)
            )
            while item is not None:
                event = self._hear(*item) if isinstance(item, tuple) else item
                if event:
                    events.append(event)
                item = self._inbox.get_nowait()
        self._recruit()
        return events

    def decide(self, job: Job, decision: Decision) -> None:
        for member in self._members:
            if member.job is job:
                member.ask("go_on", decision)

    def stop(self) -> None:
        self._stopping = True
        for member in self._members:
            if member.job:
                member.actor.stop.remote()
        while self._waiting:
            self._inbox.put(Ended(self._waiting.popleft(), {"status": INTERRUPTED}))

    def wake(self) -> None:
        self._inbox.put(None)

    def close(self, *, kill: bool = False) -> None:
        members, self._members = [*self._members, *self._useless], []
        for member in members:
            ray.kill(member.actor)
        if members and not kill:
            # An actor that answers, even with an error, has ended its job. Its worker ends with its
            # process.
            last = [member.actor.stop.remote() for member in members]
            ray.wait(last, num_returns=len(last), timeout=5)
        self._cluster.close()

    @property
    def _at_work(self) -> bool:
        return any(member.ready for member in self._members)

    @property
    def _patience_s(self) -> float:
        return max(0.0, self._next_recruiting - time.monotonic())

    def _recruit(self) -> None:
        """Ask Ray for the missing actors. Ray starts each where and when a node has room."""
        if self._patience_s:
            return
        now = time.monotonic()
        # An actor that dies while starting is restarted at growing intervals while others work.
        doubled = min(self._false_starts, 5) if self._at_work else 0
        self._next_recruiting = now + RECRUITING_S * 2**doubled
        for _ in range(self.workers - len(self._useless) - len(self._members)):
            name = f"{self._name}{secrets.token_hex(4)}"
            actor = self._actor.options(name=name, namespace=NAMESPACE).remote()
            member = _Member(actor, self._inbox, now)
            self._members.append(member)
            member.ask("begin", *self._orientation)

    def _hear(self, member: _Member, done: "Future[Any]") -> Event | None:
        if member not in self._members:
            return None
        try:
            answer = done.result()
        except RayError as error:
            return self._lose(member, error)
        if isinstance(answer, MusicgenError):
            return self._retire(member, answer)
        if not member.ready:
            return self._admit(member, answer)
        event: Event = replace(answer, job=member.job)  # the driver's own job instead of its copy
        if isinstance(event, Ended):
            member.job = None
            self._hand_out(member)
        return event

    def _admit(self, member: _Member, blind: str | None) -> Event | None:
        """Accept an actor after its first answer. blind: the name of its node if that does not see
        the folder."""
        if blind is not None:
            reason = (
                f"the sweep's folder must be on a file system that all nodes share, "
                f"{blind} doesn't see {self._folder}"
            )
            return self._retire(member, InputError(reason, Remedy.SHARED_SWEEP_FOLDER))
        member.ready, self._false_starts = True, 0
        self._hand_out(member)
        return None

    def _retire(self, member: _Member, reason: MusicgenError) -> Event | None:
        """Give an actor no more jobs, because its node cannot run them. Raises the reason if it was
        the last actor."""
        self._members.remove(member)
        self._useless.append(member)
        if not self._members:
            raise reason
        log.warning("a worker less: %s", reason)
        return self._pass_on(member.job) if member.job else None

    def _lose(self, member: _Member, error: RayError) -> Event | None:
        """Handle an actor that died, alone or with its node. Its job goes to another actor."""
        self._discard(member)
        job, reason = member.job, _reason(error)
        if member.ready:
            self._next_recruiting = 0.0
        elif all(other.recruited != member.recruited for other in self._members):
            self._false_starts += 1
            if self._false_starts >= FALSE_STARTS and not self._at_work:
                raise RunError(
                    f"workers don't start: {reason}, {FALSE_STARTS} times in a row; "
                    f"see {self._folder / LOG}"
                )
        if job is None:
            return None
        self._losses[job.key] += 1
        if self._losses[job.key] >= LOSSES and not self._stopping:
            return Ended(job, {"status": FAILED, "error": f"lost {LOSSES} workers: {reason}"})
        log.warning("trial %d lost its worker (%s), and goes on elsewhere", job.number, reason)
        return self._pass_on(job)

    def _pass_on(self, job: Job) -> Event | None:
        """Give a job to another actor."""
        if self._stopping:
            return Ended(job, {"status": INTERRUPTED})
        self.submit(job)
        return None

    def _hand_out(self, member: _Member) -> None:
        if self._waiting:
            member.run(self._waiting.popleft())

    def _discard(self, member: _Member) -> None:
        self._members.remove(member)
        ray.kill(member.actor)


def _reason(error: RayError) -> str:
    """The message of Ray's error in one line."""
    if isinstance(error, RayTaskError):
        return one_line(error.cause)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
