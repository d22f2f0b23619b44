"""Sweeps whose study lives in a real PostgreSQL, which comes and goes."""

import itertools
import json
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import optuna
import psycopg
import pytest
from optuna.trial import TrialState

from musicgen.errors import InputError, RunError
from musicgen.sweep.database import connect
from musicgen.sweep.driver import Driver
from musicgen.sweep.local import LocalExecutor
from musicgen.sweep.progress import Started
from musicgen.sweep.space import grid
from musicgen.sweep.study import Study
from tests.sweep import driver_process, objectives
from tests.sweep.postgres import Database, free_port, programs
from tests.sweep.tables import results

POINTS = 40
OBJECTIVE = objectives.six_steps
STEPS = (1, 2, 3, 4, 5, 6)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(programs() is None, reason="needs PostgreSQL: apt install postgresql"),
]


@pytest.fixture
def database() -> Iterator[Database]:
    with Database() as server:
        yield server


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


def check(folder: Path, url: str, alone: Path, *, reports: bool) -> None:
    """Nothing lost, nothing doubled, and the tables of a sweep that needs no database.

    reports: of every step; one that was on its way when a driver ended is not made again.
    """
    with connect(url) as storage:
        (study,) = optuna.study.get_all_study_summaries(storage)
        found = optuna.load_study(study_name=study.study_name, storage=storage).trials
    assert [trial.number for trial in found] == list(range(POINTS))
    assert {trial.state for trial in found} == {TrialState.COMPLETE}
    if reports:
        assert {tuple(sorted(trial.intermediate_values)) for trial in found} == {STEPS}
    Driver(driver_process.plan(POINTS), OBJECTIVE, LocalExecutor([{}, {}]), alone).run()
    assert results(folder) == results(alone)


def test_a_server_that_restarts_while_a_sweep_runs(database: Database, tmp_path: Path) -> None:
    seen: list[int] = []

    def restart() -> None:
        database.stop()
        time.sleep(0.5)
        database.start()

    restarting = threading.Thread(target=restart)

    def observe(event: object) -> None:
        if isinstance(event, Started) and event.job.number in (5, 20):
            # The dashboard reads trials anew only after some seconds; a driver may be faster.
            while (known := len(trials())) <= event.job.number:
                time.sleep(0.1)
            seen.append(known)
            if event.job.number == 20:
                restarting.start()

    with connect(database.url):
        pass  # the dashboard does not make the tables
    plan = driver_process.plan(POINTS, storage=database.url)
    workers = LocalExecutor([{}, {}])
    with dashboard(database.url) as trials:
        Driver(plan, OBJECTIVE, workers, tmp_path / "sweep", observe=observe).run()
    restarting.join()
    assert 5 < seen[0] < 20 < seen[1] < POINTS
    check(tmp_path / "sweep", database.url, tmp_path / "alone", reports=True)


def test_a_server_that_stays_away_for_long(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("musicgen.sweep.database.Database.patience_s", 0.5)

    def observe(event: object) -> None:
        if isinstance(event, Started) and event.job.number == 20:
            database.stop()

    plan = driver_process.plan(POINTS, storage=database.url)
    folder = tmp_path / "sweep"
    with pytest.raises(RunError) as error:
        Driver(plan, OBJECTIVE, LocalExecutor([{}, {}]), folder, observe=observe).run()
    assert str(error.value).endswith("start again: the sweep goes on")
    assert "\n" not in str(error.value)
    assert database.password not in str(error.value)
    assert {row["status"] for row in results(folder)} == {"completed", "interrupted"}
    database.start()
    Driver(plan, OBJECTIVE, LocalExecutor([{}, {}]), folder).run()
    check(folder, database.url, tmp_path / "alone", reports=False)


def test_a_database_that_refuses_the_password_is_one_line_without_it(database: Database) -> None:
    wrong = database.url.replace(database.password, "letmein")
    refusal = r"//127\.0\.0\.1/postgres can't be reached: "
    with pytest.raises(InputError, match=refusal) as error, connect(wrong):
        pass
    assert "letmein" not in str(error.value)
    assert "\n" not in str(error.value)


def test_a_password_in_the_query(database: Database) -> None:
    url = database.url.replace(f":{database.password}@", "@") + "?password="
    with connect(url + database.password) as storage:
        assert not storage.get_all_studies()
    with pytest.raises(InputError, match="can't be reached") as error, connect(f"{url}letmein"):
        pass
    assert "letmein" not in str(error.value)


def test_answers_that_get_lost_behind_a_commit(database: Database) -> None:
    """Every third commit is made, and the connection ends before anybody hears of it."""
    plan = driver_process.plan(4, storage=database.url)
    with connect(database.url) as storage:
        plain, commits = storage.engine.dialect.do_commit, itertools.count()

        def commit(connection: Any) -> None:
            plain(connection)
            if next(commits) % 3 == 0:
                connection.dbapi_connection.close()
                raise psycopg.OperationalError("server closed the connection unexpectedly")

        for name in "abc":
            study = Study(storage, name, plan)
            storage.engine.dialect.do_commit = commit
            for number, point in enumerate(grid(plan.space)):
                assert study.create(point).number == number
                assert not study.report(number, 1, 0.5)
                study.save(number, 0, {"status": "completed", "loss": 0.25})
                study.finish(number, "completed", [0.25])
            storage.engine.dialect.do_commit = plain
            next(commits)  # so that each kind of commit gets its turn
            study.close()
            found = optuna.load_study(study_name=name, storage=storage).trials
            assert [trial.number for trial in found] == [0, 1, 2, 3]
            assert {trial.state for trial in found} == {TrialState.COMPLETE}
            assert [trial.intermediate_values for trial in found] == [{1: 0.5}] * 4
            assert [trial.values for trial in found] == [[0.25]] * 4
