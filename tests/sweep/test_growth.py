"""Sweeps that grow in their folder: more values, more seeds, more choices of a group."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from musicgen.errors import InputError
from musicgen.sweep.plan import Plan, Settings
from musicgen.sweep.record import SweepRecord
from musicgen.sweep.space import Choice, Float, Int, Only, Space
from tests.sweep.makers import Sweep
from tests.sweep.objectives import few_steps, nothing, seeded, steps

OPTIMS = {"optim": Choice(("sgd", "adam")), "momentum": Choice((0.0, 0.9), Only("optim", ("sgd",)))}


def ran(rows: list[dict[str, Any]], *keys: str) -> list[Any]:
    """The rows' values at some keys, in the order of the trials."""
    found = [tuple(row.get(key) for key in keys) for row in sorted(rows, key=lambda r: r["number"])]
    return [values[0] if len(keys) == 1 else values for values in found]


def test_more_values_go_on_with_what_is_there(sweep: Sweep, tmp_path: Path) -> None:
    first = sweep(Plan({"x": Choice((0.1, 0.2))}), few_steps).run().rows
    pids = {row["number"]: row["pid"] for row in first}
    grown = sweep(Plan({"x": Choice((0.05, 0.1, 0.2))}), few_steps).run().rows
    assert ran(grown, "x") == [0.1, 0.2, 0.05]
    assert {n: row["pid"] for row in grown if (n := row["number"]) < 2} == pids
    again = sweep(Plan({"x": Choice((0.05, 0.1, 0.2))}), few_steps).run().rows
    assert again == grown
    assert "grown" not in json.loads((tmp_path / "sweep" / "sweep.json").read_text())


def test_more_seeds_of_what_completed(sweep: Sweep, tmp_path: Path) -> None:
    space = {"x": Choice((1, 2, 5))}  # the first seed of 2 fails
    sweep(Plan(space, seed=1), seeded).run()
    (tmp_path / "sweep" / "0" / "weights").touch()
    grown = sweep(Plan(space, seed=1, seeds=3), seeded).run().rows
    whole = sweep(Plan(space, seed=1, seeds=3), seeded, folder="whole").run().rows
    assert ran(grown, "x", "status", "n", "loss") == ran(whole, "x", "status", "n", "loss")
    assert (tmp_path / "sweep" / "0" / "seed0" / "weights").exists()
    assert sorted(p.name for p in (tmp_path / "sweep" / "0").iterdir()) == [
        "seed0", "seed1", "seed2",
    ]  # fmt: skip
    more = sweep(Plan(space, seed=1, seeds=4), seeded).run().rows
    assert ran(more, "n") == [4, *ran(whole, "n")[1:2], 4]


def test_a_stopped_sweep_grows(sweep: Sweep, tmp_path: Path) -> None:
    driver = sweep(Plan({"x": Choice((1, 2))}), steps, observe=lambda event: driver.request_stop())
    assert driver.run().interrupted
    rows = sweep(Plan({"x": Choice((1, 2, 3))}, seeds=2), steps).run().rows
    whole = sweep(Plan({"x": Choice((1, 2, 3))}, seeds=2), steps, folder="whole").run().rows
    assert {row["x"]: row["loss"] for row in rows} == {row["x"]: row["loss"] for row in whole}


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsgaii"])
def test_a_search_grows(sampler: str, sweep: Sweep) -> None:
    def plan(space: Space, n: int) -> Plan:
        return Plan(space, sampler=sampler, n_trials=n)

    first: Space = {"x": Choice((1, 2)), "y": Float(0, 1), "n": Int(1, 3), **OPTIMS}
    wide: Space = {**first, "x": Choice((2, True, 1)), "y": Float(0, 2), "n": Int(0, 9)}
    rows = sweep(plan(first, 6), nothing).run().rows
    more = sweep(plan(wide, 14), nothing).run().rows
    keys = ("x", "y", "n", "optim", "momentum", "loss")
    assert ran(more, *keys)[:6] == ran(rows, *keys)
    assert len(more) == 14


def test_choices_of_a_group_grow_with_what_depends_on_them(sweep: Sweep) -> None:
    def plan(*names: str) -> Plan:
        return Plan(
            {"optim": Choice(names)},
            groups=("optim",),
            settings=tuple(Settings({"seed": 1, "optim.lr": len(name)}, (name,)) for name in names),
            fingerprint={f"corpus {name}": "d1" for name in names},
        )

    sweep(plan("sgd", "adam"), nothing).run()
    assert ran(sweep(plan("sgd", "adamw", "adam"), nothing).run().rows, "optim") == [
        "sgd", "adam", "adamw",
    ]  # fmt: skip
    changed = plan("sgd", "adamw", "adam", "x")
    other = Settings({"seed": 1, "optim.lr": 9}, ("sgd",))
    changed = replace(changed, settings=(other, *changed.settings[1:]))
    with pytest.raises(InputError, match=r"sgd optim.lr was 3, now 9; remove that folder"):
        sweep(changed, nothing).run()


