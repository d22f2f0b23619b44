"""What a driver on Ray sustains: python -m benchmarks.ray_driver [workers] [seconds]

Trials that sleep and report, in simulated workers: many of them share an actor, so that hundreds
fit on one machine, and talk to the driver by the same calls as real ones. First at 500 reports a
second in all, then as fast as they are answered. A decision's delay is what a worker waits for it.
"""

import asyncio
import os
import random
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any

import ray

from musicgen.sweep.cluster import Cluster
from musicgen.sweep.driver import Driver
from musicgen.sweep.executor import Ended, Event, Reported
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Judged
from musicgen.sweep.ray import RayExecutor
from musicgen.sweep.space import Float
from musicgen.sweep.trial import Decision, Job
from tests.sweep import objectives

STEPS = 20
LOAD = 500.0
"""Reports per second in all."""


class Crowd:
    """An actor that is many workers; `index` tells them apart."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s = pause_s
        self._jobs: dict[int, tuple[Job, int]] = {}
        self._asked: dict[int, float] = {}
        self._delays_s: list[float] = []
        self._chance = random.Random(0)

    async def begin(self, index: int, *orientation: Any) -> None: ...

    async def run(self, index: int, job: Job) -> Event:
        self._jobs[index] = job, 0
        return await self._step(index)

    async def go_on(self, index: int, decision: Decision) -> Event:
        self._delays_s.append(time.perf_counter() - self._asked[index])
        return await self._step(index)

    async def stop(self, index: int) -> None: ...

    async def delays_s(self) -> list[float]:
        return self._delays_s

    async def _step(self, index: int) -> Event:
        await asyncio.sleep(self._chance.uniform(0, 2 * self._pause_s))
        job, step = self._jobs[index]
        if step == STEPS:
            return Ended(job, {"status": "completed", "loss": self._chance.random()})
        self._jobs[index] = job, step + 1
        self._asked[index] = time.perf_counter()
        return Reported(job, step + 1, self._chance.random())


class Seat:
    """One simulated worker's place in a crowd, to the executor an actor."""

    def __init__(self, crowd: Any, index: int) -> None:
        self._crowd, self._index = crowd, index

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._crowd, name)
        return type("Method", (), {"remote": partial(method.remote, self._index)})


class SimulatedExecutor(RayExecutor):
    """The executor as it is, on workers that are seats in crowds."""

    def __init__(self, cluster: Cluster, workers: int, pause_s: float) -> None:
        super().__init__(cluster, workers)
        self.crowds = [
            ray.remote(num_cpus=0, max_concurrency=workers)(Crowd).remote(pause_s)
            for _ in range(len(os.sched_getaffinity(0)))
        ]
        self._seats = 0
        self._actor = self

    def options(self, **options: Any) -> "SimulatedExecutor":
        return self

    def remote(self) -> Seat:
        self._seats += 1
        return Seat(self.crowds[self._seats % len(self.crowds)], self._seats)

    def close(self, *, kill: bool = False) -> None:
        self._members = []


def measure(workers: int, seconds: float, pruner: str, reports_per_s: float) -> str:
    """One line of the table."""
    cluster = Cluster()
    executor = SimulatedExecutor(cluster, workers, workers / reports_per_s)
    plan = Plan({"x": Float(0, 1)}, n_trials=10**6, sampler="random", pruner=pruner)
    begun: list[tuple[float, float]] = []

    def observe(event: object) -> None:
        """The clock starts at the first report: actors take seconds to come."""
        if isinstance(event, Judged) and not begun:
            begun.append((time.perf_counter(), time.process_time()))
            threading.Timer(seconds, lambda: [driver.request_stop() for _ in "12"]).start()

    with tempfile.TemporaryDirectory() as folder:
        driver = Driver(plan, objectives.nothing, executor, Path(folder), observe=observe)
        driver.run()
        wall, spent = time.perf_counter() - begun[0][0], time.process_time() - begun[0][1]
    delays = sorted(d for crowd in executor.crowds for d in ray.get(crowd.delays_s.remote()))
    for crowd in executor.crowds:
        ray.kill(crowd)
    cluster.close()
    load = f"{reports_per_s:,.0f}" if reports_per_s < 1e5 else "all there are"
    return (
        f"| {pruner} | {load} | {len(delays) / wall:,.0f} | {1e3 * delays[len(delays) // 2]:.1f} "
        f"| {1e3 * delays[len(delays) * 99 // 100]:.1f} | {1e3 * delays[-1]:.1f} "
        f"| {1e3 * spent / len(delays):.2f} |"
    )


def main() -> None:
    workers = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    print(f"{workers} simulated workers on {os.cpu_count()} cores, trials of {STEPS} reports")
    print(
        "| pruner | reports/s asked | had | delay, ms: median | 99 % | largest | driver's CPU, ms |"
    )
    print("|---|---|---|---|---|---|---|")
    for pruner in ("none", "asha", "median"):
        for load in (LOAD, 1e6):
            print(measure(workers, seconds, pruner, load), flush=True)


if __name__ == "__main__":
    main()
