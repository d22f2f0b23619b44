"""The driver, with every executor: results, failures, resumption, pruning, seeds."""

import contextlib
import functools
import math
import sqlite3
import statistics
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from musicgen.errors import InputError, RunError
from musicgen.sweep.plan import Plan
from musicgen.sweep.progress import Finished, Judged, Started
from musicgen.sweep.space import Choice, Float, Int
from musicgen.sweep.trial import Decision, Trial
from tests.sweep import objectives
from tests.sweep.makers import Sweep
from tests.sweep.tables import by_number, stored, table

LR = {"lr": Float(1e-4, 1e-1, log=True), "layers": Int(1, 3)}


def moods(*values: str) -> dict[str, Choice]:
    return {"mood": Choice(values)}


def test_a_grid_is_complete_and_ranked(sweep: Sweep, tmp_path: Path) -> None:
    space = {"model.dropout": Choice((0, 0.1, None)), "optim": Choice(("adam", ["a|b", 1]))}
    refreshed: list[Any] = []
    driver = sweep(Plan(space), objectives.nothing, on_refresh=refreshed.append)
    outcome = driver.run()
    assert not outcome.interrupted
    assert outcome.rows == refreshed[-1]
    losses = [row["loss"] for row in outcome.rows]
    assert losses == sorted(losses)
    points = [(row["model.dropout"], row["optim"]) for row in by_number(outcome.rows)]
    assert points == [(d, o) for d in (0, 0.1, None) for o in ("adam", ["a|b", 1])]
    assert [float(row["loss"]) for row in table(tmp_path / "sweep")] == losses
    page = (tmp_path / "sweep" / "table.md").read_text()
    assert page.startswith("Best: model.dropout=")
    assert "| number | status | model.dropout | optim | loss |" in page
    assert '| model.dropout \\ optim | adam | ["a\\|b", 1] |' in page
    spelled = [(row["model.dropout"], row["optim"]) for row in by_number(table(tmp_path / "sweep"))]
    assert spelled[2:5] == [("0.1", "adam"), ("0.1", '["a|b", 1]'), ("null", "adam")]
    assert {p.name for p in (tmp_path / "sweep").iterdir()} == {
        *map(str, range(6)),
        "lock",
        "sweep.json",
        "study.journal",
        "table.csv",
        "table.md",
        "workers.log",
    }


def test_workers_persist_and_know_nothing_of_optuna(sweep: Sweep) -> None:
    rows = sweep(Plan({"a": Int(1, 12)}), objectives.environment).run().rows
    assert 1 <= len({row["pid"] for row in rows}) <= 2
    assert not any(row["optuna"] for row in rows)
    assert {row["threads"] for row in rows} == {"1"}


@pytest.mark.slow
def test_a_workers_memory_does_not_grow(sweep: Sweep) -> None:
    rows = by_number(sweep(Plan({"a": Int(1, 50)}), objectives.growing, workers=1).run().rows)
    assert len({row["pid"] for row in rows}) == 1
    assert rows[-1]["mb"] <= max(row["mb"] for row in rows[:25]) + 1


def test_failures_are_rows_with_their_reasons(sweep: Sweep, tmp_path: Path) -> None:
    space = moods(
        "fine",
        "raises",
        "exits",
        "memory",
        "killed",
        "nan",
        "diverges",
        "forgets",
        "odd",
        "gives up",
    )
    driver = sweep(Plan(space), objectives.moody)
    rows = {row["mood"]: row for row in driver.run().rows}
    assert {mood: (row["status"], row.get("error")) for mood, row in rows.items()} == {
        "fine": ("completed", None),
        "raises": ("failed", "ValueError: no good"),
        "exits": ("failed", "SystemExit: 3"),
        "memory": ("failed", "out of memory"),
        "killed": ("failed", "worker killed by SIGKILL (out of memory?)"),
        "nan": ("diverged", "loss is nan"),
        "diverges": ("diverged", "loss is nan at step 3"),
        "forgets": ("failed", "the objective returned no loss"),
        "odd": ("failed", "no such status: splendid"),
        "gives up": ("failed", "it stopped without being asked to"),
    }
    assert rows["fine"]["device"] == "cpu"
    assert "history" not in rows["fine"]
    assert len(table(tmp_path / "sweep")) == len(space["mood"].values)
    assert driver.progress().failed == 7
    assert driver.progress().diverged == 2
    assert "all is well" in (tmp_path / "sweep" / "0" / "output.log").read_text()
    assert "ValueError: no good" in (tmp_path / "sweep" / "1" / "output.log").read_text()
    # Unless failures are to be tried again, a second start has nothing to do, and says the same.
    again = sweep(Plan(space, retry_failed=False), objectives.moody)
    assert repr(again.run().rows) == repr(list(rows.values()))  # repr: nan isn't equal to nan
    assert (tmp_path / "sweep" / "1" / "attempts").read_text() == "x"


