"""Drivers and workers killed at random moments: nothing is lost, nothing is done twice."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from musicgen.sweep.driver import Driver
from musicgen.sweep.local import LocalExecutor
from tests.processes import marked
from tests.sweep import driver_process, objectives
from tests.sweep.tables import results

ROUNDS = int(os.environ.get("ROUNDS", "5"))
POINTS = (30, 16)
"""Size of the grid with one seed, and with two."""
KILLS = 8

Spawn = Callable[..., subprocess.Popen[str]]


def gone(pid: int, within_s: float = 30.0) -> bool:
    """Whether a process ends in time; an orphan that nobody reaps counts as ended."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.005)
    return False


def outlived(process: subprocess.Popen[str], seconds: float) -> int | None:
    """The exit code, or None if the process is still there after so many seconds."""
    try:
        return process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        return None


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[list[dict[str, str]]]:
    """The tables of the sweep with one seed, and with two."""
    folders = [tmp_path_factory.mktemp("undisturbed") for _ in range(2)]
    for folder, seeds, points in zip(folders, (1, 2), POINTS, strict=True):
        plan = driver_process.plan(points, seeds=seeds)
        Driver(plan, objectives.steps, LocalExecutor([{}, {}]), folder).run()
    return [results(folder) for folder in folders]


def disturbed(
    chance: random.Random, folder: Path, kind: str, start: Callable[[], subprocess.Popen[str]]
) -> None:
    """Run a sweep to its end, and kill its driver, workers or both at random moments."""
    kills: list[str] = []
    driver = start()
    awaited = None
    most = KILLS if kind == "local" else KILLS // 2
    while True:
        # Drivers take seconds to begin on Ray and on a busy machine: most moments come after that.
        if driver is not awaited and chance.random() < 0.75:
            assert driver.stdout is not None
            driver.stdout.readline()
        awaited = driver
        if (code := outlived(driver, chance.uniform(0.02, 0.9))) is not None:
            if kills or code:
                break
            # On a busy machine a sweep may be over before its first moment comes.
            shutil.rmtree(folder)
            driver = start()
            continue
        workers = marked(driver.pid)
        some = chance.sample(workers, k=min(len(workers), chance.randint(1, 2)))
        victims = chance.choice([[driver.pid], some, [driver.pid, *some], [*some, driver.pid]])
        if not victims or len(kills) == most:
            continue
        for victim in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        kills.append("".join("D" if victim == driver.pid else "w" for victim in victims))
        if driver.pid in victims:
            driver.wait()
            assert all(gone(worker) for worker in workers)
            driver = start()
    assert code == 0, driver.communicate()
    print("killed:", *kills)


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_killed_sweep_ends_as_an_undisturbed_one(
    round_: int, kind: str, spawn: Spawn, tmp_path: Path, undisturbed: list[list[dict[str, str]]]
) -> None:
    seed = int(os.environ.get("SEED", random.randrange(10**6))) + round_
    print(f"SEED={seed} (of round {round_}; SEED={seed} ROUNDS=1 repeats it)")
    chance = random.Random(seed)
    folder = tmp_path / "sweep"
    seeds = 1 + seed % 2
    points = POINTS[seeds - 1]
    disturbed(chance, folder, kind, lambda: spawn("steps", points, seeds=seeds))
    assert results(folder) == undisturbed[seeds - 1]
    assert {row["status"] for row in results(folder)} == {"completed"}
    assert sorted(int(row["number"]) for row in results(folder)) == list(range(points))
    # By Optuna's own reader: the file is a whole journal, each trial ended exactly once.
    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    (study,) = storage.get_all_studies()
    trials = storage.get_all_trials(study._study_id)
    assert [trial.state for trial in trials] == [optuna.trial.TrialState.COMPLETE] * points
    lines = [json.loads(line) for line in (folder / "study.journal").read_text().splitlines()]
    ends = [line["trial_id"] for line in lines if "state" in line and "trial_id" in line]
    assert sorted(ends) == list(range(points))


