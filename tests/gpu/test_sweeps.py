"""Sweeps on one GPU, and what goes wrong in one of their trials."""

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from musicgen.errors import RunError
from musicgen.sweep.driver import Driver
from musicgen.sweep.local import LocalExecutor, slots
from musicgen.sweep.plan import Plan
from musicgen.sweep.space import Int
from musicgen.system import gpus
from musicgen.training import device as devices
from musicgen.workflows.executor import ON_GPU
from tests.gpu import objectives
from tests.gpu.runs import overrides
from tests.tunes import ROOT

pytestmark = pytest.mark.cuda


def sweep(objective: Any, folder: Path, trials: int, side_by_side: int = 1) -> list[dict[str, Any]]:
    environments = slots(gpus=["0"], trials_per_gpu=side_by_side)
    executor = LocalExecutor([{**environment, **ON_GPU} for environment in environments])
    rows = Driver(Plan({"x": Int(1, trials)}), objective, executor, folder).run().rows
    return sorted(rows, key=lambda row: row["x"])


def test_gpus_are_counted() -> None:
    assert gpus.likely()
    found = gpus.find()
    assert len(found.names) == torch.cuda.device_count()
    for visible, count in (("-1", 0), ("NoDevFiles", 0), ("0,99,0", 1)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(gpus.VISIBLE, visible)
            assert len(gpus.find().names) == count, visible


def test_a_broken_context_costs_its_trial_alone(tmp_path: Path) -> None:
    first, *others = sweep(objectives.Breaks(), tmp_path, 3)
    print(first["error"])
    assert first["status"] == "failed"
    assert [row["status"] for row in others] == ["completed"] * 2


def test_a_trial_without_memory_beside_another_is_tried_alone(tmp_path: Path) -> None:
    rows = sweep(objectives.Crowds(), tmp_path, 2, side_by_side=2)
    assert [row["status"] for row in rows] == ["completed"] * 2
    attempts = sorted(len(path.read_text()) for path in tmp_path.glob("*/attempts"))
    assert attempts == [1, 2]


def test_a_trial_without_memory_by_itself_has_failed(tmp_path: Path) -> None:
    first, second = sweep(objectives.Greedy(), tmp_path, 2, side_by_side=2)
    print(first["error"])
    assert (first["status"], second["status"]) == ("failed", "completed")
    assert len((tmp_path / "0" / "attempts").read_text()) == 2


@pytest.mark.parametrize("objective", [objectives.StartsCuda(), objectives.OpensCuda()])
def test_what_workers_are_forked_from_must_not_start_cuda(objective: Any, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="CUDA was started before the workers were forked"):
        sweep(objective, tmp_path, 1)


def test_what_workers_are_forked_from_may_count_gpus(tmp_path: Path) -> None:
    (row,) = sweep(objectives.Counts(), tmp_path, 1)
    assert row["loss"] == 3.0


def test_each_trial_gets_the_device_it_asks_for(tmp_path: Path) -> None:
    arguments = [
        *overrides(tmp_path, [], "trainer.max_epochs=1", "samples.temperatures=[]", n=60),
        "trainer.accelerator=cpu,gpu",
        "seed=1",
        "model.hidden=8,9",
        f"hydra.sweep.dir={tmp_path / 'sweep'}",
    ]
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    subprocess.run(
        [sys.executable, "-m", "musicgen.train", "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        check=True,
    )
    with (tmp_path / "sweep" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    expected = {"cpu": "cpu", "gpu": devices.name(torch.device("cuda"))}
    assert len(rows) == 4
    for row in rows:
        assert row["status"] == "completed"
        assert row["device"] == expected[row["trainer.accelerator"]]
