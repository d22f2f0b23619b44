"""The example of a Hydra application of one's own: alone, swept, killed and gone on with."""

import json
from pathlib import Path

import pytest
import torch

from tests.examples.killed import finished, kill, start, table
from tests.tunes import ROOT

TRAIN = ROOT / "examples" / "hydra_app" / "train.py"
SWEEP = (TRAIN, "-m", "model=wide,deep", "model.layers=2,3", "optim.lr=0.01,0.03")


@pytest.mark.slow
def test_an_application_runs_by_itself(tmp_path: Path) -> None:
    finished(start(TRAIN, "epochs=2", "hydra.run.dir=run", cwd=tmp_path))
    assert torch.load(tmp_path / "run" / "last.pt", weights_only=True)["epoch"] == 2
    assert "loss" in (tmp_path / "run" / "train.log").read_text()


@pytest.mark.slow
def test_a_killed_sweep_of_an_application_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    finished(start(*SWEEP, "hydra.sweep.dir=sweep", cwd=tmp_path / "a"))
    undisturbed = table(tmp_path / "a" / "sweep")
    assert len(undisturbed) == 6
    sweep = tmp_path / "b" / "sweep"
    process = start(*SWEEP, "hydra.sweep.dir=sweep", cwd=tmp_path / "b")
    kill(process, when=sweep / "2" / "last.pt")
    said = finished(start(*SWEEP, "hydra.sweep.dir=sweep", cwd=tmp_path / "b"))
    assert table(sweep) == undisturbed
    assert list(undisturbed["2"])[:5] == ["number", "status", "model", "model.layers", "optim.lr"]
    assert undisturbed["0"]["model.layers"] == ""  # a network of one layer has none
    assert "model.layers applies to model=deep, and not to wide" in said
    assert "to train it again:" in said
    logs = [path.read_text() for path in sweep.glob("*/train.log")]
    assert len(logs) == 6
    assert any("going on after epoch" in log for log in logs)


@pytest.mark.slow
def test_an_application_is_pruned_with_seeds_and_grows(tmp_path: Path) -> None:
    search = "optim.lr=tag(log,interval(0.001,0.1))"
    asked = [TRAIN, "-m", search, "hydra.sweeper.pruner=asha", "hydra.sweep.dir=sweep"]
    asked += ["hydra.sweeper.seeds=2", "epochs=4"]
    finished(start(*asked, "hydra.sweeper.n_trials=6", cwd=tmp_path))
    finished(start(*asked, "hydra.sweeper.n_trials=8", cwd=tmp_path))
    rows = table(tmp_path / "sweep")
    assert len(rows) == 8
    assert {row["status"] for row in rows.values()} == {"completed", "pruned"}
    for number, row in rows.items():
        runs = sorted(path.name for path in (tmp_path / "sweep" / number).iterdir())
        assert runs == (["seed0", "seed1"] if row["status"] == "completed" else ["seed0"])
    about = json.loads((tmp_path / "sweep" / "function.json").read_text())
    assert about["function"] == "main"
