"""A sweep of a function before it begins: what is refused, in one line, with nothing created."""

import os
import signal
import threading
from pathlib import Path
from typing import Any

import pytest

from musicgen import Choice, Float, Int, Sweep
from musicgen.errors import InputError, Interrupted
from musicgen.sweep.trial import Trial
from musicgen.workflows.function_sweep import prepare
from musicgen.workflows.sweep_settings import SweepSettings

X = {"x": Int(1, 3)}


def objective(trial: Trial) -> float:
    """A function of a module that workers can import."""
    return float(trial.params["x"])


@pytest.mark.parametrize(
    ("space", "settings", "line"),
    [
        ({}, {}, "space must be a dictionary of what is varied"),
        ([1, 2], {}, "space must be a dictionary of what is varied"),
        ({"status": [1, 2]}, {}, "space must have names other than number, status"),
        ({3: [1, 2]}, {}, "space must have names other than number, status"),
        ({"n": [1, 2]}, {"seeds": 2}, "names other than number, status, n, run"),
        ({"x": 3}, {}, "x must be a Choice, a Float, an Int or a list of values, got 3"),
        ({"x": [1, 1]}, {}, "x: a choice must have each value once, got 1 again"),
        ({"x": []}, {}, "x: a choice must have at least one value"),
        ({"loss": [1, 2]}, {}, "loss is varied, so it cannot be an objective too"),
        ({"x": Float(0, 1)}, {}, "n_trials must be given where a range has no step"),
        (X, {"sampler": "tpe"}, "n_trials must be given for sampler=tpe"),
        (X, {"n_trials": 0}, "n_trials must be a number and at least 1, got 0"),
        (X, {"n_trials": "many"}, "n_trials must be a number and at least 1, got 'many'"),
        (X, {"enqueue": 3}, "enqueue must be a list of points, got 3"),
        (X, {"enqueue": [{"x": 4}]}, "enqueue, point 1: x must be of 1 to 3, got 4"),
        ({"x": [1], "y": [1, 2]}, {"enqueue": [{"x": 1}]}, "point 1: y must be given, of [1, 2]"),
        (X, {"sampler": "tpee"}, "sampler must be one of"),
        (X, {"pruner": {"min_resource": 1}}, "pruner must be a name, or a dictionary with a name"),
        (X, {"pruner": {"name": "asha", "speed": 1}}, "speed"),
        (X, {"objectives": {}}, "objectives must name at least one result"),
        (X, {"objectives": {"loss": "min"}}, "loss must be minimize or maximize, got 'min'"),
        (X, {"objectives": {"status": "minimize"}}, "another name than status"),
        (X, {"workers": 0}, "workers must be auto or at least 1, got 0"),
        (X, {"executor": "cloud"}, "executor must be one of local, ray, got 'cloud'"),
        (X, {"timeout": "soon"}, "timeout must be a time such as 2h"),
        (X, {"trails": 3}, "there is no setting trails of a sweep"),
        (X, {"n_trial": 3}, "did you mean n_trials?"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_created(
    space: Any, settings: dict[str, Any], line: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        Sweep.of(objective, space, folder=tmp_path / "sweep", **settings)
    assert line in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_function_or_cannot_travel_is_refused(tmp_path: Path) -> None:
    lock = threading.Lock()
    odd: Any = "objective"
    with pytest.raises(InputError, match="must be a function of a trial, got str"):
        Sweep.of(odd, X, folder=tmp_path / "sweep")
    with pytest.raises(InputError, match="can travel to workers"):
        Sweep.of(lambda trial: lock.locked(), X, folder=tmp_path / "sweep")
    assert list(tmp_path.iterdir()) == []


def test_settings_of_samplers_and_pruners_are_those_of_conf(tmp_path: Path) -> None:
    settings = SweepSettings(n_trials=2, pruner={"name": "asha", "reduction_factor": 5})
    made = prepare(objective, X, tmp_path, settings).plan
    assert (made.sampler, dict(made.sampler_settings)) == (
        "tpe",
        {"n_startup_trials": 10, "multivariate": True},
    )
    assert (made.pruner, dict(made.pruner_settings)) == (
        "asha",
        {"min_resource": 1, "reduction_factor": 5},
    )
    assert prepare(objective, X, tmp_path, SweepSettings()).plan.sampler == "grid"


def test_a_list_is_a_choice(tmp_path: Path) -> None:
    made = prepare(objective, {"x": [1, 2], "y": ("a",)}, tmp_path, SweepSettings()).plan
    assert made.space == {"x": Choice((1, 2)), "y": Choice(("a",))}


@pytest.mark.slow
def test_a_finished_sweep_is_read_and_not_run_again(tmp_path: Path) -> None:
    sweep = Sweep.of(objective, X, folder=tmp_path / "sweep", workers=1)
    assert list(sweep.table["loss"]) == [1.0, 2.0, 3.0]
    with pytest.raises(InputError, match=r"its best row is table.iloc\[0\]"):
        _ = sweep.best
    files = {p: p.stat().st_mtime_ns for p in sweep.folder.glob("*/output.log")}
    assert len(files) == 3
    again = Sweep.of(objective, X, folder=tmp_path / "sweep", workers=1)
    assert {p: p.stat().st_mtime_ns for p in again.folder.glob("*/output.log")} == files
    more = Sweep.of(objective, {"x": Int(1, 4)}, folder=tmp_path / "sweep", workers=1)
    assert len(more.table) == 4
    with pytest.raises(InputError, match="holds another sweep"):
        Sweep.of(objective, {"y": [1, 2]}, folder=tmp_path / "sweep")


def test_enqueued_points_go_first(tmp_path: Path) -> None:
    space = {"x": Float(0, 9), "y": [1, 2]}
    points = [{"x": 3, "y": 2}, {"x": 4.5, "y": 1}]
    sweep = Sweep.of(objective, space, n_trials=3, enqueue=points, folder=tmp_path, workers=1)
    rows = sorted(sweep.rows, key=lambda row: row["number"])
    assert [(row["x"], row["y"]) for row in rows[:2]] == [(3.0, 2), (4.5, 1)]
    assert len(rows) == 3


def test_several_objectives_of_any_name(tmp_path: Path) -> None:
    sweep = Sweep.of(
        lambda trial: {"speed": trial.params["x"], "size": trial.params["x"] ** 2},
        X,
        objectives={"speed": "maximize", "size": "minimize"},
        folder=tmp_path / "sweep",
        workers=1,
    )
    assert list(sweep.table.columns)[:5] == ["number", "status", "x", "speed", "size"]
    assert list(sweep.table["speed"]) == [3, 2, 1]
    assert all(sweep.table["front"])


def test_a_stopped_sweep_says_how_to_go_on(tmp_path: Path) -> None:
    def stops(trial: Trial) -> float:
        if not (trial.folder / "begun").exists():
            (trial.folder / "begun").touch()
            os.kill(driver, signal.SIGINT)
            while not trial.should_stop():
                pass
        return 1.0

    driver = os.getpid()
    with pytest.raises(Interrupted, match="the same call goes on with the sweep in"):
        Sweep.of(stops, {"x": [1]}, folder=tmp_path / "sweep", workers=1)
    assert list(Sweep.of(stops, {"x": [1]}, folder=tmp_path / "sweep").table["loss"]) == [1.0]
