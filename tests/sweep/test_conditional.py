"""Searches over keys that apply at some choices of others, and in spaces that have an end."""

from pathlib import Path
from typing import Any

import pytest

from musicgen.sweep.plan import Plan
from musicgen.sweep.results import rank
from musicgen.sweep.space import Choice, Float, Int, Only, Space, grid, grid_size, identity
from musicgen.sweep.table import pivot, pivoted
from tests.sweep.makers import Sweep
from tests.sweep.objectives import nothing

SAMPLERS = ["random", "tpe", pytest.param("gp", marks=pytest.mark.slow), "nsgaii"]
MOMENTUM = Choice((0.0, 0.9), Only("optim", ("sgd",)))
OPTIMS: Space = {"optim": Choice(("sgd", "adam")), "momentum": MOMENTUM}


def points(rows: list[dict[str, Any]], space: Space) -> set[str]:
    return {identity({key: row[key] for key in space if key in row}) for row in rows}


def test_a_grid_has_a_point_for_each_configuration() -> None:
    assert [tuple(point.values()) for point in grid(OPTIMS)] == [
        ("sgd", 0.0), ("sgd", 0.9), ("adam",),
    ]  # fmt: skip
    two: Space = {
        "eps": Choice((1, 2, 3), Only("optim", ("adam", "nadam"))),
        "optim": Choice(("sgd", "adam", "nadam")),
        "lr": Int(1, 2),
        "momentum": MOMENTUM,
    }
    made = [identity(point) for point in grid(two)]
    assert len(made) == len(set(made)) == grid_size(two) == 2 * (2 + 3 + 3)


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_search_asks_for_what_applies(sampler: str, sweep: Sweep, tmp_path: Path) -> None:
    space: Space = {
        **OPTIMS, "lr": Float(1e-4, 1, log=True),
        "beta": Float(0, 1, only=Only("optim", ("adam",))),
    }  # fmt: skip
    plan = Plan(space, sampler=sampler, n_trials=14)
    rows = sweep(plan, nothing, workers=1).run().rows
    assert {row["optim"] for row in rows} == {"sgd", "adam"}
    for row in rows:
        assert ("momentum" in row) == (row["optim"] == "sgd")
        assert ("beta" in row) == (row["optim"] == "adam")
    assert sweep(plan, nothing, workers=1).run().rows == rows
    head, *lines = (tmp_path / "sweep" / "table.csv").read_text().splitlines()
    assert head.startswith("number,status,optim,momentum,lr,beta,loss")
    assert all(line.split(",")[3 if "adam" in line else 5] == "" for line in lines)


def test_importances_tell_of_conditional_keys(sweep: Sweep) -> None:
    space: Space = {**OPTIMS, "lr": Float(0, 1)}
    outcome = sweep(Plan(space, sampler="random", n_trials=30), nothing).run()
    assert outcome.importances.keys() == space.keys()


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_no_configuration_is_trained_twice(sampler: str, sweep: Sweep) -> None:
    """And the search ends where the space does, however many trials it may take."""
    space: Space = {"x": Choice((1, 2)), "y": Int(1, 3), **OPTIMS}
    rows = sweep(Plan(space, sampler=sampler, n_trials=10), nothing).run().rows
    assert len(points(rows, space)) == len(rows) == 10
    rows = sweep(Plan(space, sampler=sampler, n_trials=90), nothing).run().rows
    assert len(points(rows, space)) == len(rows) == grid_size(space) == 18


def test_a_stepped_range_is_proposed_in_decimals(sweep: Sweep) -> None:
    plan = Plan({"x": Float(0, 0.9, step=0.1)}, sampler="random", n_trials=10)
    rows = sweep(plan, nothing).run().rows
    assert sorted(row["x"] for row in rows) == [n / 10 for n in range(10)]


def test_a_pivot_has_a_place_for_what_does_not_apply() -> None:
    rows = [
        {"number": n, "status": "completed", "loss": float(n), **point}
        for n, point in enumerate(grid(OPTIMS))
    ]
    assert pivoted(OPTIMS) == ("optim", "momentum")
    assert pivoted({**OPTIMS, "lr": Choice((0.1,))}) == ("optim", "momentum")
    made = pivot(rows, "optim", "momentum", "loss")
    assert made.across_values == (0.0, 0.9, "—")
    assert made.cells == ((0.0, 1.0, None), (None, None, 2.0))


def test_the_size_of_a_range_costs_nothing(sweep: Sweep) -> None:
    space: Space = {"x": Int(1, 10**9), "y": Float(0, 1, step=1e-9), **OPTIMS}
    rows = sweep(Plan(space, n_trials=4), nothing).run().rows
    assert sorted(row["y"] for row in rows) == [0.0, 0.0, 0.0, 1e-9]
    assert grid_size(space) == 3 * 10**9 * (10**9 + 1)


@pytest.mark.parametrize("sampler", ["grid", "tpe"])
def test_points_of_one_configuration_are_trained_once(sampler: str, sweep: Sweep) -> None:
    """As 64 and a key that follows another one of 64 are."""

    def name(point: Any) -> str:
        return f"{point['x']} {point['x'] if point['y'] == 'x' else point['y']}"

    space: Space = {"x": Choice(("1", "2")), "y": Choice(("1", "x"))}
    plan = Plan(space, sampler=sampler, n_trials=9, name=name)
    rows = sweep(plan, nothing).run().rows
    assert {name(row) for row in rows} == {"1 1", "2 1", "2 2"}
    assert len(rows) == 3
    assert sweep(plan, nothing).run().rows == rows


def test_of_rows_that_agree_in_the_first_objective_the_next_decides() -> None:
    ways = {"right": "maximize", "loss": "minimize"}
    rows = [
        {"number": n, "status": "completed", "right": right, "loss": loss}
        for n, (right, loss) in enumerate([(0.0, 2.0), (0.0, 1.0), (0.5, 3.0)])
    ]
    assert [row["number"] for row in sorted(rows, key=lambda row: rank(row, ways))] == [2, 1, 0]


def test_one_continuous_key_makes_a_space_infinite() -> None:
    """Otherwise a search would end after the points of the choices that lack the key."""
    space: Space = {**OPTIMS, "lr": Float(0, 1, only=Only("optim", ("adam",)))}
    assert grid_size(space) == 0
    assert Plan(space, n_trials=9, sampler="random").total == 9