def test_retries_use_the_same_folder(sweep: Sweep, tmp_path: Path) -> None:
    space = moods("second time", "raises", "killed", "diverges")
    events: list[Any] = []
    driver = sweep(Plan(space, retries=2), objectives.moody, observe=events.append)
    rows = by_number(driver.run().rows)
    assert [row["status"] for row in rows] == ["completed", "failed", "failed", "diverged"]
    attempts = [(tmp_path / "sweep" / str(n) / "attempts").read_text() for n in range(4)]
    assert attempts == ["xx", "xxx", "xxx", "x"]
    assert [e.attempt for e in events if isinstance(e, Started) and e.job.number == 1] == [0, 1, 2]
    assert [e.again for e in events if isinstance(e, Finished) and e.job.number == 1] == [
        True,
        True,
        False,
    ]


def test_all_failing_is_an_error_with_a_table(sweep: Sweep, tmp_path: Path) -> None:
    driver = sweep(Plan(moods("raises", "diverges")), objectives.moody)
    with pytest.raises(RunError, match="none of 2 configurations completed, the last one: ") as e:
        driver.run()
    assert e.value.exit_code == 1
    assert len(table(tmp_path / "sweep")) == 2


def test_too_many_failures_stop_the_sweep(sweep: Sweep, tmp_path: Path) -> None:
    space = {"x": Int(1, 20), **moods("raises")}
    driver = sweep(Plan(space, max_failures=2), objectives.moody, workers=1)
    with pytest.raises(RunError, match=r"3 configurations failed, max_failures allows 2"):
        driver.run()
    assert len(table(tmp_path / "sweep")) == 3
    # The number counts one session's failures: after a repair the sweep goes on.
    later = sweep(Plan(space, max_failures=0.5), objectives.nothing, workers=1)
    assert len(later.run().rows) == 20


def test_an_objective_that_cannot_travel_is_refused(sweep: Sweep) -> None:
    lock = threading.Lock()

    def locked(trial: Trial) -> dict[str, Any]:
        with lock:
            return {}

    with pytest.raises(InputError, match=r"can travel to workers \(TypeError: cannot pickle"):
        sweep(Plan({"a": Int(1, 2)}), locked).run()


def test_a_sweep_may_grow(sweep: Sweep, tmp_path: Path) -> None:
    def plan(n_trials: int) -> Plan:
        return Plan(LR, sampler="random", n_trials=n_trials, seed=3)

    first = by_number(sweep(plan(4), objectives.nothing).run().rows)
    grown = by_number(sweep(plan(9), objectives.nothing).run().rows)
    assert grown[:4] == first
    assert [row["number"] for row in grown] == list(range(9))
    assert len({row["lr"] for row in grown}) == 9
    # What the sampler proposes depends on seed and number, not on when the sweep was started.
    at_once = sweep(plan(9), objectives.nothing, folder="at once")
    assert by_number(at_once.run().rows) == grown


def test_another_sweep_in_the_folder_is_refused(sweep: Sweep) -> None:
    sweep(Plan({"a": Int(1, 2)}, fingerprint={"hidden": "4"}), objectives.nothing).run()
    for plan, says in [
        (Plan({"a": Int(2, 3)}, fingerprint={"hidden": "4"}), "a was 1 to 2, now 2 to 3"),
        (Plan({"a": Int(1, 2)}, fingerprint={"hidden": "5"}), "hidden was 4, now 5"),
        (Plan({"a": Int(1, 2)}), "hidden was 4, now absent"),
    ]:
        with pytest.raises(InputError, match=says):
            sweep(plan, objectives.nothing).run()


