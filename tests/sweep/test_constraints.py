"""Constraints: how they are written, ranked, told to samplers and kept."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest

from musicgen.errors import InputError, SettingError
from musicgen.sweep.constraints import Constraint, broken, parsed
from musicgen.sweep.journal import JOURNAL, Journal
from musicgen.sweep.plan import Plan
from musicgen.sweep.space import Float, Int
from musicgen.sweep.study import Study
from musicgen.sweep.trial import Trial
from tests.sweep.makers import Sweep
from tests.sweep.tables import stored, table

SMALL = parsed(["size<=4"])


def bigger_is_better(trial: Trial) -> Mapping[str, Any]:
    size = trial.params["x"]
    return {"status": "completed", "loss": -float(size), "size": size}


@pytest.mark.parametrize(
    ("text", "value", "breaks"),
    [
        ("size<=4", 4, False),
        ("size<=4", 4.5, True),
        (" size < 4 ", 4, True),
        ("size<4", 3, False),
        ("size>=-1e3", -1000.0, False),
        ("size>=0.5", 0, True),
        ("size>0", 0, True),
        ("size>0", 1e-9, False),
    ],
)
def test_a_bound_is_broken_beyond_it(text: str, value: float, breaks: bool) -> None:
    (constraint,) = parsed([text])
    excess = constraint.excess({"size": value})
    assert excess is not None
    assert (excess > 0) == breaks
    said = broken([constraint], {"size": value})
    assert said == (f"{constraint}: {value:g}" if breaks else "")
    assert parsed([str(constraint)]) == (constraint,)


@pytest.mark.parametrize("row", [{}, {"size": None}, {"size": "big"}, {"size": True}])
def test_a_row_without_the_figure_breaks_nothing(row: dict[str, Any]) -> None:
    assert SMALL[0].excess(row) is None
    assert broken(SMALL, row) == ""


@pytest.mark.parametrize("text", ["size", "size<=", "<=3", "size<=big", "size=<3", "a<b<3", "", 3])
def test_what_is_no_constraint_is_refused(text: Any) -> None:
    with pytest.raises(SettingError, match="constraints must be results with bounds"):
        parsed([text])


@pytest.mark.parametrize("bound", ["nan", "inf"])
def test_a_bound_is_finite(bound: str) -> None:
    with pytest.raises(SettingError, match="constraints must be results"):
        parsed([f"size<={bound}"])


@pytest.mark.parametrize("sampler", ["random", "grid"])
def test_a_sampler_that_takes_none_is_refused(sampler: str) -> None:
    with pytest.raises(SettingError, match=f"sampler=tpe, gp, nsgaii, got {sampler}"):
        Plan({"x": Int(1, 9)}, n_trials=3, sampler=sampler, constraints=SMALL)


def test_what_breaks_a_constraint_is_a_row_with_its_reason_and_never_the_best(
    sweep: Sweep, tmp_path: Path
) -> None:
    plan = Plan(
        {"x": Int(1, 9)},
        n_trials=9,
        sampler="tpe",
        constraints=(*SMALL, Constraint("loss", "<", 0)),
    )
    driver = sweep(plan, bigger_is_better)
    rows = driver.run().rows
    assert [row["x"] for row in rows] == [4, 3, 2, 1, 9, 8, 7, 6, 5]
    assert [row["status"] for row in rows] == ["completed"] * 9
    assert [row.get("breaks") for row in rows[3:5]] == [None, "size<=4: 9"]
    best = driver.progress().best
    assert best is not None
    assert best["x"] == 4
    written = table(tmp_path / "sweep")
    assert list(written[0])[-1] == "breaks"
    assert written[4]["breaks"] == "size<=4: 9"
    assert (tmp_path / "sweep" / "table.md").read_text().startswith("Best: x=4 ")
    found = {t.params["x"]: dict(t.constraints) for t in stored(tmp_path / "sweep")}
    assert found[9] == {"size<=4": 5.0, "loss<0": -9.0}
    assert optuna.__version__.startswith("5.")
    assert sweep(plan, bigger_is_better).run().rows == rows
    with pytest.raises(InputError, match="constraints was size<=4, loss<0, now absent"):
        sweep(Plan({"x": Int(1, 9)}, n_trials=9, sampler="tpe"), bigger_is_better).run()


def test_no_row_is_best_if_all_break_a_constraint(sweep: Sweep, tmp_path: Path) -> None:
    plan = Plan({"x": Int(5, 7)}, n_trials=3, sampler="tpe", constraints=SMALL)
    driver = sweep(plan, bigger_is_better)
    assert [row["x"] for row in driver.run().rows] == [7, 6, 5]
    assert driver.progress().best is None
    assert not (tmp_path / "sweep" / "table.md").read_text().startswith("Best")


def test_a_result_without_a_bounded_figure_is_a_failure(sweep: Sweep) -> None:
    plan = Plan({"x": Int(1, 9)}, n_trials=2, sampler="tpe", constraints=parsed(["mb<=3"]))
    with pytest.raises(InputError.__base__, match="the objective returned no mb"):  # type: ignore[arg-type]
        sweep(plan, bigger_is_better).run()


@pytest.mark.slow
@pytest.mark.parametrize("sampler", ["tpe", "gp", "nsgaii"])
def test_samplers_keep_to_what_keeps_the_constraints(sampler: str, tmp_path: Path) -> None:
    """The loss falls toward x = 1; beyond 0.4 a constraint is broken, beyond 0.9 it diverges."""
    kept: dict[bool, int] = {}
    for bounded in (True, False):
        plan = Plan(
            {"x": Float(0, 1), "y": Float(0, 1)},
            n_trials=50,
            sampler=sampler,
            sampler_settings={"population_size": 10} if sampler == "nsgaii" else {},
            constraints=parsed(["size<=0.4"]) if bounded else (),
        )
        study = Study(Journal(tmp_path / f"{bounded}{JOURNAL}"), "study", plan)
        inside = []
        for number in range(50):
            x = study.create(None).params["x"]
            inside.append(x <= 0.41)  # the best is at the bound, and gp comes to both sides of it
            done = x <= 0.9
            study.save(number, 0, {"status": "completed" if done else "diverged", "loss": 1 - x})
            bounds = {"constraints:size<=0.4": x - 0.4} if bounded else {}
            status = "completed" if done else "diverged"
            study.finish(number, status, [1 - x] if done else None, bounds)
        study.close()
        kept[bounded] = sum(inside[20:])
    assert kept[True] >= 12
    assert kept[True] >= kept[False] + 6
