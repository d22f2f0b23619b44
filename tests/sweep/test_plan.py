"""Plans: what goes together, and what is said where it doesn't."""

from typing import Any

import pytest
from optuna.pruners import BasePruner
from optuna.samplers import BaseSampler

from musicgen.config.registry import components
from musicgen.errors import InputError
from musicgen.sweep.plan import Plan
from musicgen.sweep.pruners import make_pruner
from musicgen.sweep.record import Name, SweepRecord
from musicgen.sweep.samplers import make_sampler, seed_for
from musicgen.sweep.space import Choice, Float

GRID = {"a": Choice((1, 2, 3))}
RANGE = {"lr": Float(0, 1)}
TWO = {"loss": "minimize", "parameters": "minimize"}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"space": {}}, "vary something"),
        ({"space": RANGE}, "lr must be a list of values"),
        ({"sampler": "magic"}, "one of grid, random, tpe, gp, nsgaii, got magic"),
        ({"pruner": "magic"}, "one of none, median, asha, hyperband, got magic"),
        ({"sampler_settings": {"x": 1}}, "grid has no settings, got x"),
        ({"sampler": "tpe"}, "n_trials must be given"),
        ({"sampler": "tpe", "n_trials": 0}, "n_trials must be at least 1, got 0"),
        ({"sampler": "tpe", "n_trials": 3, "sampler_settings": {"x": 1}}, "tpe refuses .*'x'"),
        ({"sampler": "nsgaii", "n_trials": 3, "sampler_settings": {"population_size": 1}}, "size"),
        ({"pruner": "median", "objectives": TWO}, "one objective to judge by, got 2"),
        ({"pruner": "asha", "pruner_settings": {"reduction_factor": 1}}, "asha refuses"),
        ({"objectives": {}}, "at least one result"),
        ({"objectives": {"loss": "down"}}, "loss is minimize or maximize, got down"),
        ({"seeds": 0}, "seeds must be at least 1, got 0"),
        ({"retries": -1}, "retries must be at least 0, got -1"),
        ({"max_failures": -1}, "max_failures must be at least 0, got -1"),
        ({"max_failures_in_a_row": 0}, "max_failures_in_a_row must be at least 1, got 0"),
    ],
)
def test_bad_plans_are_refused(settings: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as error:
        Plan(**{"space": GRID, **settings})
    assert "\n" not in str(error.value)


def test_gp_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("musicgen.sweep.samplers.find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install scipy"):
        Plan(RANGE, sampler="gp", n_trials=3)


def test_names_make_what_they_say() -> None:
    for name in components("sampler").keys() - {"grid", "gp"}:
        assert isinstance(make_sampler(name, seed=1), BaseSampler)
    for name in components("pruner"):
        assert isinstance(make_pruner(name), BasePruner)


def test_a_plan_knows_its_total_and_when_failures_are_too_many() -> None:
    assert Plan(GRID).total == 3
    assert Plan(GRID, n_trials=2).total == 2
    assert Plan(GRID, n_trials=20).total == 3
    assert Plan(RANGE, sampler="random", n_trials=20).total == 20
    assert not Plan(GRID).too_many(3)
    assert [Plan(GRID, max_failures=1).too_many(n) for n in (1, 2)] == [False, True]
    share = Plan(RANGE, sampler="random", n_trials=20, max_failures=0.1)
    assert [share.too_many(n) for n in (2, 3)] == [False, True]


def test_identity_has_what_must_not_change() -> None:
    plan = Plan(GRID, fingerprint={"model.hidden": "4"}, n_trials=2, retries=1)
    identity = SweepRecord.of(plan).identity()
    assert identity == SweepRecord.of(Plan(GRID, fingerprint={"model.hidden": "4"})).identity()
    assert identity[Name("model.hidden")] == "4"
    more = Plan(GRID, fingerprint={"model.hidden": "4"}, seeds=2)
    assert identity != SweepRecord.of(more).identity()


def test_sampler_seeds_differ() -> None:
    seeds = {seed_for(seed, number) for seed in range(10) for number in range(100)}
    assert len(seeds) == 1000
    assert max(seeds) < 2**32
