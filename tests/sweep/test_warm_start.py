"""Finished trials of another sweep inform a search, where they are configurations of it."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from musicgen.errors import InputError, SettingError
from musicgen.sweep.driver import Driver
from musicgen.sweep.journal import JOURNAL, Journal
from musicgen.sweep.local import LocalExecutor
from musicgen.sweep.plan import Plan, Settings
from musicgen.sweep.progress import Started
from musicgen.sweep.record import SweepRecord
from musicgen.sweep.space import Choice, Float, Int, Only, Space
from musicgen.sweep.study import Study
from musicgen.sweep.trial import Trial
from musicgen.sweep.warm_start import WarmStart, warm_started
from tests.sweep.tables import by_number, stored

SPACE: Space = {"x": Float(-1, 1), "y": Float(0, 1)}
FEW = {"n_startup_trials": 4}


def bowl(point: Mapping[str, Any]) -> Mapping[str, Any]:
    """Lowest at x = 0.5 and y = 0.25; below x = -0.9 it diverges."""
    x, y = point.get("x", 0.5), point.get("y", 0.25)
    if x < -0.9:
        return {"status": "diverged", "error": "too far"}
    return {"status": "completed", "loss": (x - 0.5) ** 2 + (y - 0.25) ** 2}


def made(plan: Plan, folder: Path) -> list[dict[str, Any]]:
    """The points and results of a search that a folder keeps, without worker processes."""
    folder.mkdir()
    SweepRecord.of(plan, folder.name).write(folder)
    study = Study(Journal(folder / JOURNAL), folder.name, plan)
    rows = []
    for number in range(plan.n_trials or 0):
        point = study.create(None).params
        study.report(number, 1, 1.0)
        result = dict(bowl(point))
        study.save(number, 0, result)
        done = result["status"] == "completed"
        study.finish(number, result["status"], [result["loss"]] if done else None)
        rows.append({**point, **result})
    study.close()
    return rows


def warmed(plan: Plan, source: Path, folder: Path, *passing: str) -> Plan:
    return replace(plan, warm_start=warm_started(plan, str(source), folder, passing))


@pytest.mark.slow
def test_a_search_knows_what_another_one_found(tmp_path: Path) -> None:
    """It needs no random trials first, and begins near the best of the other."""
    made(Plan(SPACE, n_trials=40, sampler="random"), tmp_path / "first")
    plan = Plan(SPACE, n_trials=6, sampler="tpe", sampler_settings=FEW, seed=3)
    told = made(warmed(plan, tmp_path / "first", tmp_path / "told"), tmp_path / "told")
    untold = made(plan, tmp_path / "untold")
    best, without = (
        sorted((row["x"] - 0.5) ** 2 + (row["y"] - 0.25) ** 2 for row in rows)
        for rows in (told, untold)
    )
    assert best[0] < without[0] / 4
    assert best[3] < without[3] / 4
    assert len(stored(tmp_path / "told")) == 6  # the others are no trials of this study


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "gp"])
def test_a_sweep_that_is_stopped_goes_on_without_the_other_folder(
    tmp_path: Path, sampler: str
) -> None:
    made(Plan(SPACE, n_trials=12, sampler="random"), tmp_path / "first")
    plan = Plan(SPACE, n_trials=5, sampler=sampler, sampler_settings=FEW)

    def run(name: str, until: int | None = None) -> list[dict[str, Any]]:
        def observe(event: Any) -> None:
            if isinstance(event, Started) and event.job.number == until:
                driver.request_stop()

        folder = tmp_path / name
        executor = LocalExecutor([{"OMP_NUM_THREADS": "1"}])
        informed = warmed(plan, tmp_path / "first", folder)
        driver = Driver(informed, objective, executor, folder, observe=observe)
        return by_number(driver.run().rows)

    whole = run("whole")
    run("cut", until=2)
    shutil.rmtree(tmp_path / "first")
    assert run("cut") == whole
    with pytest.raises(SettingError, match=r"warm_start must be .*first, as when .* got None"):
        warm_started(plan, None, tmp_path / "cut")
    with pytest.raises(SettingError, match=r"warm_start must be .*first, .* got second"):
        warm_started(plan, "second", tmp_path / "cut")


def objective(trial: Trial) -> Mapping[str, Any]:
    return bowl(trial.params)


def seen(plan: Plan, folder: Path) -> list[FrozenTrial]:
    """The trials that a new sweep's sampler sees."""
    study = Study(Journal(folder / "journal"), "study", plan)
    trials = study._search.get_trials()
    study.close()
    return trials


def test_what_diverged_there_is_bad_here_too(tmp_path: Path) -> None:
    rows = made(Plan({"x": Float(-1, -0.8)}, n_trials=12, sampler="random"), tmp_path / "first")
    diverged = [row["x"] for row in rows if row["status"] == "diverged"]
    assert 0 < len(diverged) < 12
    plan = Plan({"x": Float(-1, 1)}, n_trials=5, sampler="tpe")
    found = seen(warmed(plan, tmp_path / "first", tmp_path / "new"), tmp_path)
    assert [trial.number for trial in found] == list(range(-12, 0))
    assert all(trial.state == TrialState.COMPLETE for trial in found)
    assert [t.params["x"] for t in found if max(t.constraints.values()) > 0] == diverged
    fine = [trial.value for trial in found if trial.params["x"] not in diverged]
    assert all(t.value > max(fine) for t in found if t.params["x"] in diverged)
    assert all(trial.intermediate_values for trial in found)