def test_a_lost_study_is_not_begun_anew(sweep: Sweep, tmp_path: Path) -> None:
    sweep(Plan({"a": Int(1, 2)}), objectives.nothing).run()
    (tmp_path / "sweep" / "study.journal").unlink()
    with pytest.raises(InputError, match="a trial that the study doesn't know"):
        sweep(Plan({"a": Int(1, 2)}), objectives.nothing).run()


@pytest.mark.slow
def test_a_study_in_a_database(sweep: Sweep, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'studies.db'}"
    space = {"x": Float(0, 1)}
    plans = [Plan(space, n_trials=n, sampler="tpe", storage=url, pruner="median") for n in (3, 6)]
    first = by_number(sweep(plans[0], objectives.curve).run().rows)
    assert by_number(sweep(plans[1], objectives.curve).run().rows)[:3] == first
    (name,) = optuna.study.get_all_study_names(url)
    assert name.startswith("sweep-")
    assert len(optuna.load_study(study_name=name, storage=url).trials) == 6
    assert not (tmp_path / "sweep" / "study.journal").exists()


def test_a_database_that_fails_on_the_way(sweep: Sweep, tmp_path: Path) -> None:
    def break_it(event: Any) -> None:
        if isinstance(event, Started):
            with contextlib.closing(sqlite3.connect(tmp_path / "studies.db")) as database:
                database.execute("drop table trials")

    url = f"sqlite:///{tmp_path / 'studies.db'}"
    plan = Plan({"a": Int(1, 3)}, storage=url)
    with pytest.raises(RunError, match=r"studies\.db failed: .*no such table.*the sweep goes on"):
        sweep(plan, objectives.nothing, workers=1, observe=break_it).run()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql+nodriver://me:secret@db.example:5432/x", "db.example"),
        ("sqlite:////nowhere/at/all.db", "/nowhere/at/all.db can't be reached"),
        ("postgresql+nodriver://me@db.example/x?password=secret", "db.example"),
        ("nonsense", "must be a URL such as"),
        ("postgresql+psycopg://me:secret", "must be a URL such as"),
        ("postgresql+psycopg://me:{secret}@127.0.0.1:9/x", "127.0.0.1/x can't be reached"),
        ("postgresql+psycopg://me@127.0.0.1:9/x?sslpassword=secret", "127.0.0.1/x can't be"),
    ],
)
def test_a_storage_out_of_reach_is_one_line_and_nothing_is_made(
    sweep: Sweep, tmp_path: Path, url: str, says: str
) -> None:
    with pytest.raises(InputError, match=says) as error:
        sweep(Plan({"a": Int(1, 2)}, storage=url), objectives.nothing).run()
    assert "secret" not in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("pruner", "settings"),
    [
        ("median", {"n_startup_trials": 2}),
        ("asha", {"min_resource": 1, "reduction_factor": 2}),
        ("hyperband", {"min_resource": 1, "max_resource": 20, "reduction_factor": 3}),
    ],
)
def test_hopeless_trials_are_pruned(
    sweep: Sweep, tmp_path: Path, pruner: str, settings: dict[str, Any]
) -> None:
    values = tuple(float(x) for x in (5, 1, 9, 0, 8, 7, 6, 9.5, 4, 3, 2, 11))
    events: list[Any] = []
    driver = sweep(
        Plan({"x": Choice(values)}, pruner=pruner, pruner_settings=settings),
        objectives.curve,
        observe=events.append,
    )
    rows = driver.run().rows
    assert rows[0]["status"] == "completed"
    assert rows[0]["x"] == 0.0
    pruned = [row for row in rows if row["status"] == "pruned"]
    assert len(pruned) >= 4
    # Who ran beside the first ones may hear of it at its last step.
    assert sum(row["steps"] < 20 for row in pruned) >= len(pruned) - 2
    assert driver.progress().pruned == len(pruned)
    told = {
        event.job.number
        for event in events
        if isinstance(event, Judged) and event.decision is Decision.PRUNE
    }
    assert told == {row["number"] for row in pruned}
    states = {t.number for t in stored(tmp_path / "sweep") if t.state == TrialState.PRUNED}
    assert states == told


