"""What only a cluster has: nodes that die, nodes that join, folders that a node does not see."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster as Nodes

from musicgen.config.keys import RayConfig
from musicgen.errors import InputError, Remedy
from musicgen.sweep.cluster import Cluster
from musicgen.sweep.driver import Driver
from musicgen.sweep.local import LocalExecutor
from musicgen.sweep.ray import RayExecutor, Worker
from musicgen.workflows.executor import make_executor as executor_of
from tests.commands import sweep as arguments
from tests.commands import table, train
from tests.sweep import driver_process, objectives
from tests.sweep.makers import MakeExecutor
from tests.sweep.tables import results
from tests.tunes import ROOT, composed, small

NODE = {"num_cpus": 1, "object_store_memory": 80_000_000, "include_dashboard": False}
QUICK = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 1000,
    "health_check_failure_threshold": 5,
}
"""A dead node is noticed after five seconds of silence instead of fifteen."""

POINTS = 16

pytestmark = pytest.mark.slow


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[Nodes]:
    """A cluster of three nodes with one core each; this process does not connect to it."""
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    cluster = Nodes()
    try:
        cluster.add_node(**NODE, _system_config=QUICK)
        for name in ("one", "two"):
            cluster.add_node(**NODE, env_vars={"SWEEP_NODE": name})
        yield cluster
    finally:
        cluster.shutdown()


@pytest.fixture
def place(nodes: Nodes) -> dict[str, str]:
    return {"RAY_ADDRESS": nodes.address}


def lives(folder: Path) -> dict[str, list[tuple[str, int]]]:
    """The nodes that each trial began on, with the steps it found there, by its number."""
    written = {path.parent.name: path.read_text().split() for path in folder.glob("*/nodes")}
    return {
        number: [(name, int(step)) for name, step in zip(words[::2], words[1::2], strict=True)]
        for number, words in written.items()
    }


def names(folder: Path) -> set[str]:
    return {name for life in lives(folder).values() for name, _ in life}


def until(condition: Callable[[], object], driver: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert driver.poll() is None, driver.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("kind", ["ray"], indirect=True)
def test_a_node_dies_and_another_joins(
    nodes: Nodes, spawn: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    driver = spawn("travels", POINTS, workers="auto")
    folder = tmp_path / "sweep"
    until(lambda: names(folder) == {"head", "one", "two"}, driver)
    (dying,) = (number for number, life in lives(folder).items() if life == [("two", 0)])
    checkpoint = folder / dying / "state.json"
    until(lambda: checkpoint.exists() and '"step": 5' in checkpoint.read_text(), driver)
    two = next(n for n in nodes.worker_nodes if n._ray_params.env_vars["SWEEP_NODE"] == "two")
    nodes.remove_node(two, allow_graceful=False)
    nodes.add_node(**NODE, env_vars={"SWEEP_NODE": "late"})
    assert driver.wait(timeout=300) == 0, driver.communicate()

    # Nothing was retried: a node's death is not a run's failure.
    assert [found for _, found in lives(folder)[dying]] == [0, 5]
    assert all(len(life) == 1 for number, life in lives(folder).items() if number != dying)
    assert "late" in names(folder)
    alone = LocalExecutor([{"SWEEP_NODE": "late"}] * 4)
    Driver(driver_process.plan(POINTS), objectives.travels, alone, tmp_path / "alone").run()
    assert results(folder) == results(tmp_path / "alone")


@pytest.mark.parametrize("kind", ["ray"], indirect=True)
def test_a_trial_that_paused_on_a_node_that_died_goes_on_elsewhere(
    nodes: Nodes, spawn: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    driver = spawn("roams", POINTS, workers="auto", pruner="asha")
    folder = tmp_path / "sweep"

    def paused() -> list[str]:
        """The trials that are paused."""
        if not (folder / "table.csv").exists():
            return []
        return [row["number"] for row in results(folder) if row["status"] == "paused"]

    # Which of them were on the node `two` last is chance: its workers may come after the others'.
    until(lambda: paused() and "two" in names(folder), driver)
    lived = {number: len(lives(folder)[number]) for number in paused()}
    two = next(n for n in nodes.worker_nodes if n._ray_params.env_vars["SWEEP_NODE"] == "two")
    nodes.remove_node(two, allow_graceful=False)
    nodes.add_node(**NODE, env_vars={"SWEEP_NODE": "late"})
    assert driver.wait(timeout=300) == 0, driver.communicate()

    # Each trial that paused has another life: it goes on, or is given up by a worker. Some begin it
    # on the node before that is gone.
    assert all(len(lives(folder)[number]) > count for number, count in lived.items())
    assert all(lives(folder)[number][-1][1] >= 1 for number in lived)
    rows = results(folder)
    assert {row["status"] for row in rows} == {"completed", "pruned"}
    for row in rows:
        params = {"a": int(row["a"]), "b": None if row["b"] == "null" else row["b"]}
        assert float(row["loss"]) == objectives.Climber.values(params, int(row["steps"]))[-1]


@pytest.mark.parametrize("kind", ["ray"], indirect=True)
def test_a_node_that_cannot_start_workers(
    nodes: Nodes, spawn: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """It has many cores, and lacks this package: its actors die as they come, again and again."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['musicgen'] = None\n"  # no such module, whatever the path
    )
    many = {**NODE, "num_cpus": 12}
    nodes.add_node(**many, env_vars={"PYTHONPATH": str(tmp_path), "SWEEP_NODE": "bad"})
    driver = spawn("steps", POINTS, workers="auto")
    assert driver.wait(timeout=300) == 0, driver.communicate()
    assert {row["status"] for row in results(tmp_path / "sweep")} == {"completed"}


