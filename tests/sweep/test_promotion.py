"""asha by promotion: trials pause at rungs, and the best of them go on."""

import logging
import random
import time
from bisect import insort
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from musicgen.sweep.journal import Journal
from musicgen.sweep.judges import Share
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Finished, Judged, Started
from musicgen.sweep.promotion import Ladder
from musicgen.sweep.pruners import rungs
from musicgen.sweep.space import Choice, Float, Int
from musicgen.sweep.study import Study
from musicgen.sweep.trial import Decision
from tests.sweep import objectives
from tests.sweep.makers import Sweep
from tests.sweep.tables import by_number, table

ASHA = {"min_resource": 1, "reduction_factor": 3, "max_resource": 9, "rule": "promotion"}
TWELVE = Choice(tuple(range(12)))


def asha(**settings: Any) -> Plan:
    plan = {"space": {"x": TWELVE}, "pruner": "asha", "pruner_settings": ASHA}
    return Plan(**{**plan, **settings})


def values(x: int) -> list[float]:
    """The values that a climber reports at a point, by steps."""
    return objectives.Climber.values({"x": x}, 9)


def starts(folder: Path) -> dict[int, list[int]]:
    """The steps that each trial had behind it whenever a worker began with it."""
    return {
        int(path.parent.name): [int(line) for line in path.read_text().split()]
        for path in folder.glob("*/starts")
    }


@pytest.mark.parametrize(
    ("least", "most", "factor", "expected"),
    [
        (1, 9, 3, (1, 3)),
        (1, 27, 3, (1, 3, 9)),
        (1, 20, 3, (1, 3, 7)),
        (1, 30, 3, (1, 3, 10)),
        (2, 15, 4, (2,)),
        (1, 2, 3, (1,)),
        (9, 9, 3, ()),
    ],
)
def test_rungs_fit_the_steps_of_a_trial(
    least: int, most: int, factor: int, expected: tuple[int, ...]
) -> None:
    assert rungs(least, most, factor) == expected


def test_every_rung_is_a_step_of_its_own_and_saves_something() -> None:
    for factor in range(2, 6):
        for most in range(2, 200):
            for least in range(1, most):
                found = rungs(least, most, factor)
                assert found[0] == least
                assert found == tuple(sorted(set(found)))
                assert found[-1] < most