def test_a_fixed_key_that_a_new_choice_has_not_stays_what_it_was(sweep: Sweep) -> None:
    first = Plan(
        {"optim": Choice(("sgd", "rmsprop"))},
        groups=("optim",),
        settings=tuple(Settings({"momentum": 0.9}, (name,)) for name in ("sgd", "rmsprop")),
    )
    sweep(first, nothing).run()
    optims = Choice(("sgd", "rmsprop", "adam"))

    def grown(momentum: float) -> Plan:
        only = Only("optim", ("sgd", "rmsprop"))
        return Plan({"optim": optims, "momentum": Choice((momentum,), only)})

    with pytest.raises(InputError, match=r"sgd momentum was 0\.9, now absent"):
        sweep(grown(0.5), nothing).run()
    for _ in range(2):
        rows = sweep(grown(0.9), nothing).run().rows
        assert ran(rows, "optim", "momentum") == [("sgd", 0.9), ("rmsprop", 0.9), ("adam", None)]


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ({"x": Choice((1, 2))}, {"x": Choice((1, 3))}, r"x was \[1, 2\], now \[1, 3\]"),
        ({"x": Choice((1, 2))}, {"x": Choice((1,))}, r"x was \[1, 2\], now \[1\]"),
        ({"x": Choice((1, 2))}, {"x": Choice((1.0, 2, 3))}, r"x was \[1, 2\], now"),
        ({"x": Int(1, 9, step=2)}, {"x": Int(1, 9, step=4)}, "x was 1 to 9, step 2, now"),
        ({"x": Int(1, 9)}, {"x": Int(1, 9, log=True)}, "x was 1 to 9, now 1 to 9, log"),
        ({"x": Int(1, 9)}, {"x": Choice((1, 2)), "y": Choice((1, 2))}, "x was 1 to 9, now"),
    ],
)
def test_what_is_no_growth_is_refused(before: Space, after: Space, says: str, sweep: Sweep) -> None:
    sweep(Plan(before), nothing).run()
    with pytest.raises(InputError, match=f"{says}.*; remove that folder"):
        sweep(Plan(after), nothing).run()
    assert len(sweep(Plan(before), nothing).run().rows) == Plan(before).total


def test_fewer_seeds_are_refused(sweep: Sweep) -> None:
    space = {"x": Choice((1, 5))}
    sweep(Plan(space, seeds=2), few_steps).run()
    with pytest.raises(InputError, match=r"sweep\.seeds was 2, now 1"):
        sweep(Plan(space), few_steps).run()


def test_a_kill_while_it_grows_loses_nothing(
    sweep: Sweep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = Plan({"x": Choice((1, 2))}), Plan({"x": Choice((1, 2, 3))}, seeds=2)
    first = sweep(small, few_steps).run().rows

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    for moment in ("copy_trials", "spread"):
        with monkeypatch.context() as patch:
            patch.setattr(f"musicgen.sweep.study.{moment}", killed)
            with pytest.raises(KeyboardInterrupt):
                sweep(large, few_steps).run()
        with pytest.raises(InputError, match="holds another sweep"):
            sweep(small, few_steps).run()
    rows = sweep(large, few_steps).run().rows
    assert ran(rows, "x", "n") == [(1, 2), (2, 2), (3, 2)]
    runs = (tmp_path / "sweep" / "runs.csv").read_text()
    assert all(str(row["loss"]) in runs for row in first)


def test_a_range_of_an_older_sweep_goes_on_as_a_range(sweep: Sweep, tmp_path: Path) -> None:
    """Ranges were lists of choices, and sweep.json had nothing but text."""
    rows = sweep(Plan({"x": Choice((1, 2, 3))}), nothing).run().rows
    record = SweepRecord.read(tmp_path / "sweep")
    assert record is not None
    texts = {str(name): text for name, text in record.identity().items()}
    older = {"study": record.study, "sweep": texts}
    (tmp_path / "sweep" / "sweep.json").write_text(json.dumps(older))
    assert SweepRecord.read(tmp_path / "sweep") == record
    assert sweep(Plan({"x": Int(1, 3)}), nothing).run().rows == rows


def test_the_space_is_read_back_as_it_was() -> None:
    space: Space = {
        "a": Choice((1, "x", None, [1, 2])), "b": Float(0, 1, step=0.1), "c": Int(1, 8, log=True),
        "d": Float(1e-4, 1, log=True), **OPTIMS,
    }  # fmt: skip
    record = SweepRecord.of(Plan(space, sampler="random", n_trials=1), "name")
    again = SweepRecord.from_json(json.loads(json.dumps(record.to_json())))
    assert again == record
    assert again.space == space


def test_a_key_that_older_sweeps_do_not_have_is_what_it_stood_for(sweep: Sweep) -> None:
    def plan(**fingerprint: str) -> Plan:
        return Plan({"x": Choice((1, 2))}, fingerprint=fingerprint, usual={"match": "0"})

    rows = sweep(plan(hidden="8"), nothing).run().rows
    assert sweep(plan(hidden="8", match="0"), nothing).run().rows == rows
    with pytest.raises(InputError, match="match was absent, now 2"):
        sweep(plan(hidden="8", match="2"), nothing).run()
