"""The heatmap command on a real run."""

import csv
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest

from musicgen.cli import heatmap
from musicgen.config.keys import HeatmapConfig
from musicgen.errors import InputError
from musicgen.interpret.parts import Course
from musicgen.interpret.score import Score
from musicgen.training.fit import fit
from musicgen.workflows import explain
from tests.tunes import ROOT, composed, small


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("heatmap")
    fit(composed(*small(folder, "data.split=tunes", n=60)), folder / "run")
    return folder / "run"


def asked(folder: Path, **given) -> HeatmapConfig:
    nothing = dict.fromkeys(("tune", "unit", "layer", "state", "out"))
    return HeatmapConfig(**{"run": str(folder), "seed": 1, **nothing, **given})


def rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.slow
def test_units_are_ranked_and_drawn(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = explain.run(asked(run, state="hidden", unit=7, out=str(out)))
    assert found.tunes > 3
    with (out / "units.csv").open() as file:
        header = [row for row in csv.DictReader(file) if row["annotation"] == "header"]
    assert len(header) == 8
    scores = [float(row["score"]) for row in header]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == found.best["header"].score > found.best["header"].chance
    with (out / "parts.csv").open() as file:
        (course,) = csv.DictReader(file)
    assert (course["state"], int(course["unit"])) == ("hidden", found.best["header"].unit)
    for name in ("header", "layer1-hidden-unit7", "overview"):
        assert (out / f"{name}.png").read_bytes().startswith(b"\x89PNG")
        assert "<svg" in (out / f"{name}.svg").read_text()
        assert len(rows(out / f"{name}.csv")) == 1 + len("<start>\n") + 1000
    assert len((out / "tune.txt").read_text()) == len("<start>\n") + 1000


def test_a_tune_of_ones_own(run: Path, tmp_path: Path) -> None:
    tune = tmp_path / "tune.abc"
    tune.write_text("X:1\nT:Tune\nM:4/4\nL:1/8\nK:C\nCDEF|GABc|]\n")
    found = explain.run(asked(run, tune=str(tune), state="hidden", out=str(tmp_path / "out")))
    text = (found.out / "tune.txt").read_text()
    assert text == f"<start>\n{tune.read_text()}<end>\n"
    assert len(rows(found.out / "header.csv")) == 1 + len(text)


def test_what_no_tune_has_is_not_told(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    row = Score("header", "auc", 1, "hidden", 3, 0.9, 1, 0.6, 1.0, 500)
    course = Course(0.5, -0.2, 0.5, 0.3, 1.0, 0.1, 3.25, 2.0, math.nan, 4)
    heatmap.show(explain.Explained({"header": row}, [(row, course)], 8, tmp_path))
    told = capsys.readouterr().out
    assert "3.2 on the way into a body, 2.0 into a header\n" in told
    assert "nan" not in told


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"unit": 8}, "unit must be at most 7"),
        ({"layer": 2}, "layer must be at most 1"),
        ({"state": "reset_gate"}, "state must be one of hidden, cell"),
        ({"tune": "nowhere.abc"}, "tune must be a file"),
        ({"run": "nowhere"}, "run must be"),
    ],
)
def test_bad_requests_are_refused(run: Path, given: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        explain.run(asked(run, **given))


def test_a_character_that_the_network_does_not_know(run: Path, tmp_path: Path) -> None:
    tune = tmp_path / "tune.abc"
    tune.write_text("K:C\n\N{SNOWMAN}|\n")
    with pytest.raises(InputError, match=r"tune=.*U\+2603"):
        explain.run(asked(run, tune=str(tune)))


@pytest.mark.slow
def test_the_command_refuses_in_one_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "musicgen.heatmap", "run=nowhere"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert not list(tmp_path.iterdir())
