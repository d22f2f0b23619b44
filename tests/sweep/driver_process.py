"""A driver in a process of its own, for tests that kill it.

Arguments: folder, a name in tests.sweep.objectives, points of the grid, workers, seeds, executor
(local, spawned, or ray on the cluster of RAY_ADDRESS), pruner (none, or one of promotion).
Handles Ctrl-C as a command would, prints `started` at the first report and `told` at each Ctrl-C,
and exits with 0, 130 or an error's own code.
"""

import os
import signal
import sys
from pathlib import Path
from typing import Any

from musicgen.errors import MusicgenError
from musicgen.sweep.driver import Driver
from musicgen.sweep.executor import Executor
from musicgen.sweep.local import LocalExecutor
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Judged
from musicgen.sweep.space import Choice
from tests.sweep import objectives

PROMOTION = {"min_resource": 1, "reduction_factor": 2, "max_resource": 9, "rule": "promotion"}


def plan(points: int, *, pruner: str = "none", **settings: Any) -> Plan:
    space = {"a": Choice(tuple(range(points // 2))), "b": Choice(("x", None))}
    rungs = {} if pruner == "none" else PROMOTION
    return Plan(
        space, retries=1000, refresh_s=0.05, pruner=pruner, pruner_settings=rungs, **settings
    )


def make_executor(kind: str, workers: str) -> Executor:
    mark = {"SWEEP_DRIVER": str(os.getpid())}
    if kind in ("local", "spawned"):
        method = "spawn" if kind == "spawned" else None
        return LocalExecutor([mark] * int(workers), method=method)
    from musicgen.sweep.cluster import Cluster
    from musicgen.sweep.ray import RayExecutor

    return RayExecutor(Cluster(), workers if workers == "auto" else int(workers), environment=mark)


def main(
    folder: str,
    objective: str,
    points: str,
    workers: str,
    seeds: str,
    kind: str,
    pruner: str = "none",
) -> int:
    judged: list[object] = []

    def observe(event: object) -> None:
        if isinstance(event, Judged) and not judged:
            judged.append(event)
            print("started", flush=True)

    executor = make_executor(kind, workers)
    what = plan(int(points), seeds=int(seeds), pruner=pruner)
    driver = Driver(what, getattr(objectives, objective), executor, Path(folder), observe=observe)

    def stop(*_: object) -> None:
        driver.request_stop()
        os.write(1, b"told\n")  # a signal may come while `print` is at work

    signal.signal(signal.SIGINT, stop)
    try:
        return 130 if driver.run().interrupted else 0
    except MusicgenError as error:
        print(error, file=sys.stderr)
        return error.exit_code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
