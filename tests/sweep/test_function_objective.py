"""Functions of anybody's as objectives, with every executor: how they travel, what they return."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from musicgen.errors import Interrupted
from musicgen.sweep.context import current_trial
from musicgen.sweep.function_objective import FunctionObjective
from musicgen.sweep.plan import Plan
from musicgen.sweep.space import Choice, Float, Int
from musicgen.sweep.trial import Decision, Job, Trial
from tests.sweep.makers import Sweep

LOSS = {"loss": "minimize"}


def trial(*decisions: Decision, params: dict[str, Any] | None = None) -> Trial:
    """A trial whose reports are answered with these decisions."""
    answers = iter(decisions)
    job = Job(0, 0, 0, params or {}, Path())
    return Trial(job, lambda step, value, last: next(answers))


def test_a_closure_and_a_lambda_travel_by_value(sweep: Sweep) -> None:
    offset = 3.0

    class Net:
        def loss(self, x: float) -> float:
            return x + offset

    net = Net()

    def objective(trial: Trial) -> float:
        return net.loss(trial.params["x"])

    space = {"x": Choice((1, 2))}
    for function in (objective, lambda trial: trial.params["x"] + offset):
        folder = "lambda" if function is not objective else "closure"
        plan = Plan(space, objectives=LOSS)
        rows = sweep(plan, FunctionObjective(function, ("loss",)), folder=folder).run().rows
        assert [(row["x"], row["loss"]) for row in rows] == [(1, 4.0), (2, 5.0)]


class _Pausing:
    """A function with a checkpoint that says so; a result without a status, or Interrupted."""

    pauses = True

    def __init__(self, by_error: bool) -> None:
        self.by_error = by_error

    def __call__(self, trial: Trial) -> dict[str, float]:
        kept = trial.folder / "steps"
        done = int(kept.read_text()) if kept.exists() else 0
        while done < 9:
            done += 1
            kept.write_text(str(done))
            trial.report(done, trial.params["x"] + 1 / done, last=done == 9)
            if self.by_error and trial.decision is Decision.PAUSE:
                raise Interrupted("paused")
            if trial.should_stop():
                break
        return {"loss": trial.params["x"] + 1 / done, "steps": done}


@pytest.mark.parametrize("by_error", [False, True])
def test_a_function_that_says_so_is_paused_and_goes_on(sweep: Sweep, by_error: bool) -> None:
    plan = Plan(
        {"x": Choice((3, 2, 1, 0))},
        objectives=LOSS,
        pruner="asha",
        pruner_settings={"min_resource": 1, "reduction_factor": 2, "rule": "promotion"},
    )
    objective = FunctionObjective(_Pausing(by_error), ("loss",))
    rows = sweep(plan, objective, workers=1).run().rows
    assert rows[0]["x"] == 0
    assert rows[0]["status"] == "completed"
    # Without an end that is known, there is a rung at each power of two.
    assert {row["x"]: row["status"] for row in rows[1:]} == dict.fromkeys((1, 2, 3), "pruned")


def test_a_function_prunes_and_its_result_says_so(sweep: Sweep) -> None:
    def objective(trial: Trial) -> dict[str, float]:
        assert current_trial() is trial
        for step in range(1, 10):
            loss = trial.params["x"] + 1 / step
            if trial.report(step, loss, last=step == 9) is Decision.PRUNE:
                break
        return {"loss": loss, "steps": step}

    plan = Plan(
        {"x": Float(0, 1)},
        n_trials=9,
        sampler="random",
        objectives=LOSS,
        pruner="asha",
        pruner_settings={"min_resource": 1, "reduction_factor": 3},
    )
    rows = sweep(plan, FunctionObjective(objective, ("loss",)), workers=1).run().rows
    steps = {
        status: {row["steps"] for row in rows if row["status"] == status}
        for status in ("completed", "pruned")
    }
    assert steps["completed"] == {9}
    assert steps["pruned"] <= {1, 3}
    assert steps["pruned"]
    assert len(rows) == 9


def test_an_exception_is_a_failure_with_its_reason(sweep: Sweep) -> None:
    def objective(trial: Trial) -> float:
        if trial.params["x"] == 2:
            raise ValueError("no good")
        return 1.0

    plan = Plan({"x": Int(1, 2)}, objectives=LOSS)
    rows = sweep(plan, FunctionObjective(objective, ("loss",))).run().rows
    assert [(row["status"], row.get("error")) for row in rows] == [
        ("completed", None),
        ("failed", "ValueError: no good"),
    ]


@pytest.mark.parametrize(
    ("returned", "objectives", "result"),
    [
        (0.5, ("loss",), {"loss": 0.5}),
        (np.float32(0.5), ("loss",), {"loss": 0.5}),
        (torch.tensor(0.5), ("loss",), {"loss": 0.5}),
        ((0.5, 7), ("loss", "size"), {"loss": 0.5, "size": 7}),
        ({"loss": 0.5, "note": "x"}, ("loss",), {"loss": 0.5, "note": "x"}),
    ],
)
def test_what_a_function_may_return(
    returned: Any, objectives: tuple[str, ...], result: dict[str, Any]
) -> None:
    assert FunctionObjective(lambda trial: returned, objectives)(trial()) == {
        "status": "completed",
        **result,
    }


@pytest.mark.parametrize("returned", [None, "0.5", [0.5, 1], [], object()])
def test_what_is_no_result_is_named(returned: Any) -> None:
    with pytest.raises(TypeError, match=r"must return a number \(loss\) or a dictionary"):
        FunctionObjective(lambda trial: returned, ("loss",))(trial())


@pytest.mark.parametrize(
    ("answer", "status"), [(Decision.PRUNE, "pruned"), (Decision.STOP, "interrupted")]
)
def test_a_status_is_what_the_function_was_told(answer: Decision, status: str) -> None:
    def reports(trial: Trial) -> float:
        trial.report(1, 0.5)
        return 0.5

    assert FunctionObjective(reports, ("loss",))(trial(answer)) == {"status": status, "loss": 0.5}
    given_up = FunctionObjective(lambda trial: trial.report(1, 0.5) and None, ("loss",))(
        trial(answer)
    )
    assert given_up == {"status": status}
    own = FunctionObjective(
        lambda t: {"status": "diverged", "loss": t.report(1, 1.0) and 2.0}, ("loss",)
    )
    assert own(trial(answer))["status"] == "diverged"


def test_a_function_that_never_asks_completes_though_the_sweep_stops() -> None:
    def deaf(trial: Trial) -> float:
        trial.decision = Decision.STOP  # as the worker's line sets it, at any time
        return 0.5

    def hears(trial: Trial) -> float:
        trial.decision = Decision.STOP
        return 0.5 if trial.should_stop() else 1.0

    assert FunctionObjective(deaf, ("loss",))(trial()) == {"status": "completed", "loss": 0.5}
    assert FunctionObjective(hears, ("loss",))(trial()) == {"status": "interrupted", "loss": 0.5}


def test_a_function_that_raises_interrupted_has_this_status() -> None:
    def stops(trial: Trial) -> float:
        raise Interrupted("the sweep stops")

    assert FunctionObjective(stops, ("loss",))(trial()) == {"status": "interrupted"}


def test_prepare_is_the_functions_own() -> None:
    class Objective:
        ready = False

        def prepare(self) -> None:
            self.ready = True

        def __call__(self, trial: Trial) -> float:
            return 1.0

    own = Objective()
    FunctionObjective(own, ("loss",)).prepare()
    assert own.ready
    FunctionObjective(lambda trial: 1.0, ("loss",)).prepare()


def test_outside_of_a_sweep_reports_are_heard_by_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    alone = current_trial()
    assert not alone.in_sweep
    assert alone.report(1, 0.5) is Decision.CONTINUE
    assert not alone.should_stop()
    assert (alone.params, alone.seed, alone.folder) == ({}, 0, tmp_path)


def test_a_parameter_may_be_named_n(sweep: Sweep, tmp_path: Path) -> None:
    plan = Plan({"n": Int(1, 2)}, objectives=LOSS)
    sweep(plan, FunctionObjective(lambda trial: trial.params["n"], ("loss",))).run()
    header = (tmp_path / "sweep" / "table.csv").read_text().splitlines()[0]
    assert header == "number,status,n,loss"
