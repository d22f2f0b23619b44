"""A study that Optuna itself changed between two starts: taken up, or refused as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState, create_trial

from musicgen.errors import InputError
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Started
from musicgen.sweep.space import Choice, Float
from tests.sweep import objectives
from tests.sweep.makers import Sweep
from tests.sweep.tables import by_number

LR = FloatDistribution(1e-4, 1e-1, log=True)
CELL = CategoricalDistribution(("lstm", "gru"))
SPACE = {"lr": Float(1e-4, 1e-1, log=True), "cell": Choice(("lstm", "gru"))}
PLAN = Plan(SPACE, sampler="random", n_trials=6)


def opened(tmp_path: Path) -> optuna.Study:
    """The study as Optuna's own API and its dashboard open it."""
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "sweep" / "study.journal")))
    return optuna.load_study(study_name="sweep", storage=storage)


def begin(sweep: Sweep, plan: Plan = PLAN) -> None:
    """Three trials, and one that was stopped."""

    def stop(event: Any) -> None:
        if isinstance(event, Started) and event.job.number == 3:
            driver.request_stop()

    driver = sweep(plan, objectives.few_steps, workers=1, observe=stop)
    assert driver.run().interrupted


@pytest.mark.parametrize(
    "point", [{"lr": 0.05, "cell": "gru"}, {"lr": 0.05}, {}], ids=["whole", "part", "none"]
)
def test_an_enqueued_point_is_trained(sweep: Sweep, tmp_path: Path, point: dict[str, Any]) -> None:
    begin(sweep)
    opened(tmp_path).enqueue_trial(point)
    rows = by_number(sweep(PLAN, objectives.few_steps).run().rows)
    assert [row["status"] for row in rows] == ["completed"] * 6
    assert {key: rows[4][key] for key in point} == point
    assert [trial.state for trial in opened(tmp_path).trials] == [TrialState.COMPLETE] * 6


def test_an_enqueued_point_takes_no_point_of_a_grid_away(sweep: Sweep, tmp_path: Path) -> None:
    plan = Plan({"cell": Choice(("lstm", "gru", "rnn", "none", "other"))})
    begin(sweep, plan)
    opened(tmp_path).enqueue_trial({"cell": "lstm"})  # there is one already
    opened(tmp_path).enqueue_trial({"cell": "other"})
    rows = by_number(sweep(plan, objectives.few_steps).run().rows)
    cells = [row["cell"] for row in rows]
    assert cells == ["lstm", "gru", "rnn", "none", "lstm", "other"]


def test_a_trial_that_was_added_is_a_row(sweep: Sweep, tmp_path: Path) -> None:
    begin(sweep)
    added = {"params": {"lr": 0.05, "cell": "gru"}, "distributions": {"lr": LR, "cell": CELL}}
    study = opened(tmp_path)
    study.add_trial(create_trial(value=-1.0, **added))
    study.add_trial(create_trial(state=TrialState.FAIL, **added))
    study.tell(3, 2.0)  # the one that was stopped, as the dashboard can
    driver = sweep(PLAN, objectives.few_steps)
    rows = driver.run().rows
    assert (rows[0]["number"], rows[0]["loss"], rows[0]["lr"]) == (4, -1.0, 0.05)
    told, _, failed = by_number(rows)[3:6]
    assert (told["status"], told["loss"]) == ("completed", 2.0)
    assert (failed["status"], failed["error"]) == ("failed", "ended as failed by Optuna itself")
    assert driver.progress().done == len(rows) == 7
    assert sweep(PLAN, objectives.few_steps).run().rows == rows


def note(study: optuna.Study) -> None:
    """As the dashboard and people do."""
    study.set_user_attr("note", "promising")
    storage = study._storage
    storage.set_study_system_attr(study._study_id, "dashboard:note", "text")
    identity = study.trials[3]._trial_id
    for key, value in {"runner": "me", "run0": "no", "run1": {"a": 1}, "errors": 5}.items():
        storage.set_trial_user_attr(identity, key, value)


def test_attributes_of_others_change_nothing(sweep: Sweep, tmp_path: Path) -> None:
    begin(sweep)
    note(opened(tmp_path))
    rows = sweep(PLAN, objectives.few_steps).run().rows
    undisturbed = sweep(PLAN, objectives.few_steps, folder="whole").run().rows
    assert [{**row, "pid": 0} for row in rows] == [{**row, "pid": 0} for row in undisturbed]


def enqueue(**point: Any) -> Callable[[optuna.Study], None]:
    return lambda study: study.enqueue_trial(point)


def add(value: float, params: dict[str, Any], **others: Any) -> Callable[[optuna.Study], None]:
    distributions = {key: {"lr": FloatDistribution(0, 9), "cell": CELL}[key] for key in params}
    trial = create_trial(value=value, params=params, distributions=distributions, **others)
    return lambda study: study.add_trial(trial)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (enqueue(lr=5.0), "lr must be of .*, got 5.0"),
        (enqueue(lr="much"), "lr must be of .*, got 'much'"),
        (enqueue(cell="transformer"), "cell must be of .*, got 'transformer'"),
        (enqueue(hidden=4), "its hidden is not swept, got 4"),
        (add(1.0, {"lr": 5.0, "cell": "gru"}), "lr must be of .*, got 5.0"),
        (add(1.0, {"lr": 0.05}), "must have a value of cell, got none"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    sweep: Sweep, tmp_path: Path, change: Callable[[optuna.Study], None], says: str
) -> None:
    begin(sweep)
    change(opened(tmp_path))
    journal = tmp_path / "sweep" / "study.journal"
    before = journal.read_bytes()
    with pytest.raises(InputError, match=says) as error:
        sweep(PLAN, objectives.few_steps).run()
    assert "\n" not in str(error.value)
    assert "made by Optuna itself" in str(error.value) or "ended by Optuna" in str(error.value)
    assert journal.read_bytes() == before
