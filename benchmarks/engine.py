"""What the sweep engine costs, Optuna's own share told apart: python -m benchmarks.engine.

Trials: they do nothing, on two workers. The engine's cost is the driver's time in all, less what
it spends in Optuna (storage included) and in waiting for workers.

Reports: 200 simulated workers report 500 times a second in all, each at moments of its own,
to a driver that remembers so many finished trials; how late do the decisions come back, and how
many reports a second would keep the driver busy all the time?
"""

import argparse
import functools
import heapq
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from musicgen.sweep.driver import Driver
from musicgen.sweep.executor import Ended, Event, Reported
from musicgen.sweep.journal import Journal
from musicgen.sweep.local import LocalExecutor, slots
from musicgen.sweep.plan import Plan
from musicgen.sweep.space import Choice, Float
from musicgen.sweep.study import Study
from musicgen.sweep.table import Tables
from musicgen.sweep.trial import Decision, Job
from tests.sweep import objectives

PRUNERS: dict[str, dict[str, Any]] = {
    "none": {},
    "median": {},
    "asha": {"min_resource": 1, "reduction_factor": 4},
    "hyperband": {"min_resource": 1, "max_resource": 20},
}


class Clock:
    """Adds up the time spent in some methods."""

    def __init__(self) -> None:
        self.spent_s: dict[str, float] = {}

    def on(self, owner: Any, method: str, name: str) -> None:
        """Time every call of a method from now on."""
        original: Callable[..., Any] = getattr(owner, method)

        @functools.wraps(original)
        def timed(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            try:
                return original(*args, **kwargs)
            finally:
                spent = time.perf_counter() - begun
                self.spent_s[name] = self.spent_s.get(name, 0.0) + spent

        setattr(owner, method, timed)


def measure(plan: Plan, objective: Any, clock: Clock) -> float:
    """Seconds for one sweep, workers' start included."""
    with tempfile.TemporaryDirectory() as folder:
        begun = time.perf_counter()
        Driver(plan, objective, LocalExecutor(slots(2)), Path(folder)).run()
        return time.perf_counter() - begun


class SimulatedWorkers:
    """An executor whose trials report 20 steps at random moments, without processes."""

    def __init__(self, workers: int, reports_per_s: float) -> None:
        self._workers = workers
        self._pause_s = workers / reports_per_s
        self._chance = random.Random(0)
        self._due: list[tuple[float, int, int, Job]] = []
        self.delays_s: list[float] = []
        self.busy_s = 0.0
        self.cpu_s = 0.0
        self._since = 0.0

    def start(self, objective: Any, folder: Path) -> None:
        self._since, self._cpu = time.perf_counter(), time.process_time()

    @property
    def free(self) -> int:
        return self._workers - len(self._due)

    def submit(self, job: Job) -> None:
        self._push(job, 1)

    def _push(self, job: Job, step: int) -> None:
        when = time.perf_counter() + self._chance.uniform(0, 2 * self._pause_s)
        heapq.heappush(self._due, (when, job.number, step, job))

    def wait(self, timeout_s: float | None) -> list[Event]:
        now = time.perf_counter()
        self.busy_s += now - self._since
        self.cpu_s += time.process_time() - self._cpu
        when, _, step, job = heapq.heappop(self._due)
        time.sleep(max(0.0, when - now))
        self._since, self._cpu = time.perf_counter(), time.process_time()
        self._asked, self._step = min(when, self._since), step
        value = self._chance.random()
        if step > 20:
            return [Ended(job, {"status": "completed", "loss": value})]
        return [Reported(job, step, value)]

    def decide(self, job: Job, decision: Decision) -> None:
        # No trial gives up: pruning fewer would make the load lighter than it claims to be.
        self.delays_s.append(time.perf_counter() - self._asked)
        self._push(job, self._step + 1)

    def stop(self) -> None: ...
    def wake(self) -> None: ...
    def close(self, *, kill: bool = False) -> None: ...


def reports(history: int, pruner: str, settings: dict[str, Any]) -> str:
    """One line of the table of reports."""
    workers = SimulatedWorkers(200, reports_per_s=500)
    plan = Plan(
        {"x": Float(0, 1)},
        n_trials=history + 300,
        sampler="random",
        pruner=pruner,
        pruner_settings=settings,
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        before = Study(Journal(path / "study.journal"), path.name, plan)
        chance = random.Random(1)
        for number in range(history):
            value = chance.random()
            with before.batch():
                before.create(None)
                pruned = any(before.report(number, step, value) for step in range(1, 21))
                status, values = ("pruned", None) if pruned else ("completed", [value])
                before.save(number, 0, {"status": status, "loss": value})
                before.finish(number, status, values)
        before.close()
        Driver(plan, objectives.nothing, workers, path).run()
    delays = sorted(workers.delays_s)
    count = len(delays)
    return (
        f"| {pruner} | {history:,} | {1e3 * delays[count // 2]:.1f} "
        f"| {1e3 * delays[count * 99 // 100]:.1f} | {1e3 * delays[-1]:.1f} "
        f"| {count / workers.busy_s:,.0f} | {1e3 * workers.cpu_s / count:.3f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("trials", type=int, nargs="*", default=[1000, 10000])
    sizes = parser.parse_args().trials
    print(
        "| pruner | finished trials | median delay, ms | 99 % | largest | reports/s at most "
        "| CPU, ms a report |"
    )
    print("|---|---|---|---|---|---|---|")
    for history in sizes:
        for pruner, settings in PRUNERS.items():
            print(reports(history, pruner, settings), flush=True)
    print()
    cost(sizes)


def cost(sizes: list[int]) -> None:
    """The table of what a trial costs."""
    clock = Clock()
    clock.on(LocalExecutor, "wait", "waiting for workers")
    clock.on(LocalExecutor, "close", "closing workers")
    for method in ("__init__", "create", "save", "finish", "report", "importances"):
        clock.on(Study, method, "Optuna and its file")
    clock.on(Tables, "write", "tables")
    print("| sweep | trials | ms per trial | of it Optuna | tables | engine | waiting |")
    print("|---|---|---|---|---|---|---|")
    for trials in sizes:
        side = round(trials**0.5)
        grid = {"a": Choice(tuple(range(side))), "b": Choice(tuple(range(-(-trials // side))))}
        ranges = {"a": Float(0, 1), "b": Float(1e-4, 1, log=True)}
        for name, plan in {
            "grid": Plan(grid, n_trials=trials),
            "random": Plan(ranges, n_trials=trials, sampler="random"),
            **({"tpe": Plan(ranges, n_trials=trials, sampler="tpe")} if trials <= 1000 else {}),
        }.items():
            clock.spent_s = {}
            total = measure(plan, objectives.nothing, clock)
            spent = {key: 1000 * s / trials for key, s in clock.spent_s.items()}
            each = 1000 * total / trials
            engine = each - sum(spent.values())
            waiting = spent["waiting for workers"] + spent["closing workers"]
            print(
                f"| {name} | {trials:,} | {each:.2f} | {spent['Optuna and its file']:.2f} "
                f"| {spent['tables']:.2f} | {engine:.2f} | {waiting:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