@pytest.mark.slow
def test_a_pruned_trial_stays_pruned_if_the_driver_dies_of_it(sweep: Sweep, tmp_path: Path) -> None:
    """The decision is kept before it is sent: the next life does not train on."""

    def crash(event: Any) -> None:
        if isinstance(event, Judged) and event.decision is Decision.PRUNE:
            raise ZeroDivisionError

    settings = {"n_startup_trials": 1}
    plan = Plan({"a": Int(1, 8)}, pruner="median", pruner_settings=settings)
    with pytest.raises(ZeroDivisionError):
        sweep(plan, objectives.steps, workers=1, observe=crash).run()
    (given_up,) = [trial for trial in stored(tmp_path / "sweep") if "pruned_at" in trial.user_attrs]
    assert given_up.state == TrialState.RUNNING
    rows = by_number(sweep(plan, objectives.steps, workers=1).run().rows)
    assert rows[given_up.number]["status"] == "pruned"
    assert rows[given_up.number]["steps"] == given_up.last_step
    whole = sweep(plan, objectives.steps, workers=1, folder="whole").run().rows
    assert [row["status"] for row in by_number(whole)] == [row["status"] for row in rows]


@pytest.mark.parametrize(
    "sampler", ["random", "tpe", pytest.param("gp", marks=pytest.mark.slow), "nsgaii"]
)
def test_each_sampler_stays_within_the_space(sweep: Sweep, sampler: str) -> None:
    space = {**LR, "cell": Choice(("lstm", None, ["gru", 2]))}
    plan = Plan(space, sampler=sampler, n_trials=15)
    # gp does not see what the other worker is trying, and may propose the same to both.
    rows = sweep(plan, objectives.nothing, workers=1 if sampler == "gp" else 2).run().rows
    assert len(rows) == 15
    assert all(1e-4 <= row["lr"] <= 1e-1 and row["layers"] in (1, 2, 3) for row in rows)
    assert {str(row["cell"]) for row in rows} <= {"lstm", "None", "['gru', 2]"}
    assert len({row["lr"] for row in rows}) == 15


def test_several_objectives_have_a_front(sweep: Sweep) -> None:
    plan = Plan(
        {"x": Float(-2, 2), "y": Float(0, 1)},
        sampler="nsgaii",
        sampler_settings={"population_size": 10},
        n_trials=40,
        objectives={"loss": "minimize", "parameters": "minimize"},
    )
    outcome = sweep(plan, objectives.two_objectives).run()
    front = [row for row in outcome.rows if row["front"]]
    assert 1 < len(front) < 40
    for row in outcome.rows:
        beaten = any(
            o["loss"] <= row["loss"] and o["parameters"] < row["parameters"] for o in outcome.rows
        )
        assert row["front"] is not beaten
    assert set(outcome.importances) == {"x", "y"}


def test_a_maximized_objective_ranks_the_largest_first(sweep: Sweep) -> None:
    driver = sweep(Plan({"a": Int(1, 9)}, objectives={"loss": "maximize"}), objectives.nothing)
    losses = [row["loss"] for row in driver.run().rows]
    assert losses == sorted(losses, reverse=True)
    best = driver.progress().best
    assert best is not None
    assert best["loss"] == losses[0]


