"""What a failure costs: minutes, and not the sweep."""

import time
from pathlib import Path
from typing import Any

import pytest
import sweep_toys
from conftest import MakeExecutor, Sweep

from musicgen.sweep import nest
from musicgen.sweep.plan import Plan
from musicgen.sweep.space import Int
from musicgen.sweep.trial import Job


def by_number(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: int(row["number"]))


def test_a_broken_process_takes_no_other_trial_with_it(sweep: Sweep) -> None:
    rows = by_number(sweep(Plan({"x": Int(1, 6)}), sweep_toys.breaks, workers=1).run().rows)
    assert [row["status"] for row in rows] == ["completed", "failed", *["completed"] * 4]
    assert rows[1]["error"] == "RuntimeError: CUDA error: device-side assert triggered"
    assert len({row["pid"] for row in rows if "pid" in row}) == 2


def test_a_fresh_worker_after_a_failure_costs_milliseconds(
    local: MakeExecutor, tmp_path: Path
) -> None:
    executor = local(1)
    executor.start(sweep_toys.moody, tmp_path)

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
        each("fine", 1)  # the nest's own start
        assert each("raises", 20) - each("diverges", 20) < 0.25  # 0.01 on an idle machine
    finally:
        executor.close()


def test_workers_are_forked_where_that_is_safe() -> None:
    """Apple's system libraries may crash or hang in a fork of a process that has used them."""
    assert nest.start_method("linux") == "fork"
    assert nest.start_method("darwin") == "spawn"
