"""Sweeps whose study lives in a real PostgreSQL, which comes and goes."""

import json
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
import pytest
import sweep_process
import sweep_toys
from database import Database, free_port, programs
from optuna.trial import TrialState
from test_sweep_kill import results

from musicgen.errors import InputError
from musicgen.sweep.driver import Driver
from musicgen.sweep.local import LocalExecutor
from musicgen.sweep.study import connect

POINTS = 40

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(programs() is None, reason="needs PostgreSQL: apt install postgresql"),
]


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    with Database() as server:
        yield server


@pytest.fixture
def place(database: Database) -> dict[str, str]:
    return {"SWEEP_STORAGE": database.url}


@contextmanager
def dashboard(url: str) -> Iterator[Callable[[], list[dict[str, object]]]]:
    """optuna-dashboard on the database; yields what lists its studies."""
    port = free_port()
    program = str(Path(sys.executable).with_name("optuna-dashboard"))
    process = subprocess.Popen(
        [program, url, "--host", "127.0.0.1", "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def ask(path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/{path}", timeout=30) as answer:
            return json.load(answer)

    def trials() -> list[dict[str, object]]:
        (study,) = ask("studies")["study_summaries"]
        return ask(f"studies/{study['study_id']}?after=0")["trials"]

    try:
        while True:
            with suppress(OSError):
                ask("studies")
                break
            assert process.poll() is None
            time.sleep(0.1)
        yield trials
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("kind", ["local"], indirect=True)
def test_a_server_that_restarts_while_a_sweep_runs(
    database: Database, spawn: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    folder = tmp_path / "sweep"
    with connect(database.url):
        pass  # the dashboard does not make the tables
    with dashboard(database.url) as trials:
        driver = spawn("longer_steps", POINTS)
        assert driver.stdout is not None
        assert driver.stdout.readline() == "started\n"
        seen = trials()
        assert driver.poll() is None
        assert 1 <= len(seen) < POINTS
    database.stop()
    _, said = driver.communicate(timeout=60)
    # The driver says so in a line, and ends with the code of a run that failed.
    assert driver.returncode == 1
    assert said.endswith("start again: the sweep goes on\n")
    assert said.count("\n") == 1
    assert database.password not in said
    half = results(folder)
    assert any(row["status"] == "interrupted" for row in half)
    database.start()
    driver = spawn("longer_steps", POINTS)
    assert driver.wait(timeout=240) == 0, driver.communicate()

    with connect(database.url) as storage:
        (study,) = optuna.study.get_all_study_summaries(storage)
        found = optuna.load_study(study_name=study.study_name, storage=storage).trials
    assert [trial.number for trial in found] == list(range(POINTS))
    assert {trial.state for trial in found} == {TrialState.COMPLETE}
    assert all(list(trial.intermediate_values) == list(range(1, 13)) for trial in found)
    plan = sweep_process.plan(POINTS)
    alone = LocalExecutor([{}, {}])
    Driver(plan, sweep_toys.longer_steps, alone, tmp_path / "alone").run()
    assert results(folder) == results(tmp_path / "alone")


def test_a_database_that_refuses(database: Database) -> None:
    wrong = database.url.replace(database.password, "letmein")
    refusal = r"//127\.0\.0\.1/postgres can't be reached: "
    with pytest.raises(InputError, match=refusal) as error, connect(wrong):
        pass
    assert "letmein" not in str(error.value)
    assert "\n" not in str(error.value)