def test_trainings_on_nodes_that_see_nothing_but_the_sweeps_folder(
    place: dict[str, str], tmp_path: Path
) -> None:
    """The workers have another working directory, in which neither tunes nor corpora are."""
    small(tmp_path)
    swept = ["model.dropout=0,0.2", "data.path=/proc/self/cwd/tunes.txt"]
    swept += ["data.root=/proc/self/cwd/data"]
    here = arguments(tmp_path, *swept, name="here")
    there = arguments(tmp_path, *swept, "sweep.executor=ray", name="there")
    alone = train(*here, cwd=tmp_path)
    assert alone.returncode == 0, alone.stderr
    process = subprocess.run(
        [sys.executable, "-m", "musicgen.train", *there],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), **place},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert "3 workers" in process.stdout
    assert table(tmp_path / "there") == table(tmp_path / "here")
    for number in ("0", "1"):
        one, other = (tmp_path / name / number for name in ("here", "there"))
        best = "checkpoints/best.safetensors"
        assert (one / best).read_bytes() == (other / best).read_bytes()


@pytest.mark.parametrize("kind", ["ray"], indirect=True)
def test_a_folder_that_workers_do_not_see(
    make_executor: MakeExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ours = Path("/proc/self/cwd/sweep")  # of whoever looks
    driver = Driver(driver_process.plan(4), objectives.nothing, make_executor(2), ours)
    with pytest.raises(InputError, match=f"{socket.gethostname()} doesn't see {ours}$") as told:
        driver.run()
    assert told.value.remedy is Remedy.SHARED_SWEEP_FOLDER


def test_a_worker_knows_the_sweeps_folder(tmp_path: Path) -> None:
    (tmp_path / "workers.log").write_text("another driver's\n")
    assert Worker().begin(b"", tmp_path, "token", [], {}) == socket.gethostname()


@pytest.mark.parametrize("kind", ["ray"], indirect=True)
def test_workers_too_large_for_any_node(make_executor: MakeExecutor) -> None:
    make_executor(1)
    with pytest.raises(InputError, match=r"num_gpus must be at most 0, .* got 1; lower it"):
        RayExecutor(Cluster(), num_gpus=1)
    with pytest.raises(InputError, match=r"num_cpus must be at most \d+, .* got 1000; lower it"):
        RayExecutor(Cluster(), num_cpus=1000)


def test_a_sweep_without_ray_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musicgen.workflows.executor.find_spec", lambda name: None)
    config = composed("sweep.executor=ray")
    assert config.sweep.ray == RayConfig(address=None, num_cpus=1, num_gpus=None)
    with pytest.raises(InputError, match=r"pip install -e '\.\[ray\]'"):
        executor_of(config)
