"""What a failure costs: minutes, and not the sweep."""

import csv
import json
import re
import time
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from musicgen.errors import RunError
from musicgen.sweep import fork_server
from musicgen.sweep.plan import Plan
from musicgen.sweep.space import Choice, Float, Int
from musicgen.sweep.trial import Job
from tests.sweep import objectives
from tests.sweep.makers import MakeExecutor, Sweep
from tests.sweep.tables import by_number


def test_a_broken_process_takes_no_other_trial_with_it(sweep: Sweep) -> None:
    rows = by_number(sweep(Plan({"x": Int(1, 6)}), objectives.breaks, workers=1).run().rows)
    assert [row["status"] for row in rows] == ["completed", "failed", *["completed"] * 4]
    assert rows[1]["error"] == "RuntimeError: CUDA error: device-side assert triggered"
    assert len({row["pid"] for row in rows if "pid" in row}) == 2


def test_a_fresh_worker_after_a_failure_costs_milliseconds(
    local: MakeExecutor, tmp_path: Path
) -> None:
    executor = local(1)
    executor.start(objectives.moody, tmp_path)

    def each(mood: str, count: int) -> float:
        """Seconds for a trial."""
        begun = time.monotonic()
        for number in range(count):
            folder = tmp_path / mood / str(number)
            folder.mkdir(parents=True)
            executor.submit(Job(number, 0, seed=0, params={"mood": mood}, folder=folder))
            while not executor.wait(None):
                pass
        return (time.monotonic() - begun) / count

    try:
        each("fine", 1)  # the fork server's own start
        assert each("raises", 20) - each("diverges", 20) < 0.25  # 0.01 on an idle machine
    finally:
        executor.close()


def test_workers_are_forked_where_that_is_safe() -> None:
    """Apple's system libraries may crash or hang in a fork of a process that has used them."""
    assert fork_server.start_method("linux") == "fork"
    assert fork_server.start_method("darwin") == "spawn"


DISK = "OSError: [Errno 28] No space left on device"


def states(folder: Path) -> list[TrialState]:
    """Of the study's trials, by Optuna's own reader."""
    storage = JournalStorage(JournalFileBackend(str(folder / "study.journal")))
    return [trial.state for trial in storage.get_all_trials(0)]


@pytest.mark.parametrize("storage", ["journal", pytest.param("sqlite", marks=pytest.mark.slow)])
def test_what_failed_is_tried_again_once_for_each_start(
    sweep: Sweep, tmp_path: Path, storage: str
) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}" if storage == "sqlite" else None
    space = {"mood": Choice(("fine", "raises", "diverges", "second time", "killed"))}
    plan = Plan(space, storage=url)

    def attempts() -> list[str]:
        return [(tmp_path / "sweep" / str(n) / "attempts").read_text() for n in range(5)]

    outcome = sweep(plan, objectives.moody).run()
    assert attempts() == ["x"] * 5
    assert outcome.failures.total() == 3
    failed = [TrialState.COMPLETE, *[TrialState.FAIL] * 4]
    if url is None:
        assert states(tmp_path / "sweep") == failed
    again = sweep(plan, objectives.moody)
    rows = {row["mood"]: row for row in again.run().rows}
    assert attempts() == ["x", "xx", "x", "xx", "xx"]
    assert again.progress().done == 5
    assert [rows[mood]["status"] for mood in space["mood"].values] == [
        "completed",
        "failed",
        "diverged",
        "completed",
        "failed",
    ]
    assert rows["second time"]["earlier_errors"] == "OSError: not yet"
    assert "earlier_errors" not in rows["fine"]
    assert rows["raises"]["error"] == rows["raises"]["earlier_errors"] == "ValueError: no good"
    if url is None:
        assert states(tmp_path / "sweep") == [*failed[:3], TrialState.COMPLETE, TrialState.FAIL]
    sweep(replace(plan, retries=2), objectives.moody).run()
    assert attempts() == ["x", "xxxxx", "x", "xx", "xxxxx"]
    last = sweep(replace(plan, retry_failed=False), objectives.moody).run()
    assert attempts() == ["x", "xxxxx", "x", "xx", "xxxxx"]
    assert {row["mood"]: row.get("earlier_errors") for row in last.rows} == {
        "fine": None,
        "raises": "ValueError: no good",
        "diverges": None,
        "second time": "OSError: not yet",
        "killed": "worker killed by SIGKILL (out of memory?)",
    }


