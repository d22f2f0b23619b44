"""The live table, in terminals of any width."""

import io
from pathlib import Path

import pytest
from rich.console import Console

from musicgen.cli.sweep_display import SweepDisplay
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Judged, Progress, Started
from musicgen.sweep.space import Choice
from musicgen.sweep.trial import Decision, Job


@pytest.mark.parametrize("width", [32, 40, 60, 80, 120])
@pytest.mark.parametrize("seeds", [1, 3])
def test_a_narrow_terminal_loses_the_loss_last(width: int, seeds: int, tmp_path: Path) -> None:
    space = {
        "model.hidden": Choice((150, 200)),
        "optim.lr": Choice((0.001, 0.01)),
        "model.dropout": Choice((0.1, 0.25)),
    }
    display = SweepDisplay(Plan(space, seeds=seeds), "runs/sweeps/s", 2)
    params = {"model.hidden": 150, "optim.lr": 0.001, "model.dropout": 0.25}
    display.console = Console(file=io.StringIO(), width=width, force_terminal=True)
    for number in (9, 10):
        job = Job(number, 0, seed=1, params=params, folder=tmp_path)
        display.observe(Started(job, 0))
        display.observe(Judged(job, 12, 1.23456, Decision.CONTINUE))
    out = io.StringIO()
    progress = Progress(8, 2, 0, 0, 0, 0, 0, best=None, elapsed_s=1.0, left_s=None)
    Console(file=out, width=width).print(display.picture(progress))
    lines = [line for line in out.getvalue().splitlines() if "loss" in line]
    assert len(lines) == 2
    assert all("loss 1.2346" in line and len(line) <= width for line in lines)
    assert [line.split()[0] for line in lines] == ["9", "10"]
    if width >= 60:
        assert all("epoch 12" in line and "model.hid" in line for line in lines)


def test_a_small_value_keeps_its_digits(tmp_path: Path) -> None:
    display = SweepDisplay(Plan({"a": Choice((1, 2))}), "runs/sweeps/s", 1)
    job = Job(0, 0, seed=1, params={"a": 1}, folder=tmp_path)
    for value, shown in ((1.23456, "1.2346"), (2.5e-7, "2.5e-07"), (0.0, "0.0000")):
        display.observe(Judged(job, 1, value, Decision.CONTINUE))
        assert display.latest[job.key] == ("epoch 1", f"loss {shown}")
