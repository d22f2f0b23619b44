"""Pruners that know what they were told: each decision is Optuna's, who looks at every trial."""

import math
import random
import tempfile
import time
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, SuccessiveHalvingPruner
from optuna.samplers import RandomSampler
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial, TrialState

from musicgen.sweep.database import connect
from musicgen.sweep.journal import Journal
from musicgen.sweep.judges import Course
from musicgen.sweep.plan import Plan
from musicgen.sweep.pruners import make_pruner
from musicgen.sweep.space import Float
from musicgen.sweep.study import PRUNED_AT, STATES, Study

THEIRS: dict[str, type[BasePruner]] = {
    "median": MedianPruner,
    "asha": SuccessiveHalvingPruner,
    "hyperband": HyperbandPruner,
}
STEPS = range(1, 13)
few = st.integers(0, 3)
medians = st.fixed_dictionaries(
    {
        "n_startup_trials": few,
        "n_warmup_steps": few,
        "interval_steps": st.integers(1, 3),
        "n_min_trials": st.integers(1, 3),
    }
)
halvings = st.fixed_dictionaries(
    {"reduction_factor": st.integers(2, 4), "min_early_stopping_rate": st.integers(0, 1)}
)
sizes = st.just({"min_resource": "auto"}) | st.fixed_dictionaries(
    {"min_resource": st.integers(1, 3), "bootstrap_count": few}
)
hyperbands = st.fixed_dictionaries(
    {"reduction_factor": st.integers(2, 3), "min_resource": st.integers(1, 6)}
)
limits = st.just({"max_resource": "auto"}) | st.fixed_dictionaries(
    {"max_resource": st.integers(1, 12), "bootstrap_count": few}
)
pruners = (
    st.tuples(st.just("median"), medians)
    | st.tuples(st.just("asha"), st.builds(lambda a, b: {**a, **b}, halvings, sizes))
    | st.tuples(st.just("hyperband"), st.builds(lambda a, b: {**a, **b}, hyperbands, limits))
)
VALUES = [0.0, 1.0, 2.0, 3.0, 1e-3, 1e308, -1e308, math.nan, math.inf, -math.inf]
NAME = "study"


class Theirs:
    """The same study with Optuna's pruner, to which a restart means a new one."""

    def __init__(self, name: str, given: dict[str, Any], direction: str) -> None:
        self._make = lambda: THEIRS[name](**given)
        self._study = optuna.create_study(
            storage=InMemoryStorage(),
            sampler=RandomSampler(),
            study_name=NAME,
            direction=direction,
            pruner=self._make(),
        )
        self._trials: list[optuna.Trial] = []

    def restart(self) -> None:
        self._study.pruner = self._make()

    def create(self) -> None:
        self._trials.append(self._study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}))

    def report(self, number: int, step: int, value: float) -> bool:
        self._trials[number].report(value, step)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # numpy, on NaN and infinity
            return self._trials[number].should_prune()

    def finish(self, number: int, status: str, result: list[float] | None) -> None:
        self._study.tell(number, result, STATES.get(status, TrialState.FAIL))

    @property
    def trials(self) -> list[FrozenTrial]:
        return self._study.get_trials()


@pytest.mark.slow
# Without shrinking: chance is hypothesis's only in its seed.
@settings(deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.randoms(use_true_random=True), pruners, st.sampled_from(["minimize", "maximize"]))
def test_every_decision_is_optunas(
    chance: random.Random, pruner: tuple[str, dict[str, Any]], direction: Any
) -> None:
    name, given_settings = pruner
    plan = Plan(
        {"x": Float(0, 1)},
        sampler="random",
        n_trials=99,
        objectives={"loss": direction},
        pruner=name,
        pruner_settings=given_settings,
    )
    theirs = Theirs(name, given_settings, direction)
    running: dict[int, list[int]] = {}
    """Steps that are left to each trial."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:

        def start() -> Study:
            study = Study(Journal(Path(folder) / "journal"), NAME, plan)
            stack.callback(study.close)
            return study

        ours = start()

        def end(number: int, status: str) -> None:
            result = [0.5] if status == "completed" else None
            ours.finish(number, status, result)
            theirs.finish(number, status, result)
            del running[number]

        for _ in range(chance.randint(1, 80)):
            number = chance.choice([None, *running])
            if number is None:
                running[ours.create(None).number] = list(STEPS)
                theirs.create()
            elif not (left := running[number]) or chance.random() < 0.1:
                end(number, chance.choice(["completed", "completed", "pruned", "failed"]))
            else:
                # In order for the most part, as trainings report.
                step = left[0] if chance.random() < 0.8 else chance.choice(left)
                left.remove(step)
                value = chance.choice([*VALUES, chance.random(), chance.random()])
                decision = ours.report(number, step, value)
                assert decision == theirs.report(number, step, value)
                if decision:
                    end(number, "pruned")
            if chance.random() < 0.1:
                ours = start()
                theirs.restart()
        # What Optuna itself would have left: an older study goes on, and ours with Optuna.
        for one, other in zip(ours._storage.get_all_trials(0), theirs.trials, strict=True):
            assert repr(one.system_attrs) == repr(other.system_attrs)
            assert repr(one.intermediate_values) == repr(other.intermediate_values)
            assert one.state == other.state


class CutError(Exception):
    """A driver that ends."""


@pytest.mark.slow
@pytest.mark.parametrize("written", range(3))
def test_a_judgement_cut_short_in_a_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    """A database keeps one thing after the other; the next life decides as this one would."""
    plan = Plan(
        {"x": Float(0, 1)},
        sampler="random",
        n_trials=9,
        pruner="asha",
        pruner_settings={"min_resource": 1, "reduction_factor": 2},
    )
    with connect(f"sqlite:///{tmp_path / 'studies.db'}") as database:
        study = Study(database, NAME, plan)
        for number, value in enumerate([1.0, 2.0]):
            study.create(None)
            if number == 0:
                assert not study.report(number, 1, value)
        writes = 0

        def cut(plain: Any) -> Any:
            def write(*arguments: Any, **named: Any) -> None:
                nonlocal writes
                if writes == written:
                    raise CutError
                writes += 1
                plain(*arguments, **named)

            return write

        with monkeypatch.context() as patch:
            for kind in ("user_attr", "system_attr", "intermediate_value"):
                method = f"set_trial_{kind}"
                patch.setattr(database, method, cut(getattr(database, method)))
            with pytest.raises(CutError):
                study.report(1, 1, 2.0)
        study = Study(database, NAME, plan)
        assert study.report(1, 1, 2.0)
        assert not study.report(0, 2, 1.0)
        assert PRUNED_AT in study._storage.get_trial(study._trial_id(1)).user_attrs


@pytest.mark.parametrize(
    ("name", "given_settings"), [("median", {}), ("asha", {"min_resource": 1})]
)
def test_judging_costs_the_same_at_any_number_of_trials(
    name: str, given_settings: dict[str, Any]
) -> None:
    def each(trials: int) -> float:
        """Microseconds of processor time for a judgement after so many trials."""
        pruner = make_pruner(name, **given_settings)
        pruner.recall(
            Course(n, dict.fromkeys(STEPS, n / trials), [n / trials] * 2, completed=True)
            for n in range(trials)
        )
        study = optuna.create_study()
        courses = [Course(n, {1: n / 1000}) for n in range(1000)]
        begun = time.process_time()
        for course in courses:
            pruner.judge(study, course)
        return 1e3 * (time.process_time() - begun)

    assert each(20_000) < 50  # Optuna's need several thousand
