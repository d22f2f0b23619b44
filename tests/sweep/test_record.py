"""sweep.json: written and read back, in the form that it has and in those that it had."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from musicgen.errors import InputError
from musicgen.sweep.plan import Plan, Settings
from musicgen.sweep.record import SweepRecord
from musicgen.sweep.space import Choice, Float, Int, Only

PLAN = Plan(
    {
        "model": Choice(("lstm", "gru")),
        "optim": Choice(("adam", "sgd")),
        "optim.momentum": Choice((0.0, 0.9), Only("optim", ("sgd",))),
        "optim.lr": Float(1e-5, 0.1, log=True),
        "model.dropout": Float(0, 0.5, step=0.1),
        "model.hidden": Int(50, 300, step=50),
        "model.layers": Int(1, 8, log=True),
        "early_stopping.patience": Choice((None, 3)),
        "optim.betas": Choice(([0.9, 0.99], [0.8, 0.9])),
    },
    n_trials=5,
    objectives={"val_loss": "minimize", "val_accuracy": "maximize"},
    sampler="tpe",
    sampler_settings={"n_startup_trials": 10, "n_ei_candidates": 24},
    seed=3,
    seeds=2,
    groups=("model", "optim"),
    settings=tuple(
        Settings({"model.cell": cell, "data.path": "a b=c, d.txt", "schedule.warmup": 0.05,
                  "samples.temperatures": [0.5, 1.0], "trainer.max_time": None}, (cell, optim))
        for cell in ("lstm", "gru")
        for optim in ("adam", "sgd")
    ),
    fingerprint={"corpus files a b=c, d.txt": "0123", "corpus folk split=tunes": "4567"},
    commands={"command": ["python", "-m", "x", "data.path=a b.txt"], "trial_command": ["train"]},
)  # fmt: skip


def older(record: SweepRecord) -> dict[str, Any]:
    """The same sweep as sweep.json had it when it kept text."""
    return {
        "study": record.study,
        "command": "python -m x 'data.path=a b.txt'",
        "trial_command": "train",
        "space": record.to_json()["space"],
        "sweep": {str(name): text for name, text in record.identity().items()},
    }


def test_a_record_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    record = SweepRecord.of(PLAN, "name")
    for kept in (record, replace(record, study="name.2", grown=record)):
        kept.write(tmp_path)
        assert SweepRecord.read(tmp_path) == kept
        assert SweepRecord.within(tmp_path)


@pytest.mark.parametrize("space", [True, False])
def test_text_of_earlier_versions_is_the_same_sweep(space: bool) -> None:
    record = SweepRecord.of(PLAN, "name")
    about = older(record)
    if not space:
        del about["space"]
    read = SweepRecord.from_json(about)
    assert list(read.identity().items()) == list(record.identity().items())
    assert (read.groups, read.objectives) == (record.groups, record.objectives)
    assert (read.seed, read.seeds, read.sampler) == (record.seed, record.seeds, record.sampler)
    assert (read.command, read.trial_command) == (record.command, record.trial_command)
    if space:
        assert read.space == record.space
    else:  # where a key applies is not in the text
        plain = {key: replace(dimension, only=None) for key, dimension in record.space.items()}
        assert read.space == plain


def test_a_sweep_that_was_growing_when_its_record_was_text_is_read(tmp_path: Path) -> None:
    record = SweepRecord.of(PLAN, "name")
    about = {**older(record), "study": "name.2", "grown": older(record)}
    read = SweepRecord.from_json(about)
    assert read.grown is not None
    assert (read.study, read.grown.study) == ("name.2", "name")


def test_no_sweep_and_a_damaged_one(tmp_path: Path) -> None:
    assert SweepRecord.read(tmp_path) is None
    assert not SweepRecord.within(tmp_path)
    whole = SweepRecord.of(PLAN, "name").to_json()
    for key in whole:
        for value in ({}, 3) if key in ("study", "space", "objectives", "sampler") else ():
            broken = {**whole, key: {"a": value} if key in ("space", "objectives") else value}
            (tmp_path / "sweep.json").write_text(json.dumps(broken))
            with pytest.raises(InputError, match=r"sweep\.json is damaged \(") as error:
                SweepRecord.read(tmp_path)
            assert "\n" not in str(error.value)
        (tmp_path / "sweep.json").write_text(
            json.dumps({k: v for k, v in whole.items() if k != key})
        )
        with pytest.raises(InputError, match=r"sweep\.json is damaged \("):
            SweepRecord.read(tmp_path)
