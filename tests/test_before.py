"""Folders that an earlier version wrote, in tests/before/, load, resume and give what they gave.

`expected.json` has what that version said of them: the data of their pages, and the losses of the
same trainings without an interruption. Rounding differs between processors, so losses are compared
to a thousandth.
"""

import csv
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from musicgen.report.content import content
from musicgen.report.source import read_all
from musicgen.report.tunes import exhibited
from musicgen.training.checkpoint import load_model
from musicgen.training.result import Result
from musicgen.workflows.runs import find
from tests.tunes import ROOT

BEFORE = ROOT / "tests" / "before"
EXPECTED = json.loads((BEFORE / "expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def before(tmp_path: Path) -> Path:
    """A copy of all the folders."""
    return shutil.copytree(BEFORE, tmp_path / "before")


def call(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown(folders: list[Path]) -> dict[str, Any]:
    """What a page shows of some folders, without the time, scores and sound; its objectives, which
    it did not tell before, aside."""
    data = content(read_all(folders), datetime(2026, 11, 28))
    del data["made"], data["version"]
    assert [objective["key"] for objective in data.pop("objectives")] == ["val_loss"]
    kept = ("name", "title", "recipe", "measures", "problems")
    for entry in data["tunes"]:
        entry["tunes"] = [
            {**{key: tune[key] for key in kept}, "units": (tune["units"] or {}).get("names")}
            for tune in entry["tunes"]
        ]
    plain: dict[str, Any] = json.loads(json.dumps(data))
    return plain


@pytest.mark.slow
@pytest.mark.parametrize("names", [["run"], ["sweep"], ["sweep", "run"], ["interrupted_run"]])
def test_a_page_of_them_shows_what_it_showed(names: list[str], before: Path) -> None:
    expected = json.loads(json.dumps(EXPECTED["pages"]["both" if len(names) > 1 else names[0]]))
    for source in expected["sources"]:
        if source["name"] in ("run", "interrupted_run"):
            source["command"] = ""  # their folders do not say; that version found one that does it
    assert shown([before / name for name in names]) == expected


def test_a_sweep_that_says_what_was_swept_as_text_alone_has_the_same_page(before: Path) -> None:
    """As sweep.json was before it had the space."""
    path = before / "sweep" / "sweep.json"
    about = json.loads(path.read_text())
    del about["space"]
    path.write_text(json.dumps(about))
    expected = json.loads(json.dumps(EXPECTED["pages"]["sweep"]))
    condition = ", with optim=rmsprop"  # the text does not say where a key applies
    (source,) = expected["sources"]
    assert condition in source["question"]
    source["question"] = source["question"].replace(condition, "")
    assert shown([before / "sweep"]) == expected


def test_their_networks_are_found_and_load(before: Path) -> None:
    assert find(str(before / "sweep")) == before / "sweep" / "2" / "seed0"
    for place in (before / "run", find(str(before / "sweep"))):
        assert load_model(place).corpus == Result.read(place / "result.json").corpus["digest"]
        assert exhibited(place)  # its tunes and units are of these weights


@pytest.mark.slow
def test_a_tunes_recipe_makes_it_again(before: Path) -> None:
    for path in (before / "run" / "tunes").glob("*.abc"):
        recipe = json.loads(path.with_suffix(".json").read_text())
        command = shlex.split(recipe["command"])
        call(before, *command[2:], "out=again")
        again = before / "again" / path.name
        assert again.read_text() == path.read_text()
        assert json.loads(again.with_suffix(".json").read_text())["measures"] == recipe["measures"]


@pytest.mark.slow
def test_an_interrupted_run_ends_as_without_the_interruption(before: Path) -> None:
    call(before, "musicgen.train", "resume=interrupted_run")
    result = Result.read(before / "interrupted_run" / "result.json")
    assert (result.status, result.epochs) == ("completed", 3)
    assert result.val_loss == pytest.approx(EXPECTED["val_loss"]["interrupted_run"], rel=1e-3)


def _as_it_was(about: dict[str, Any]) -> None: ...


def _older(about: dict[str, Any]) -> None:
    del about["space"]


@pytest.mark.slow
@pytest.mark.parametrize("change", [_as_it_was, _older])
def test_an_interrupted_sweep_ends_as_without_the_interruption(
    change: Callable[[dict[str, Any]], None], before: Path
) -> None:
    path = before / "interrupted_sweep" / "sweep.json"
    about = json.loads(path.read_text())
    change(about)
    path.write_text(json.dumps(about))
    first = (before / "interrupted_sweep" / "0" / "metrics.csv").read_text().splitlines()[:2]
    call(before, *shlex.split(about["command"])[2:])
    with (before / "interrupted_sweep" / "table.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["status"], row["epochs"]) for row in rows] == [("completed", "30")] * 2
    losses = {row["optim"]: float(row["val_loss"]) for row in rows}
    assert losses == pytest.approx(EXPECTED["val_loss"]["interrupted_sweep"], rel=1e-3)
    # It went on: the epoch of then is still there, with the seconds that it took.
    metrics = (before / "interrupted_sweep" / "0" / "metrics.csv").read_text()
    assert metrics.splitlines()[:2] == first


@pytest.mark.slow
def test_a_finished_sweep_is_finished_and_grows(before: Path) -> None:
    command = shlex.split(json.loads((before / "sweep" / "sweep.json").read_text())["command"])
    table = (before / "sweep" / "table.csv").read_text()
    call(before, *command[2:], "report=false")
    assert (before / "sweep" / "table.csv").read_text() == table

    more = [word.replace("momentum=0,0.5", "momentum=0,0.5,0.9") for word in command[2:]]
    call(before, *more, "report=false")
    with (before / "sweep" / "table.csv").open() as file:
        rows = {row["number"]: row for row in csv.DictReader(file)}
    assert [rows[n]["status"] for n in ("0", "1", "2", "3")] == ["completed"] * 4
    assert rows["2"] == next(
        row for row in csv.DictReader(table.splitlines()) if row["number"] == "2"
    )
    assert rows["3"]["optim.momentum"] == "0.9"