def test_a_mishap_stops_the_sweep_early_and_costs_no_configuration(
    sweep: Sweep, tmp_path: Path
) -> None:
    full = tmp_path / "sweep" / "disk full"
    full.parent.mkdir()
    full.touch()
    plan = Plan({"x": Int(1, 40)})
    with pytest.raises(RunError) as error:
        sweep(plan, objectives.fragile).run()
    assert f"10 runs failed one after another (1{{0}} x {DISK})" in re.sub(
        r"1[01] x",
        "1{0} x",
        str(error.value),  # the other worker may have had one, too
    )
    assert "start again: the sweep goes on" in str(error.value)
    assert "\n" not in str(error.value)
    full.unlink()
    rows = by_number(sweep(plan, objectives.fragile).run().rows)
    assert [row["status"] for row in rows] == ["completed"] * 40
    assert {row.get("earlier_errors") for row in rows[:8]} == {DISK}
    assert {row.get("earlier_errors") for row in rows[12:]} == {None}


def test_a_run_of_failures_may_be_of_any_length(sweep: Sweep) -> None:
    """As where the largest networks of a grid need more memory than there is."""
    plan = Plan({"x": Float(0, 1, step=0.05), "fails": Choice((True,))}, max_failures_in_a_row=None)
    outcome = sweep(plan, objectives.cliff).run()
    assert len(outcome.rows) == 21
    assert outcome.failures.total() == 10


@pytest.mark.slow
def test_what_fails_for_good_keeps_no_sweep_from_going_on(sweep: Sweep, tmp_path: Path) -> None:
    """Each start comes farther, though what failed before would fail again."""
    plan = Plan({"x": Int(1, 18), "fails": Choice((True,))}, max_failures_in_a_row=4)
    known: list[int] = []
    for _ in range(5):
        with pytest.raises(RunError, match="4 runs failed one after another"):
            sweep(plan, objectives.cliff, workers=1).run()
        known.append(len(states(tmp_path / "sweep")))
    assert known == [4, 8, 12, 16, 18]


def test_other_seeds_stay_when_one_is_tried_again(sweep: Sweep, tmp_path: Path) -> None:
    def losses() -> dict[tuple[str, str], str]:
        with (tmp_path / "sweep" / "runs.csv").open() as file:
            rows = list(csv.DictReader(file))
        return {(row["number"], row["run"]): row["loss"] for row in rows}

    plan = Plan({"x": Int(1, 2)}, seeds=3)
    _, row = by_number(sweep(plan, objectives.seeded, workers=1).run().rows)
    assert (row["status"], row["n"]) == ("failed", 2)
    done = losses()
    _, row = by_number(sweep(plan, objectives.fragile, workers=1).run().rows)
    assert (row["status"], row["n"], row["earlier_errors"]) == (
        "completed",
        3,
        "RuntimeError: bad luck",
    )
    assert done.pop(("1", "1")) == ""
    assert losses() == {**done, ("1", "1"): "2.0"}


def test_failures_of_a_sweep_of_an_older_version_are_tried_again_too(
    sweep: Sweep, tmp_path: Path
) -> None:
    """Its trials ended as FAIL, and nothing was written of a second attempt."""
    plan = Plan({"x": Int(1, 3)})
    (tmp_path / "sweep").mkdir()
    (tmp_path / "sweep" / "disk full").touch()
    with pytest.raises(RunError, match="none of 3 configurations completed"):
        sweep(plan, objectives.fragile).run()
    (tmp_path / "sweep" / "disk full").unlink()
    journal = tmp_path / "sweep" / "study.journal"
    assert sum(json.loads(line).get("state") == 3 for line in journal.read_text().splitlines()) == 3
    size = journal.stat().st_size
    rows = sweep(plan, objectives.fragile).run().rows
    assert [row["status"] for row in rows] == ["completed"] * 3
    assert journal.stat().st_size > size
    assert states(tmp_path / "sweep") == [TrialState.COMPLETE] * 3
