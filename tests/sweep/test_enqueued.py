"""What a sweep tries first: given points, and the configuration's own."""

from pathlib import Path
from typing import Any

import pytest

from musicgen.errors import InputError
from musicgen.sweep.enqueued import complete, listed
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Started
from musicgen.sweep.space import Choice, Float, Int, Only
from tests.sweep import objectives
from tests.sweep.makers import Sweep
from tests.sweep.tables import by_number, stored

SPACE = {
    "optim": Choice(("sgd", "adam")),
    "lr": Float(0, 1),
    "momentum": Choice((0.5, 0.9), Only("optim", ("sgd",))),
    "layers": Int(2, 2),
}
OWN = {"optim": "adam", "lr": 0.25, "momentum": 0.1}
PLANE = {"x": Float(-1, 1), "y": Float(0, 1)}


def points(rows: list[dict[str, Any]], *keys: str) -> list[tuple[Any, ...]]:
    return [tuple(row[key] for key in keys) for row in by_number(rows)]


@pytest.mark.parametrize(
    ("given", "point"),
    [
        ({}, {"optim": "adam", "lr": 0.25, "layers": 2}),
        ({"lr": 1}, {"optim": "adam", "lr": 1.0, "layers": 2}),
        (
            {"momentum": 0.9, "optim": "sgd", "lr": 0},
            {"optim": "sgd", "lr": 0.0, "momentum": 0.9, "layers": 2},
        ),
    ],
)
def test_a_point_takes_the_rest_from_the_configuration(
    given: dict[str, Any], point: dict[str, Any]
) -> None:
    found = complete(given, OWN, SPACE)
    assert found == point
    assert list(found) == [key for key in SPACE if key in point]
    assert type(found["lr"]) is float  # as it is after it was stored


@pytest.mark.parametrize(
    ("given", "own", "message"),
    [
        ({"lr": 2}, OWN, "lr must be of 0.0 to 1.0, got 2"),
        ({"lr": "x"}, OWN, "lr must be of 0.0 to 1.0, got x"),
        ({"lr": True}, OWN, "got True"),
        ({"optim": {1}}, OWN, 'optim must be of ["sgd", "adam"], got {1}'),
        ({"layers": 3}, OWN, "layers must be of 2 to 2, got 3"),
        ({"optim": "sgd"}, OWN, "momentum must be of [0.5, 0.9], got 0.1, as the configuration"),
        ({"momentum": 0.5}, OWN, "momentum applies to optim=sgd"),
        ({"rl": 0.1}, OWN, "keys must be swept ones (optim, lr, momentum, layers), got rl"),
        ({"lr": 0.1}, {}, 'optim must be given, of ["sgd", "adam"]'),
    ],
)
def test_what_is_no_point_of_the_space_is_told(
    given: dict[str, Any], own: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError) as refusal:
        complete(given, own, SPACE)
    assert message in str(refusal.value)


@pytest.mark.parametrize("given", [3, "lr", {"lr": 1}, [3], [{}], [{"lr": 0.1}, {"lr": 7}]])
def test_a_list_of_points_is_checked(given: Any) -> None:
    with pytest.raises(InputError, match=r"^enqueue"):
        listed(given, "enqueue", lambda point: complete(point, OWN, SPACE))


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsgaii"])
def test_enqueued_points_are_tried_first_and_once(
    sweep: Sweep, tmp_path: Path, sampler: str
) -> None:
    given = [{"x": 0.5, "y": 0.0}, {"x": -1.0, "y": 1.0}]
    own = {"x": 0.0, "y": 0.5}
    plan = Plan(
        PLANE,
        n_trials=6,
        sampler=sampler,
        own=own,
        enqueued=(*given, given[0], own),
        objectives={"loss": "minimize", "parameters": "minimize"},
    )
    rows = sweep(plan, objectives.two_objectives).run().rows
    assert points(rows, "x", "y")[:3] == [(0.0, 0.5), (0.5, 0.0), (-1.0, 1.0)]
    assert len(rows) == len(set(points(rows, "x", "y"))) == 6
    if sampler == "nsgaii":  # they are of the first generation, so that others descend from them
        found = [trial.system_attrs for trial in stored(tmp_path / "sweep")]
        assert all(attributes["NSGAIISampler:generation"] == 0 for attributes in found)


def test_a_sweep_that_goes_on_tries_what_is_new_in_the_list(sweep: Sweep) -> None:
    first = Plan(PLANE, n_trials=3, sampler="random", enqueued=({"x": 0.5, "y": 0.0},))
    before = sweep(first, objectives.two_objectives).run().rows
    more = Plan(
        PLANE,
        n_trials=3,
        sampler="random",
        own={"x": 0.0, "y": 0.0},  # where a search begins, and this one has begun
        enqueued=({"x": 0.25, "y": 0.0}, {"x": 0.5, "y": 0.0}, {"x": 0.75, "y": 0.0}),
    )
    driver = sweep(more, objectives.two_objectives)
    rows = driver.run().rows
    assert points(rows, "x", "y") == [*points(before, "x", "y"), (0.25, 0.0), (0.75, 0.0)]
    assert driver.progress().total == driver.progress().done == 5
    assert sweep(more, objectives.two_objectives).run().rows == rows


def test_a_sweep_that_is_stopped_goes_on_with_the_list(sweep: Sweep) -> None:
    plan = Plan(
        PLANE,
        n_trials=8,
        sampler="tpe",
        sampler_settings={"n_startup_trials": 3},
        own={"x": 0.0, "y": 0.0},
        enqueued=tuple({"x": x / 8, "y": 0.5} for x in range(4)),
    )

    def stop(event: Any) -> None:
        if isinstance(event, Started) and event.job.number == 2:
            driver.request_stop()

    driver = sweep(plan, objectives.two_objectives, workers=1, observe=stop)
    assert driver.run().interrupted
    rest = sweep(plan, objectives.two_objectives, workers=1).run().rows
    whole = sweep(plan, objectives.two_objectives, workers=1, folder="whole").run().rows
    assert rest == whole
    assert points(rest, "x")[:5] == [(0.0,), (0.0,), (0.125,), (0.25,), (0.375,)]


def test_a_grid_begins_with_enqueued_points(sweep: Sweep) -> None:
    plan = Plan({"x": Choice((1, 2, 3, 4))}, own={"x": 4}, enqueued=({"x": 3}, {"x": 1}, {"x": 3}))
    assert points(sweep(plan, objectives.seeded).run().rows, "x") == [(3,), (1,), (2,), (4,)]