@pytest.mark.slow
@pytest.mark.parametrize("round_", range(ROUNDS))
def test_a_killed_search_with_rungs_ends_as_an_undisturbed_one(
    round_: int, kind: str, spawn: Spawn, tmp_path: Path
) -> None:
    """With one worker it is the same search; with two, which trials go on depends on who is first,
    but what each trial does at each rung does not."""
    seed = int(os.environ.get("SEED", random.randrange(10**6))) + round_
    print(f"SEED={seed} (of round {round_}; SEED={seed} ROUNDS=1 repeats it)")
    workers, pruner = 1 + seed % 2, ("asha", "hyperband")[seed // 2 % 2]
    points = POINTS[0]

    def start() -> subprocess.Popen[str]:
        return spawn("climbs_slowly", points, workers=workers, pruner=pruner)

    folder = tmp_path / "sweep"
    disturbed(random.Random(seed), folder, kind, start)
    rows = results(folder)
    assert {row["status"] for row in rows} == {"completed", "pruned"}
    assert rows[0]["status"] == "completed"
    assert len(rows) == points
    for row in rows:
        params = {"a": int(row["a"]), "b": None if row["b"] == "null" else row["b"]}
        value = objectives.Climber.values(params, int(row["steps"]))[-1]
        assert float(row["loss"]) == value
        assert (int(row["steps"]) == 9) == (row["status"] == "completed")
        steps = [int(line) for line in (folder / row["number"] / "starts").read_text().split()]
        assert steps == sorted(steps)
    if workers == 1:
        plan = driver_process.plan(points, pruner=pruner)
        whole = tmp_path / "whole" / "sweep"
        Driver(plan, objectives.climbs, LocalExecutor([{}]), whole).run()
        assert results(whole) == rows


def test_workers_go_with_their_driver(spawn: Spawn) -> None:
    driver = spawn("slow_steps", 4)
    assert driver.stdout is not None
    assert driver.stdout.readline() == "started\n"
    workers = marked(driver.pid)
    assert workers
    driver.kill()
    driver.wait()
    assert all(gone(worker) for worker in workers)


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/proc/self"), reason="needs Linux")
def test_workers_go_with_their_driver_from_within_native_code(spawn: Spawn, tmp_path: Path) -> None:
    driver = spawn("stubborn", 2, 1)
    begun = tmp_path / "sweep" / "0" / "pid"
    while not begun.exists() or not begun.read_text():
        assert driver.poll() is None
        time.sleep(0.01)
    worker = int(begun.read_text())
    assert worker in marked(driver.pid)
    driver.kill()
    driver.wait()
    assert gone(worker)


@pytest.mark.slow
def test_second_driver_is_refused(spawn: Spawn, tmp_path: Path) -> None:
    first = spawn("slow_steps", 4)
    assert first.stdout is not None
    first.stdout.readline()
    before = (tmp_path / "sweep" / "study.journal").stat().st_size
    second = spawn("slow_steps", 4)
    _, error = second.communicate(timeout=120)
    assert second.returncode == 2
    assert f"process {first.pid} on {os.uname().nodename}" in error
    assert len(error.splitlines()) == 1
    assert (tmp_path / "sweep" / "study.journal").stat().st_size >= before


@pytest.mark.slow
def test_ctrl_c_once_stops_at_the_checkpoint_and_goes_on_later(
    spawn: Spawn, tmp_path: Path
) -> None:
    driver = spawn("slow_steps", 4)
    assert driver.stdout is not None
    driver.stdout.readline()
    driver.send_signal(signal.SIGINT)
    assert driver.wait(timeout=60) == 130  # its trials take ten minutes each
    assert {row["status"] for row in results(tmp_path / "sweep")} == {"interrupted"}
    checkpoints = (tmp_path / "sweep").glob("*/state.json")
    steps_done = max(json.loads(path.read_text())["step"] for path in checkpoints)
    assert 0 < steps_done < 60_000
    again = spawn("steps", 4)  # of ten steps: it finds more than that done, if it looks
    assert again.wait(timeout=120) == 0
    rows = results(tmp_path / "sweep")
    assert [row["status"] for row in rows] == ["completed"] * 4
    assert {int(row["number"]) for row in rows} == {0, 1, 2, 3}
    assert max(int(row["steps"]) for row in rows) >= steps_done


@pytest.mark.slow
def test_ctrl_c_twice_stops_at_once(spawn: Spawn, tmp_path: Path) -> None:
    driver = spawn("stubborn", 2, 1)
    begun = tmp_path / "sweep" / "0" / "pid"
    while not begun.exists() or not begun.read_text():
        assert driver.poll() is None
        time.sleep(0.01)
    driver.send_signal(signal.SIGINT)
    assert driver.stdout is not None
    assert driver.stdout.readline() == "told\n"  # two that come together count as one
    with pytest.raises(subprocess.TimeoutExpired):
        driver.wait(timeout=0.5)  # once is not enough for a trial that does not listen
    driver.send_signal(signal.SIGINT)
    assert driver.wait(timeout=60) == 130
    assert gone(int(begun.read_text()))
    assert spawn("steps", 2).wait(timeout=120) == 0
    assert [row["status"] for row in results(tmp_path / "sweep")] == ["completed"] * 2