def test_a_ladder_promotes_as_the_paper_says() -> None:
    """Against algorithm 2 of Li et al. (2020), written down as it is printed."""
    chance = random.Random(0)
    for _ in range(200):
        eta, heights = chance.randint(2, 4), chance.randint(1, 3)
        ladder = Ladder(range(heights), eta)
        reached: list[list[tuple[float, int]]] = [[] for _ in range(heights)]
        promoted: list[set[int]] = [set() for _ in range(heights)]
        climbing: dict[int, int] = {}
        """The rung that each running trial reaches next."""
        number = 0
        for _ in range(60):
            job = next(
                (
                    (trial, rung)
                    for rung in reversed(range(heights))
                    for _, trial in reached[rung][: len(reached[rung]) // eta]
                    if trial not in promoted[rung]
                ),
                None,
            )
            assert ladder.best(Share.BEST) == (job[0] if job else None)
            if job is not None:
                trial, rung = job
                promoted[rung].add(trial)
                place = next(place for place in reached[rung] if place[1] == trial)
                ladder.leave(rung, place)
                if rung + 1 < heights:
                    climbing[trial] = rung + 1
            else:
                climbing[number] = 0
                number += 1
            while climbing and chance.random() < 0.6:
                trial = chance.choice(list(climbing))
                rung = climbing.pop(trial)
                place = chance.choice([0.0, 1.0, chance.random()]), trial
                insort(reached[rung], place)
                ladder.enter(rung, place)
                ladder.wait(rung, place)


def test_the_best_go_on_and_the_others_are_pruned_at_their_rungs(
    sweep: Sweep, tmp_path: Path
) -> None:
    events: list[Any] = []
    driver = sweep(asha(), objectives.climbs, observe=events.append)
    rows = driver.run().rows
    assert {row["status"] for row in rows} == {"completed", "pruned"}
    assert all(
        row["steps"] == (9 if row["status"] == "completed" else 3) or row["steps"] == 1
        for row in rows
    )
    # Whatever the order of reports was: the best of each rung have gone on.
    first = sorted(range(12), key=lambda x: values(x)[1])
    assert {row["x"] for row in rows if row["steps"] > 1} >= set(first[:4])
    second = sorted((row["x"] for row in rows if row["steps"] > 1), key=lambda x: values(x)[3])
    completed = {row["x"] for row in rows if row["status"] == "completed"}
    assert completed >= {second[0], *second[: len(second) // 3]}
    assert all(row["loss"] == values(row["x"])[row["steps"]] for row in rows)
    told = [e for e in events if isinstance(e, Judged) and e.decision is Decision.PAUSE]
    assert {event.step for event in told} <= {1, 3}
    ended = [e for e in events if isinstance(e, Finished) and e.result["status"] == "paused"]
    assert sorted(e.job.number for e in ended) == sorted(e.job.number for e in told)
    assert driver.progress().paused == driver.progress().running == 0
    assert driver.progress().done == 12
    # Each went on from where it had paused, and none did a step twice.
    assert all(done == sorted(set(done)) for done in starts(tmp_path / "sweep").values())
    storage = JournalStorage(JournalFileBackend(str(tmp_path / "sweep" / "study.journal")))
    states = [t.state for t in optuna.load_study(study_name="sweep", storage=storage).trials]
    assert sorted(set(states)) == [TrialState.COMPLETE, TrialState.PRUNED]


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 4])
def test_a_few_trials_have_a_winner_that_reaches_its_end(sweep: Sweep, count: int) -> None:
    plan = asha(space={"x": Choice(tuple(range(count)))})
    rows = sweep(plan, objectives.climbs, workers=1).run().rows
    best = min(range(count), key=lambda x: values(x)[1])
    assert [row["x"] for row in rows if row["status"] == "completed"] == [best]


def test_promotion_follows_a_maximized_objective(sweep: Sweep) -> None:
    plan = asha(objectives={"loss": "maximize"})
    rows = sweep(plan, objectives.climbs, workers=1).run().rows
    best = sorted(range(12), key=lambda x: -values(x)[1])
    assert {row["x"] for row in rows if row["steps"] > 1} >= set(best[:4])


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["asha", "hyperband"])
@pytest.mark.parametrize("sampler", ["grid", "tpe"])
def test_stopped_after_any_report_it_goes_on_as_if_it_had_not(
    sweep: Sweep, pruner: str, sampler: str
) -> None:
    space = {"x": TWELVE} if sampler == "grid" else {"x": Int(0, 99)}
    plan = asha(space=space, pruner=pruner, sampler=sampler, n_trials=12)

    def course(folder: str, stops: set[int]) -> list[dict[str, Any]]:
        """The rows of a sweep that is stopped after these reports, and goes on each time."""
        count = 0

        def stop(event: Any) -> None:
            nonlocal count
            if isinstance(event, Judged):
                count += 1
                if count in stops:
                    driver.request_stop()

        while True:
            place = f"{folder}/sweep"  # a trial's bracket depends on the study's name
            driver = sweep(plan, objectives.climbs, workers=1, folder=place, observe=stop)
            outcome = driver.run()
            if not outcome.interrupted:
                return outcome.rows

    whole = course("whole", set())
    assert course("parts", {1, 4, 5, 9, 16, 22, 23, 31}) == whole


def test_what_is_paused_is_a_row_that_says_so(sweep: Sweep, tmp_path: Path) -> None:
    def stop(event: Any) -> None:
        if isinstance(event, Started) and event.job.number == 2:
            driver.request_stop()

    driver = sweep(asha(), objectives.climbs, workers=1, observe=stop)
    assert driver.run().interrupted
    rows = by_number(table(tmp_path / "sweep"))
    assert [row["status"] for row in rows[:2]] == ["paused", "paused"]
    assert [float(row["loss"]) for row in rows[:2]] == [values(x)[1] for x in range(2)]
    assert driver.progress().paused == sum(row["status"] == "paused" for row in rows)
    again = sweep(asha(), objectives.climbs, workers=1).run().rows
    assert {row["status"] for row in again} == {"completed", "pruned"}


@pytest.mark.slow
def test_a_worker_that_dies_while_it_pauses_leaves_a_paused_trial(
    sweep: Sweep, tmp_path: Path
) -> None:
    rows = sweep(asha(), objectives.dies_pausing, workers=1).run().rows
    assert {row["status"] for row in rows} == {"completed", "pruned"}
    whole = sweep(asha(), objectives.climbs, workers=1, folder="whole").run().rows
    assert rows == whole


def test_with_a_budget_the_best_paused_ones_go_on(sweep: Sweep) -> None:
    rows = sweep(asha(timeout_s=3600.0), objectives.climbs).run().rows
    assert {row["status"] for row in rows} == {"completed"}


@pytest.mark.slow
def test_a_budget_that_is_over_leaves_trials_paused(sweep: Sweep, tmp_path: Path) -> None:
    plan = asha(space={"x": Choice((0, 1))}, timeout_s=3.0)
    outcome = sweep(plan, objectives.climbs_for_ten_minutes, workers=1).run()
    assert outcome.timed_out
    assert sorted(row["status"] for row in outcome.rows) == ["interrupted", "paused"]


def test_further_seeds_are_those_of_trials_that_reach_their_end(sweep: Sweep) -> None:
    rows = sweep(asha(seeds=2), objectives.climbs).run().rows
    assert {row["n"] for row in rows if row["status"] == "completed"} == {2}
    assert {row["n"] for row in rows if row["status"] == "pruned"} == {0}