def test_a_row_is_the_mean_over_its_seeds(sweep: Sweep, tmp_path: Path) -> None:
    # One worker: of two, the second might begin a seed of 3 while its first run is under way.
    driver = sweep(Plan({"x": Int(1, 4)}, seeds=3), objectives.seeded, workers=1)
    one, two, three, four = by_number(driver.run().rows)
    assert (one["status"], one["n"], one["epochs"]) == ("completed", 3, 7)
    assert one["loss"] == pytest.approx(1.1)
    assert one["loss_std"] == pytest.approx(statistics.stdev([1.0, 1.1, 1.2]))
    assert "seed" not in one
    assert (two["status"], two["n"], two["error"]) == ("failed", 2, "RuntimeError: bad luck")
    assert two["loss"] == pytest.approx(2.1)
    assert (three["status"], three["n"], three["loss"]) == ("pruned", 0, 3.0)
    assert (four["status"], four["n"]) == ("failed", 0)
    runs = table(tmp_path / "sweep", "runs.csv")
    assert [(run["number"], run["run"]) for run in runs] == [
        *(("0", str(k)) for k in range(3)),
        *(("1", str(k)) for k in range(3)),
        ("2", "0"),
        ("3", "0"),
    ]
    assert [float(run["loss"]) for run in runs[:3]] == pytest.approx([1.0, 1.1, 1.2])
    assert {p.name for p in (tmp_path / "sweep" / "0").iterdir()} == {"seed0", "seed1", "seed2"}
    assert {p.name for p in (tmp_path / "sweep" / "2").iterdir()} == {"seed0"}
    # The sampler hears the mean.
    values = [trial.values for trial in stored(tmp_path / "sweep")]
    assert values[0] == [pytest.approx(1.1)]
    assert values[1] is None


def test_first_runs_of_a_grid_go_first(sweep: Sweep) -> None:
    """So that no worker waits to learn whether the seeds of the last configuration are due."""
    events: list[Any] = []
    sweep(Plan({"a": Int(1, 4)}, seeds=2), objectives.steps, observe=events.append).run()
    started = [event.job.run for event in events if isinstance(event, Started)]
    assert started == [0] * 4 + [1] * 4


def test_seeds_of_the_last_configuration_go_ahead(sweep: Sweep) -> None:
    """Rather than that a worker waits for its first run to end."""
    plan = Plan({"x": Int(1, 1), "last": Choice((1,))}, seeds=3)
    rows = sweep(plan, objectives.meets).run().rows
    assert [(row["status"], row["n"]) for row in rows] == [("completed", 3)]
    steps = functools.partial(objectives.steps, count=3)
    alone = sweep(plan, steps, workers=1, folder="alone").run().rows
    assert [plain(row) for row in rows] == [plain(row) for row in alone]


def test_with_a_pruner_seeds_wait_for_the_first_run(sweep: Sweep) -> None:
    events: list[Any] = []
    plan = Plan({"a": Int(1, 1)}, seeds=2, pruner="median")
    sweep(plan, objectives.few_steps, observe=events.append).run()
    told = [type(e) for e in events if isinstance(e, Started | Finished)]
    assert told == [Started, Finished, Started, Finished]


def test_a_first_run_that_fails_ends_those_ahead_of_it(sweep: Sweep, tmp_path: Path) -> None:
    events: list[Any] = []
    plan = Plan({"x": Int(1, 2), "last": Choice((2,))}, seeds=3, retries=0)
    driver = sweep(plan, objectives.meets, observe=events.append)
    one, two = by_number(driver.run().rows)
    assert (one["status"], one["n"]) == ("completed", 3)
    assert (two["status"], two["n"], two["error"]) == ("failed", 0, "AssertionError: bad luck")
    assert (1, 1) in {event.job.key for event in events if isinstance(event, Started)}
    assert (1, 2) not in {event.job.key for event in events if isinstance(event, Started)}
    runs = table(tmp_path / "sweep", "runs.csv")
    assert [(run["number"], run["run"]) for run in runs][3:] == [("1", "0")]
    over = replace(plan, retry_failed=False)
    assert by_number(sweep(over, objectives.meets).run().rows) == [one, two]  # nothing is left


def test_a_stopped_grid_goes_on_with_the_first_runs(sweep: Sweep) -> None:
    """As if it had not been stopped: what the pruner says depends on who came first."""
    plan = Plan(
        {"a": Int(1, 8)},
        seeds=2,
        seed=9,  # the fourth is not pruned: its first report may come before the stop is heard
        pruner="asha",
        pruner_settings={"min_resource": 1, "reduction_factor": 2},
    )
    events: list[Any] = []

    def stop_in_the_fourth(event: Any) -> None:
        events.append(event)
        if isinstance(event, Started) and event.job.number == 3:
            driver.request_stop()

    driver = sweep(plan, objectives.few_steps, workers=1, observe=stop_in_the_fourth)
    assert driver.run().interrupted
    began = len(events)
    rest = sweep(plan, objectives.few_steps, workers=1, observe=events.append).run()
    again = [event.job for event in events[began:] if isinstance(event, Started)]
    assert [job.number for job in again if job.run == 0] == [3, 4, 5, 6, 7]
    assert [job.run for job in again] == sorted(job.run for job in again)
    whole = sweep(plan, objectives.few_steps, workers=1, folder="whole").run()
    assert [plain(row) for row in rest.rows] == [plain(row) for row in whole.rows]


