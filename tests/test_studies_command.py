"""The studies command on a small study of its own."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from musicgen.report.study import BEGIN, END
from tests.tunes import ROOT, tunes

STUDY = """# Is dropout good?
defaults:
  - override /data: cse253
  - override /trainer: cpu

report: false

data: {batch_size: 4, seq_len: 20}

model: {hidden: 8}

trainer: {max_epochs: 60, threads: 1}

samples: {max_chars: 20, media: false, measure: false}

hydra:
  sweeper:
    params:
      model.dropout: 0,0.2
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """One whose experiments are a small study, since the command writes into them."""
    for name in ("musicgen", "conf"):
        (tmp_path / name).symlink_to(ROOT / name)
    study = tmp_path / "experiments" / "tiny"
    study.mkdir(parents=True)
    (study / "experiment.yaml").write_text(STUDY)
    (study / "README.md").write_text(f"# Tiny\n{BEGIN}\n{END}\n")
    (tmp_path / "input.txt").write_text(tunes(30))
    return tmp_path


def studies(folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "musicgen.studies", "path=input.txt", "names=[tiny]"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )


@pytest.mark.slow
@pytest.mark.parametrize("whom", ["the whole group, as a terminal does", "the command"])
def test_ctrl_c_stops_at_checkpoints_and_the_same_command_goes_on(
    checkout: Path, whom: str
) -> None:
    process = studies(checkout)
    sweep = checkout / "runs" / "sweeps" / "tiny"
    metrics = sweep / "0" / "metrics.csv"
    while not (metrics.exists() and metrics.stat().st_size > 150):
        assert process.poll() is None
        time.sleep(0.01)
    (os.kill if whom == "the command" else os.killpg)(process.pid, signal.SIGINT)
    _, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    warning, error = stderr.splitlines()
    assert "is not the report's corpus" in warning
    assert error.startswith("error: stopped; ")
    reached = [result.read_text() for result in sweep.glob("*/result.json")]
    assert any('"interrupted"' in result for result in reached)

    process = studies(checkout)
    _, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    with (checkout / "experiments" / "tiny" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["status"], row["epochs"]) for row in rows] == [("completed", "60")] * 2
