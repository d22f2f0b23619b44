"""What a search learns: from divergence, from first runs, and when it gives a trial up."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from musicgen.sweep.journal import Journal
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Judged, Started
from musicgen.sweep.space import Choice, Float, Int
from musicgen.sweep.study import Study
from musicgen.sweep.trial import Decision
from tests.sweep import objectives
from tests.sweep.makers import Sweep

FALLING = tuple(float(x) for x in (5, 1, 9, 0, 8, 7, 6, 9.5, 4, 3, 2, 11))


def bad_in_each_ten(sampler: str, seed: int, result: dict[str, Any], edge: float) -> list[int]:
    """Of sixty trials that can be trained below the edge, where they are the better the nearer."""
    settings = {"population_size": 10} if sampler == "nsgaii" else {}
    plan = Plan(
        {"x": Float(0, 1), "y": Float(0, 1)},
        sampler=sampler,
        sampler_settings=settings,
        n_trials=60,
        seed=seed,
    )
    bad = []
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Journal(Path(folder) / "journal"), "study", plan)
        for number in range(plan.total):
            x = study.create(None).params["x"]
            bad.append(x > edge)
            done = result if x > edge else {"status": "completed", "loss": 1 - x}
            study.save(number, 0, done)
            status = str(done["status"])
            study.finish(number, status, [1 - x] if status == "completed" else None)
        study.close()
    return [sum(bad[begin : begin + 10]) for begin in range(0, 60, 10)]


@pytest.mark.slow
@pytest.mark.parametrize(
    "result",
    [
        {"status": "diverged", "error": "the training loss became nan"},
        {"status": "failed", "error": "OutOfMemoryError: CUDA out of memory. Tried 2 GiB"},
        {"status": "failed", "error": "worker killed by SIGKILL (out of memory?)"},
    ],
)
def test_tpe_keeps_away_from_what_cannot_be_trained(result: dict[str, Any]) -> None:
    for seed in range(3):
        bad = bad_in_each_ten("tpe", seed, result, 0.5)
        assert sum(bad[3:]) < 18, bad  # 30 of 30 when it ignores them


@pytest.mark.slow
@pytest.mark.parametrize(("sampler", "edge", "most"), [("gp", 0.5, 6), ("nsgaii", 0.08, 24)])
def test_other_samplers_keep_away_too(sampler: str, edge: float, most: int) -> None:
    bad = [bad_in_each_ten(sampler, seed, {"status": "diverged"}, edge) for seed in range(3)]
    assert sum(sum(tens[3:]) for tens in bad) / 3 <= most, bad


def test_a_failure_of_the_machine_says_nothing_of_the_configuration() -> None:
    bad = bad_in_each_ten("tpe", 0, {"status": "failed", "error": "OSError: disk full"}, 0.5)
    assert sum(bad[3:]) > 20


def test_what_a_sampler_is_told_is_not_what_the_study_keeps(sweep: Sweep, tmp_path: Path) -> None:
    plan = Plan({"x": Float(0, 1)}, sampler="tpe", n_trials=14)
    rows = sweep(plan, objectives.cliff, workers=1).run().rows
    diverged = {row["number"] for row in rows if row["status"] == "diverged"}
    assert diverged
    study = Study(Journal(tmp_path / "sweep" / "study.journal"), "sweep", plan)
    kept = study._study.trials
    assert {t.number for t in kept if t.state == TrialState.FAIL} == diverged
    assert all(t.values is None for t in kept if t.number in diverged)
    seen = study._search.trials
    assert all(t.state == TrialState.COMPLETE for t in seen)
    worst = max(t.values[0] for t in seen if t.number not in diverged)
    assert all(t.values[0] > worst for t in seen if t.number in diverged)
    study.close()


@pytest.mark.parametrize("seeds", [1, 2])
def test_the_median_of_a_grid_hears_of_first_runs(sweep: Sweep, seeds: int) -> None:
    """All first runs go first on a grid, and their seeds would say it too late."""
    plan = Plan(
        {"x": Choice(FALLING)},
        pruner="median",
        pruner_settings={"n_startup_trials": 2, "n_warmup_steps": 0},
        seeds=seeds,
    )
    rows = sweep(plan, objectives.descent, workers=1).run().rows
    assert {row["x"] for row in rows if row["status"] == "completed"} == {5, 1, 0}


def test_a_median_that_goes_on_knows_the_first_runs(sweep: Sweep) -> None:
    plan = Plan(
        {"x": Choice(FALLING)},
        pruner="median",
        pruner_settings={"n_startup_trials": 2, "n_warmup_steps": 0},
        seeds=2,
    )

    def stop(event: Any) -> None:
        if isinstance(event, Started) and event.job.number == 3:
            driver.request_stop()

    driver = sweep(plan, objectives.descent, workers=1, observe=stop)
    assert driver.run().interrupted
    rest = sweep(plan, objectives.descent, workers=1).run().rows
    whole = sweep(plan, objectives.descent, workers=1, folder="whole").run().rows
    assert rest == whole


@pytest.mark.parametrize(
    ("pruner", "settings"),
    [
        ("median", {"n_startup_trials": 1, "n_warmup_steps": 8}),
        ("asha", {"min_resource": 9, "reduction_factor": 3}),
        ("asha", {"min_resource": 3, "reduction_factor": 3}),
        ("hyperband", {"min_resource": 1, "max_resource": 9, "reduction_factor": 3}),
    ],
)
def test_nothing_is_pruned_at_its_last_step(
    sweep: Sweep, pruner: str, settings: dict[str, Any]
) -> None:
    plan = Plan({"x": Choice(FALLING)}, pruner=pruner, pruner_settings=settings)
    events: list[Any] = []
    rows = sweep(plan, objectives.descent, observe=events.append).run().rows
    told = [e for e in events if isinstance(e, Judged) and e.decision is Decision.PRUNE]
    assert all(event.step < 9 for event in told)
    assert all((row["steps"] == 9) == (row["status"] == "completed") for row in rows)
    assert len(rows) == len(FALLING)


def test_a_last_step_counts_for_those_that_come_later(tmp_path: Path) -> None:
    """The last rung may be an earlier one for a training that is longer."""
    plan = Plan(
        {"x": Float(0, 1)},
        sampler="random",
        n_trials=9,
        pruner="asha",
        pruner_settings={"min_resource": 3, "reduction_factor": 2},
    )
    study = Study(Journal(tmp_path / "journal"), "study", plan)
    for number, value in enumerate([1.0, 2.0]):
        study.create(None)
        assert not study.report(number, 3, value, last=True)
    study.create(None)
    assert study.report(2, 3, 1.5)
    assert not study.report(2, 3, 1.5, last=True)  # given up before, and done all the same
    study.close()


@pytest.mark.parametrize("warmup", [0, 1, 2, 5])
def test_the_first_step_judged_follows_the_warm_up(sweep: Sweep, warmup: int) -> None:
    plan = Plan(
        {"x": Choice((0.0, 1.0))},
        pruner="median",
        pruner_settings={"n_startup_trials": 1, "n_warmup_steps": warmup},
    )
    events: list[Any] = []
    sweep(plan, objectives.descent, workers=1, observe=events.append).run()
    (pruned,) = [e for e in events if isinstance(e, Judged) and e.decision is Decision.PRUNE]
    assert pruned.step == warmup + 1


@pytest.mark.parametrize("least", [1, 2, 4])
def test_the_first_rung_of_asha_is_after_so_many_steps(sweep: Sweep, least: int) -> None:
    plan = Plan(
        {"x": Choice((0.0, 1.0))},
        pruner="asha",
        pruner_settings={"min_resource": least, "reduction_factor": 2},
    )
    events: list[Any] = []
    sweep(plan, objectives.descent, workers=1, observe=events.append).run()
    (pruned,) = [e for e in events if isinstance(e, Judged) and e.decision is Decision.PRUNE]
    assert pruned.step == least


def test_as_many_trials_as_are_asked_for_run_to_their_end_first(sweep: Sweep) -> None:
    plan = Plan(
        {"x": Int(1, 6)},
        pruner="median",
        pruner_settings={"n_startup_trials": 3, "n_warmup_steps": 0},
    )
    rows = sweep(plan, objectives.descent, workers=1).run().rows
    assert {row["x"] for row in rows if row["status"] == "completed"} == {1, 2, 3}
