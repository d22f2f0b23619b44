"""Further seeds for the best configurations only, at the end of the search."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from musicgen.errors import InputError
from musicgen.sweep.journal import Journal
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Finished, Started
from musicgen.sweep.space import Choice, Float
from musicgen.sweep.study import Study
from tests.sweep import objectives
from tests.sweep.makers import Sweep

ORDER = Choice((5, 2, 7, 1, 4, 6))


def few(**settings: Any) -> Plan:
    return Plan(**{"space": {"x": ORDER}, "seeds": 3, "seeds_for": 2, **settings})


def test_the_best_get_further_seeds_once_all_first_runs_have_ended(
    sweep: Sweep, tmp_path: Path
) -> None:
    events: list[Any] = []
    driver = sweep(few(), objectives.chancy, observe=events.append)
    rows = driver.run().rows
    assert [(row["x"], row["n"]) for row in rows] == [
        (2, 3),
        (1, 3),
        (4, 1),
        (5, 1),
        (6, 1),
        (7, 1),
    ]
    # 1 was the better one in its first run; the mean decides.
    assert [row["loss"] for row in rows[:2]] == [2.0, 7 / 3]
    runs = [event.job.run for event in events if isinstance(event, Finished)]
    first = [event.job.run for event in events if isinstance(event, Started)].index(1)
    assert first >= 6
    assert sorted(runs) == [0] * 6 + [1] * 2 + [2] * 2
    assert driver.progress().done == driver.progress().completed == 6
    assert driver.progress().best == rows[0]
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "sweep" / "study.journal")))
    trials = optuna.load_study(study_name="sweep", storage=storage).trials
    assert [t.state for t in trials] == [TrialState.COMPLETE] * 6
    assert [t.value for t in trials] == [5, 2, 7, 7 / 3, 4, 6]
    assert sweep(few(), objectives.chancy).run().rows == rows


@pytest.mark.slow
@pytest.mark.parametrize("after", range(1, 11))
def test_stopped_at_any_moment_the_same_ones_get_their_seeds(sweep: Sweep, after: int) -> None:
    whole = sweep(few(), objectives.chancy, workers=1, folder="whole").run().rows
    count = 0

    def stop(event: Any) -> None:
        nonlocal count
        if isinstance(event, Started):
            count += 1
            if count == after:
                driver.request_stop()

    driver = sweep(few(), objectives.chancy, workers=1, observe=stop)
    assert driver.run().interrupted
    assert sweep(few(), objectives.chancy, workers=1).run().rows == whole


@pytest.mark.parametrize("timeout_s", [None, 3600.0])
def test_with_rungs_those_that_are_never_promoted_get_none(
    sweep: Sweep, timeout_s: float | None
) -> None:
    settings = {"min_resource": 1, "reduction_factor": 2, "max_resource": 9, "rule": "promotion"}
    plan = few(space={"x": Choice(tuple(range(16)))}, pruner="asha", pruner_settings=settings)
    plan = replace(plan, timeout_s=timeout_s)
    rows = sweep(plan, objectives.climbs).run().rows
    assert [row["n"] for row in rows[:2]] == [3, 3]
    assert {row["n"] for row in rows if row["status"] == "pruned"} == {0}


def test_a_sweep_grows_by_seeds_for_the_best(sweep: Sweep, tmp_path: Path) -> None:
    sweep(few(seeds=1, seeds_for=None), objectives.chancy).run()
    assert [row["n"] for row in sweep(few(), objectives.chancy).run().rows] == [3, 3, 1, 1, 1, 1]
    assert json.loads((tmp_path / "sweep" / "sweep.json").read_text())["seeds_for"] == 2
    more = sweep(few(seeds_for=4), objectives.chancy).run().rows
    assert [row["n"] for row in more] == [3, 3, 3, 3, 1, 1]
    everyone = sweep(few(seeds_for=None), objectives.chancy).run().rows
    assert [row["n"] for row in everyone] == [3] * 6
    with pytest.raises(InputError, match=r"sweep\.seeds_for was absent, now 2"):
        sweep(few(), objectives.chancy).run()


def test_a_seed_that_failed_is_tried_again_by_the_next_start(sweep: Sweep) -> None:
    rows = sweep(few(), objectives.chancy_once).run().rows
    assert [(row["x"], row["status"]) for row in rows if row["status"] != "completed"] == [
        (1, "failed")
    ]
    again = sweep(few(), objectives.chancy_once).run().rows
    assert [row["n"] for row in again] == [3, 3, 1, 1, 1, 1]


def test_a_sampler_learns_from_first_runs(tmp_path: Path) -> None:
    plan = Plan({"x": Float(0, 1)}, sampler="tpe", n_trials=9, seeds=2, seeds_for=1)
    study = Study(Journal(tmp_path / "journal"), "study", plan)
    study.create(None)
    study.create(None)
    study.save(0, 0, {"status": "completed", "loss": 0.5})
    seen = study._search.trials
    assert [t.state for t in seen] == [TrialState.COMPLETE, TrialState.RUNNING]
    assert seen[0].values == [0.5]
    study.close()


def test_seeds_for_the_best_need_several_seeds() -> None:
    with pytest.raises(InputError, match=r"seeds_for=2 needs seeds of at least 2"):
        few(seeds=1)
    with pytest.raises(InputError, match=r"seeds_for must be at least 1, got 0"):
        few(seeds_for=0)