@pytest.mark.slow
def test_a_stopped_sweep_goes_on(sweep: Sweep, tmp_path: Path) -> None:
    hold = tmp_path / "hold"
    hold.touch()
    at_hold: set[int] = set()

    def stop_when_both_are_at_the_fifth_step(event: Any) -> None:
        if isinstance(event, Judged) and event.step == 5:
            at_hold.add(event.job.number)
            if len(at_hold) == 2:
                driver.request_stop()

    driver = sweep(
        Plan({"a": Int(1, 6)}, seeds=2),
        functools.partial(objectives.steps, hold=str(hold)),
        observe=stop_when_both_are_at_the_fifth_step,
    )
    outcome = driver.run()
    hold.unlink()
    assert outcome.interrupted
    assert {row["status"] for row in outcome.rows} == {"interrupted"}
    assert [row["number"] for row in table(tmp_path / "sweep")] == ["0", "1"]
    rest = sweep(Plan({"a": Int(1, 6)}, seeds=2), objectives.steps).run()
    whole = sweep(Plan({"a": Int(1, 6)}, seeds=2), objectives.steps, folder="whole").run()
    assert [plain(row) for row in rest.rows] == [plain(row) for row in whole.rows]


def plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if not key.startswith("pid")}


def test_stop_reaches_a_trial_that_only_asks(sweep: Sweep) -> None:
    def stop(event: Any) -> None:
        if isinstance(event, Started):
            driver.request_stop()  # right behind the job: it must not be lost

    driver = sweep(Plan({"a": Int(1, 3)}), objectives.polls, workers=1, observe=stop)
    outcome = driver.run()
    assert [row["status"] for row in outcome.rows] == ["interrupted"]


def test_progress_counts_what_runs_and_what_has_ended(sweep: Sweep) -> None:
    seen: list[Any] = []
    driver = sweep(
        Plan({"a": Int(1, 5)}), objectives.nothing, observe=lambda _: seen.append(driver.progress())
    )
    outcome = driver.run()
    assert seen[0].running == 1
    assert seen[0].left_s is None
    assert max(progress.running for progress in seen) <= 2
    last = driver.progress()
    assert (last.total, last.done, last.completed, last.running) == (5, 5, 5, 0)
    assert last.left_s == 0
    assert last.best == outcome.rows[0]
    assert math.isfinite(last.elapsed_s)


def test_tables_are_written_while_it_runs(sweep: Sweep) -> None:
    refreshed: list[int] = []
    plan = Plan({"a": Int(1, 10)}, refresh_s=0.02)
    sweep(plan, objectives.tabled, on_refresh=lambda rows: refreshed.append(len(rows))).run()
    assert len(refreshed) > 3
    assert refreshed == sorted(refreshed)


@pytest.mark.slow
def test_a_time_budget_begins_no_more_trials_and_goes_on_later(sweep: Sweep) -> None:
    """Those that run stop at their checkpoints; the next start has the time anew."""
    plan = Plan({"a": Int(1, 6)}, timeout_s=1.0)
    outcome = sweep(plan, objectives.slow_steps).run()
    assert outcome.timed_out
    assert not outcome.interrupted
    assert [row["status"] for row in outcome.rows] == ["interrupted"] * 2
    rest = sweep(replace(plan, timeout_s=600.0), objectives.steps).run()
    assert not rest.timed_out
    assert [row["status"] for row in rest.rows] == ["completed"] * 6
    assert not sweep(replace(plan, timeout_s=1e-6), objectives.steps).run().timed_out  # all is done
