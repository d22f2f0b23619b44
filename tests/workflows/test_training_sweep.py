"""What a sweep prepares before its first trial, and what may fail beside it."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from musicgen.cli import training_sweep as command
from musicgen.config import record
from musicgen.config.following import following
from musicgen.sweep.plan import Plan
from musicgen.sweep.space import Choice, Space
from musicgen.workflows import resources, training_sweep
from musicgen.workflows.trial import TrainingObjective
from tests.tunes import composed, small


@pytest.mark.slow
def test_every_combination_of_the_datas_keys_has_its_corpus(tmp_path: Path) -> None:
    base = composed(*small(tmp_path), "data.path=one.txt")
    paths = [str(tmp_path / f"{name}.txt") for name in ("one", "two")]
    for path, cut in zip(paths, (0, 1), strict=True):
        text = (tmp_path / "tunes.txt").read_text()
        Path(path).write_text(text.replace("A", "G", cut))
    space: Space = {
        "model.hidden": Choice((4, 8)),
        "data.path": Choice(tuple(paths)),
        "data.val_fraction": Choice((0.2, 0.3)),
        "data.batch_size": Choice((2, 4)),
    }
    objective = TrainingObjective({(): record.to_dict(base)}, ())
    corpora = resources.corpora(objective, space)
    assert len(corpora) == 4
    objective = replace(objective, corpora=corpora)
    digests = resources.digests(objective, space)
    assert len(set(digests.values())) == 4
    assert f"corpus files {paths[1]} val_fraction=0.3" in digests
    point = {"model.hidden": 8, "data.path": paths[1], "data.val_fraction": 0.3}
    assert objective.label(objective.config({**point, "data.batch_size": 4}).data) in corpora
    # A key that no corpus depends on is no part of a corpus's name.
    plain = {key: space[key] for key in ("data.batch_size", "data.path")}
    objective = replace(objective, corpora=resources.corpora(objective, plain))
    assert list(resources.digests(objective, plain)) == [f"corpus files {p}" for p in paths]


def test_the_devices_of_all_trials_are_known(tmp_path: Path) -> None:
    """Whether they are swept, or come with a group's choice, or follow another key."""
    base = record.to_dict(composed(*small(tmp_path), "trainer.accelerator=auto"))
    alone = TrainingObjective({(): base}, ())
    seeds: Space = {"seed": Choice((1, 2))}
    assert resources.accelerators(alone, seeds)[0] == {"auto"}
    swept: Space = {**seeds, "trainer.accelerator": Choice(("cpu", "gpu"))}
    asked, of = resources.accelerators(alone, swept)
    assert asked == {"cpu", "gpu"}
    assert of({"seed": 2, "trainer.accelerator": "gpu"}) == "gpu"

    on_gpu = {**base, "trainer": {**base["trainer"], "accelerator": "gpu"}}
    grouped = TrainingObjective({("one",): base, ("two",): on_gpu}, ("experiment",))
    choices: Space = {**seeds, "experiment": Choice(("one", "two"))}
    assert resources.accelerators(grouped, choices)[0] == {"auto", "gpu"}

    written = {"data": {"path": "cpu"}, "trainer": {"accelerator": "${data.path}"}}
    follows = following(OmegaConf.create(written), {"data.path": ("cpu", "gpu")})
    led = TrainingObjective({(): base}, (), following={(): follows} if follows else {})
    paths: Space = {**seeds, "data.path": Choice(("cpu", "gpu"))}
    assert resources.accelerators(led, paths)[0] == {"cpu", "gpu"}


@pytest.mark.parametrize("error", [TypeError("one line\nand another"), ImportError("no module")])
def test_a_picture_or_a_page_that_fails_ends_no_sweep(
    error: Exception,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr("musicgen.report.curves.draw", fail)
    monkeypatch.setattr("musicgen.workflows.report.write", fail)
    with caplog.at_level(logging.WARNING):
        training_sweep._draw(tmp_path, Plan({"a": Choice((1, 2))}), [])
        assert command._report(tmp_path) is None
    drawn, reported = (record.getMessage() for record in caplog.records)
    first = str(error).splitlines()[0]
    assert drawn == f"no curves this time: {type(error).__name__}: {first}"
    assert reported.startswith(f"no report this time: {type(error).__name__}: {first}; python -m")

    error = SystemExit()  # type: ignore[assignment]
    with pytest.raises(SystemExit):
        training_sweep._draw(tmp_path, Plan({"a": Choice((1, 2))}), [])