NETS: Space = {"optim": Choice(("sgd", "adam")), "x": Float(0, 1, only=Only("optim", ("adam",)))}
THEIRS = (
    Settings({"lr": 0.1, "layers": 2, "seed": 1}, ("sgd",)),
    Settings({"lr": 0.2, "layers": 2, "seed": 1}, ("adam",)),
)


@pytest.mark.parametrize(
    ("space", "groups", "settings", "agreeing"),
    [
        # The very same space.
        (NETS, ("optim",), THEIRS, {("sgd", None), ("adam", 0.25), ("adam", 0.75)}),
        # A key that was fixed there is swept here, and a narrower range.
        (
            {"x": Float(0, 0.5), "layers": Int(1, 3)},
            (),
            (Settings({"lr": 0.2, "seed": 2}),),
            {(0.25, 2)},
        ),
        # A group that was swept there is fixed here.
        ({"x": Float(0, 1)}, (), (Settings({"lr": 0.2, "layers": 2}),), {(0.25,), (0.75,)}),
        # A setting differs.
        ({"x": Float(0, 1)}, (), (Settings({"lr": 0.2, "layers": 3}),), None),
        # A key that is not there.
        ({"x": Float(0, 1), "z": Float(0, 1)}, (), (Settings({"lr": 0.2, "layers": 2}),), None),
    ],
)
def test_only_configurations_of_this_sweep_inform_it(
    tmp_path: Path,
    space: Space,
    groups: tuple[str, ...],
    settings: tuple[Settings, ...],
    agreeing: set[tuple[Any, ...]] | None,
) -> None:
    points = ({"optim": "sgd"}, {"optim": "adam", "x": 0.25}, {"optim": "adam", "x": 0.75})
    first = Plan(
        NETS, n_trials=3, sampler="random", groups=("optim",), settings=THEIRS, enqueued=points
    )
    made(first, tmp_path / "first")
    plan = Plan(space, n_trials=3, sampler="tpe", groups=groups, settings=settings)
    if agreeing is None:
        with pytest.raises(SettingError, match=r"configurations here, got .*first \("):
            warmed(plan, tmp_path / "first", tmp_path / "new", "seed")
        return
    informed = warmed(plan, tmp_path / "first", tmp_path / "new", "seed")
    assert informed.warm_start is not None
    found = {tuple(e.point.get(key) for key in space) for e in informed.warm_start.trials}
    assert found == agreeing
    left = 3 - len(agreeing)
    line = informed.warm_start.described("tpe")
    assert f"tpe knows {len(agreeing)} finished trials of " in line
    assert ("not those" in line) == (left > 0)
    assert sum(informed.warm_start.left_out.values()) == left
    assert len(seen(informed, tmp_path)) == len(agreeing)


def test_what_cannot_inform_is_refused(tmp_path: Path) -> None:
    made(Plan({"x": Float(0, 1)}, n_trials=2, sampler="random"), tmp_path / "first")
    first, new = tmp_path / "first", tmp_path / "new"
    plan = Plan({"x": Float(0, 1)}, n_trials=2, sampler="tpe")
    with pytest.raises(SettingError, match="warm_start needs sampler=tpe or gp, got random"):
        warmed(replace(plan, sampler="random"), first, new)
    with pytest.raises(SettingError, match="warm_start must be the folder of a sweep, got"):
        warmed(plan, tmp_path / "nothing", new)
    with pytest.raises(SettingError, match="which is this one"):
        warmed(plan, first, first)
    other = replace(plan, objectives={"accuracy": "maximize"})
    with pytest.raises(SettingError, match=r"judges by accuracy \(maximize\), got .* loss \(min"):
        warmed(other, first, new)
    with pytest.raises(SettingError, match=r"configurations here, got .* \(2 by x\)"):
        warmed(replace(plan, space={"x": Float(5, 6)}), first, new)
    with pytest.raises(SettingError, match=r"configurations here, got .* \(2 by corpus\)"):
        warmed(replace(plan, fingerprint={"corpus": "abc"}), first, new)
    (first / JOURNAL).unlink()
    with pytest.raises(SettingError, match="that keeps its study in its folder, got"):
        warmed(plan, first, new)
    assert not new.exists()


def test_what_is_kept_is_read_back_or_said_to_be_damaged(tmp_path: Path) -> None:
    made(Plan(SPACE, n_trials=3, sampler="random"), tmp_path / "first")
    found = WarmStart.of(tmp_path / "first", Plan(SPACE, n_trials=2, sampler="tpe"))
    found.keep(tmp_path)
    assert WarmStart.kept(tmp_path) == found
    path = tmp_path / "warm_start.json"
    for text in ("{", "[]", json.dumps({"source": "x", "trials": [3], "left_out": {}})):
        path.write_text(text)
        with pytest.raises(InputError, match=r"warm_start\.json is damaged"):
            WarmStart.kept(tmp_path)
