"""The executors that the suite is for, and drivers in processes of their own."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from musicgen.sweep.driver import Driver
from musicgen.sweep.executor import Executor
from musicgen.sweep.local import LocalExecutor
from musicgen.sweep.plan import Plan
from musicgen.sweep.trial import Objective
from tests.sweep.makers import MakeExecutor, Sweep
from tests.tunes import ROOT


@pytest.fixture(
    params=[
        "local",
        pytest.param("spawned", marks=pytest.mark.slow),
        pytest.param("ray", marks=pytest.mark.slow),
    ]
)
def kind(request: pytest.FixtureRequest) -> str:
    """An executor's name: one more here, and the suite is for it."""
    return request.param


@pytest.fixture
def make_executor(kind: str, request: pytest.FixtureRequest) -> MakeExecutor:
    """A maker of executors with so many workers, and with variables of their environment."""
    return request.getfixturevalue(kind)


@pytest.fixture(scope="session")
def local() -> MakeExecutor:
    def make(workers: int, **environment: str) -> Executor:
        return LocalExecutor([{"OMP_NUM_THREADS": "1", **environment} for _ in range(workers)])

    return make


@pytest.fixture(scope="session")
def spawned() -> MakeExecutor:
    """Local executors whose workers start as on macOS."""

    def make(workers: int, **environment: str) -> Executor:
        environments = [{"OMP_NUM_THREADS": "1", **environment} for _ in range(workers)]
        return LocalExecutor(environments, method="spawn")

    return make


@pytest.fixture(scope="session")
def ray() -> Iterator[MakeExecutor]:
    """Executors on one cluster, that of this machine; one of three nodes is in test_ray."""
    from musicgen.sweep.cluster import Cluster
    from musicgen.sweep.ray import RayExecutor

    cluster = Cluster()

    def make(workers: int, **environment: str) -> Executor:
        return RayExecutor(Cluster(), workers, environment=environment)

    yield make
    cluster.close()


@pytest.fixture
def place(kind: str, request: pytest.FixtureRequest) -> dict[str, str]:
    """The environment in which a driver of its own process finds its executor's cluster."""
    if kind in ("local", "spawned"):
        return {}
    request.getfixturevalue("ray")
    from ray import get_runtime_context

    return {"RAY_ADDRESS": get_runtime_context().gcs_address}


@pytest.fixture
def sweep(make_executor: MakeExecutor, tmp_path: Path) -> Sweep:
    """Makes drivers in `tmp_path / "sweep"`, or in another folder there."""

    def make(
        plan: Plan, objective: Objective, *, workers: int = 2, folder: str = "sweep", **hooks: Any
    ) -> Driver:
        return Driver(plan, objective, make_executor(workers), tmp_path / folder, **hooks)

    return make


@pytest.fixture
def spawn(
    kind: str, place: dict[str, str], tmp_path: Path
) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts drivers in processes, and ends what is left of them."""
    started: list[subprocess.Popen[str]] = []

    def start(
        objective: str,
        points: int,
        workers: int | str = 2,
        seeds: int = 1,
        pruner: str = "none",
    ) -> subprocess.Popen[str]:
        module = "tests.sweep.driver_process"
        how = map(str, (points, workers, seeds, kind, pruner))
        process = subprocess.Popen(
            [sys.executable, "-m", module, str(tmp_path / "sweep"), objective, *how],
            env={**os.environ, "PYTHONPATH": str(ROOT), **place},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
