"""Dimensions, grids, and the way to Optuna and back."""

import itertools
import json
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.errors import InputError
from musicgen.sweep.space import (
    Choice,
    Float,
    Int,
    describe,
    digest,
    distributions,
    grid,
    grid_size,
)

scalars = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
)
plain = scalars | st.lists(scalars, max_size=2) | st.dictionaries(st.text(max_size=2), scalars)
choices = st.lists(plain, min_size=1, max_size=6, unique_by=json.dumps).map(
    lambda values: Choice(tuple(values))
)


@given(choices)
def test_a_choice_goes_through_optuna_unchanged(choice: Choice) -> None:
    distribution = optuna.distributions.json_to_distribution(
        optuna.distributions.distribution_to_json(choice.distribution())
    )
    for value in choice.values:
        internal = distribution.to_internal_repr(choice.encode(value))
        back = choice.decode(distribution.to_external_repr(internal))
        assert json.dumps(back) == json.dumps(value)


@given(st.dictionaries(st.text(min_size=1, max_size=3), choices, min_size=1, max_size=3))
def test_a_grid_is_complete_in_order_and_each_point_once(space: dict[str, Choice]) -> None:
    points = list(grid(space))
    assert len(points) == grid_size(space)
    expected = itertools.product(*(choice.values for choice in space.values()))
    for point, values in zip(points, expected, strict=True):
        assert json.dumps(list(point.values())) == json.dumps(values)
    assert len({json.dumps(point) for point in points}) == len(points)


def test_the_last_key_turns_fastest() -> None:
    space = {"optim": Choice(("adam", "sgd")), "layers": Int(1, 2)}
    assert [tuple(point.values()) for point in grid(space)] == [
        ("adam", 1),
        ("adam", 2),
        ("sgd", 1),
        ("sgd", 2),
    ]


def test_steps_are_decimal() -> None:
    assert Float(0, 0.7, step=0.1).finite() == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
    assert Float(0, 1, step=0.3).finite() == (0.0, 0.3, 0.6, 0.9)
    assert Int(1, 10, step=4).finite() == (1, 5, 9)
    assert Float(0, 1).finite() is None


@given(st.integers(-5, 5), st.integers(0, 9), st.integers(1, 4))
def test_a_stepped_range_is_the_same_in_optuna(low: int, width: int, step: int) -> None:
    """Optuna warns, and cuts the range, where the step doesn't fit; we must be there first."""
    whole, real = Int(low, low + width, step=step), Float(low, low + width, step=step)
    assert whole.distribution().high == whole.finite()[-1]
    assert real.distribution().high == (real.finite() or ())[-1]


def test_the_digest_tells_spaces_apart() -> None:
    spaces = [
        {"a": Choice((1, 2))},
        {"a": Choice((2, 1))},
        {"a": Choice((1.0, 2))},
        {"a": Choice((True, 2))},
        {"a": Choice(("1", 2))},
        {"b": Choice((1, 2))},
        {"a": Int(1, 2)},
        {"a": Float(1, 2)},
        {"a": Float(1, 2, log=True)},
        {"a": Float(1, 2, step=0.5)},
        {"a": Int(1, 2), "b": Int(1, 2)},
        {"b": Int(1, 2), "a": Int(1, 2)},
    ]
    assert len({digest(space) for space in spaces}) == len(spaces)
    assert digest({"a": Choice((1, 2))}) == digest({"a": Choice((1, 2))})
    assert describe({"lr": Float(1e-4, 0.1, log=True)}) == {"lr": "0.0001 to 0.1, log"}


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Choice(()), "at least one value"),
        (lambda: Choice("a", "b"), r"a list or a tuple of values, got 'a'; write Choice\(\['a', "),
        (lambda: Choice(3), "a list or a tuple of values, got 3"),
        (lambda: Choice((1, 2, 1)), "each value once, got 1 again"),
        (lambda: Choice((object(),)), "plain values"),
        (lambda: Float(2, 1), "from low to high, got 2.0 to 1.0"),
        (lambda: Float(0, 1, log=True), "begin above 0"),
        (lambda: Float(0, 1, step=0), "step must be above 0"),
        (lambda: Float(1, 2, log=True, step=0.1), "log or a step, not both"),
        (lambda: Int(1, 8, log=True, step=2), "log or a step, not both"),
        (lambda: Int(8, 1), "from low to high"),
    ],
)
def test_bad_dimensions_are_refused(make: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        make()


def test_a_continuous_range_has_no_grid() -> None:
    with pytest.raises(InputError, match=r"lr must be .* for sampler=grid"):
        grid({"a": Choice((1,)), "lr": Float(0, 1)})


def test_distributions_are_of_the_right_kind() -> None:
    kinds = distributions({"a": Choice((1, None)), "b": Float(0, 1), "c": Int(1, 9, log=True)})
    assert kinds == {
        "a": optuna.distributions.CategoricalDistribution((1, None)),
        "b": optuna.distributions.FloatDistribution(0, 1),
        "c": optuna.distributions.IntDistribution(1, 9, log=True),
    }


def test_the_items_of_a_list_or_a_tuple_are_the_choices() -> None:
    pairs = Choice([(0.9, 0.99), (0.8, 0.9)])
    assert pairs == Choice(((0.9, 0.99), (0.8, 0.9)))
    assert pairs.decode(pairs.encode((0.8, 0.9))) == (0.8, 0.9)