@pytest.mark.slow
def test_an_objective_without_checkpoints_is_never_paused(
    sweep: Sweep, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Any] = []
    with caplog.at_level(logging.WARNING):
        rows = sweep(asha(), objectives.descends, workers=1, observe=events.append).run().rows
    assert {row["status"] for row in rows} == {"completed", "pruned"}
    assert not [e for e in events if isinstance(e, Judged) and e.decision is Decision.PAUSE]
    assert [r.message for r in caplog.records if "instead of pausing" in r.message]
    old = {key: ASHA[key] for key in ("min_resource", "reduction_factor")}
    before = sweep(asha(pruner_settings=old), objectives.descends, workers=1, folder="before").run()
    assert rows == before.rows


@pytest.mark.slow
def test_a_sweep_that_began_with_the_stopping_rule_goes_on_with_it(
    sweep: Sweep, caplog: pytest.LogCaptureFixture
) -> None:
    old = asha(pruner_settings={key: ASHA[key] for key in ("min_resource", "reduction_factor")})
    events: list[Any] = []

    def stop(event: Any) -> None:
        events.append(event)
        if isinstance(event, Started) and event.job.number == 5:
            driver.request_stop()

    driver = sweep(old, objectives.climbs, workers=1, observe=stop)
    assert driver.run().interrupted
    with caplog.at_level(logging.WARNING):
        rest = sweep(asha(), objectives.climbs, workers=1, observe=events.append).run().rows
    assert [r.message for r in caplog.records if "the rule it began with" in r.message]
    whole = sweep(old, objectives.climbs, workers=1, folder="whole").run().rows
    assert rest == whole
    assert not [e for e in events if isinstance(e, Judged) and e.decision is Decision.PAUSE]


@pytest.mark.slow
def test_a_sweep_with_paused_trials_grows(sweep: Sweep, tmp_path: Path) -> None:
    def stop(event: Any) -> None:
        if isinstance(event, Started) and event.job.number == 5:
            driver.request_stop()

    driver = sweep(asha(), objectives.climbs, workers=1, observe=stop)
    assert driver.run().interrupted
    before = sum(row["status"] == "paused" for row in table(tmp_path / "sweep"))
    assert before
    more = asha(space={"x": Choice(tuple(range(15)))}, seeds=2)
    rows = sweep(more, objectives.climbs, workers=1).run().rows
    assert {row["status"] for row in rows} == {"completed", "pruned"}
    assert len(rows) == 15
    best = sorted(range(15), key=lambda x: values(x)[1])
    assert {row["x"] for row in rows if row["steps"] > 1} >= set(best[:5])


@pytest.mark.parametrize("pruner", ["asha", "hyperband"])
def test_without_a_rung_before_the_last_step_nothing_is_pruned_and_a_line_says_so(
    sweep: Sweep, caplog: pytest.LogCaptureFixture, pruner: str
) -> None:
    plan = asha(pruner=pruner, pruner_settings={**ASHA, "min_resource": 10})
    with caplog.at_level(logging.WARNING):
        rows = sweep(plan, objectives.climbs).run().rows
    assert {row["status"] for row in rows} == {"completed"}
    assert [r.message for r in caplog.records if "nothing is pruned" in r.message]


def test_a_sampler_learns_from_paused_trials_as_from_pruned_ones(tmp_path: Path) -> None:
    plan = asha(space={"x": Float(0, 1)}, sampler="tpe", n_trials=9)
    study = Study(Journal(tmp_path / "journal"), "study", plan)
    for number in range(2):
        study.create(None)
        assert not study.report(number, 1, float(number))
    assert study.paused == {0, 1}
    assert [t.state for t in study._search.trials] == [TrialState.PRUNED] * 2
    assert [t.state for t in study._study.trials] == [TrialState.RUNNING] * 2
    study.close()


def test_a_trial_that_ends_at_a_rung_is_not_paused_there(tmp_path: Path) -> None:
    plan = asha(space={"x": Float(0, 1)}, sampler="random", n_trials=9)
    study = Study(Journal(tmp_path / "journal"), "study", plan)
    study.create(None)
    study.create(None)
    assert not study.report(0, 1, 1.0, last=True)
    assert not study.report(1, 1, 2.0)
    assert study.paused == {1}
    study.close()
    again = Study(Journal(tmp_path / "journal"), "study", plan)
    assert again.paused == {1}
    again.close()


def test_a_promotion_costs_the_same_at_any_number_of_trials() -> None:
    ladder = Ladder((1, 3), 3)
    for number in range(20_000):
        ladder.enter(0, (float(number % 97), number))
        ladder.wait(0, (float(number % 97), number))
    begun = time.process_time()
    for _ in range(1000):
        assert ladder.best(Share.BEST) is not None
    assert time.process_time() - begun < 0.05
