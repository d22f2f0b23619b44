"""What every executor does for its workers: environments, starts that fail, ends of processes."""

import os
import signal
import sys
import time
import types
from pathlib import Path
from typing import Any

import pytest

from musicgen.errors import InputError, RunError
from musicgen.sweep.driver import Driver
from musicgen.sweep.executor import Ended
from musicgen.sweep.local import slots
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Judged
from musicgen.sweep.space import Int
from musicgen.sweep.trial import Job
from tests.sweep import objectives
from tests.sweep.makers import MakeExecutor


def test_slots_share_cores_and_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: range(8), raising=False)
    monkeypatch.setattr("sys.platform", "linux")
    assert [slot["OMP_NUM_THREADS"] for slot in slots()] == ["1"] * 8
    assert [slot["OMP_NUM_THREADS"] for slot in slots(3)] == ["2"] * 3
    assert [slot["OMP_NUM_THREADS"] for slot in slots(16)] == ["1"] * 16
    assert [slot["CUDA_VISIBLE_DEVICES"] for slot in slots(gpus=["0", "1"])] == ["0", "1"]
    shared = slots(gpus=["0", "1"], trials_per_gpu=2)
    assert [slot["CUDA_VISIBLE_DEVICES"] for slot in shared] == ["0", "1", "0", "1"]
    assert [slot["OMP_NUM_THREADS"] for slot in shared] == ["2"] * 4
    for bad in ({"workers": 0}, {"workers": -1}, {"workers": "many"}, {"trials_per_gpu": 0}):
        with pytest.raises(InputError, match="must be"):
            slots(**bad)


def test_environments_are_there_before_the_first_import(
    make_executor: MakeExecutor, tmp_path: Path
) -> None:
    executor = make_executor(1, OMP_NUM_THREADS="3", CUDA_VISIBLE_DEVICES="7")
    (row,) = Driver(Plan({"a": Int(1, 1)}), objectives.environment, executor, tmp_path).run().rows
    assert (row["threads"], row["gpu"]) == ("3", "7")


def test_workers_that_do_not_start(make_executor: MakeExecutor, tmp_path: Path) -> None:
    executor = make_executor(1, PYTHONMALLOC="nonsense")
    with pytest.raises(RunError, match=r"don't start: .* with code 1, 3 times in a row; see "):
        Driver(Plan({"a": Int(1, 9)}), objectives.nothing, executor, tmp_path).run()
    assert "PYTHONMALLOC" in (tmp_path / "workers.log").read_text()


def test_an_objective_from_a_module_that_workers_lack(
    make_executor: MakeExecutor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ghost = types.ModuleType("ghost")
    exec("def objective(trial): ...", ghost.__dict__)
    monkeypatch.setitem(sys.modules, "ghost", ghost)
    with pytest.raises(RunError, match=r"load the objective: ModuleNotFoundError: .*ghost"):
        Driver(Plan({"a": Int(1, 9)}), ghost.objective, make_executor(1), tmp_path).run()


def test_workers_end_at_once_when_their_line_is_cut(
    make_executor: MakeExecutor, tmp_path: Path
) -> None:
    """A driver that fails must not leave its process with busy workers, nor wait for them."""
    failed_at: list[float] = []

    def fail(event: Any) -> None:
        if isinstance(event, Judged):
            failed_at.append(time.monotonic())
            raise ZeroDivisionError

    executor = make_executor(2)
    with pytest.raises(ZeroDivisionError):
        Driver(
            Plan({"a": Int(1, 9)}),
            objectives.polls_after_one_report,
            executor,
            tmp_path,
            observe=fail,
        ).run()
    assert time.monotonic() - failed_at[0] < 60  # a trial takes ten minutes


@pytest.mark.parametrize(("stopped", "status"), [(False, "completed"), (True, "interrupted")])
def test_a_lost_fork_server_fails_only_what_had_begun(
    local: MakeExecutor, tmp_path: Path, stopped: bool, status: str
) -> None:
    jobs = []
    for number in range(2):
        (tmp_path / str(number)).mkdir()
        jobs.append(Job(number, 0, seed=0, params={}, folder=tmp_path / str(number)))
    executor = local(2)
    executor.start(objectives.waits, tmp_path)
    try:
        executor.submit(jobs[0])
        written = tmp_path / "0" / "fork_server"
        deadline = time.monotonic() + 120
        while not written.exists() or not written.read_text().endswith("\n"):
            assert time.monotonic() < deadline
            executor.wait(0.05)
        fork_server = int(written.read_text())
        os.kill(fork_server, signal.SIGSTOP)
        executor.submit(jobs[1])  # for a worker that will never be made
        if stopped:
            executor.stop()
        os.kill(fork_server, signal.SIGKILL)
        ended: dict[int, Any] = {}
        while len(ended) < 2:
            assert time.monotonic() < deadline
            for event in executor.wait(1.0):
                assert isinstance(event, Ended)
                ended[event.job.number] = event.result
    finally:
        executor.close()
    assert ended[0]["error"] == "worker killed by SIGKILL (out of memory?)"
    assert ended[1]["status"] == status
