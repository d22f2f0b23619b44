"""What is shown of a sweep whose keys do not all apply to each configuration."""

from pathlib import Path

import pytest

from musicgen.report.about import about, trial_command
from musicgen.report.importance import importances
from musicgen.report.source import Source, read
from musicgen.sweep.driver import Driver
from musicgen.sweep.local import LocalExecutor
from musicgen.sweep.plan import Plan
from musicgen.sweep.space import Choice, Float, Only, Space
from tests.sweep.objectives import nothing

SPACE: Space = {
    "optim": Choice(("sgd", "adam")),
    "optim.momentum": Choice((0.0, 0.9), Only("optim", ("sgd",))),
    "optim.betas": Choice(([0.9, 0.99], None), Only("optim", ("adam",))),
    "early_stopping": Choice(({"patience": 3}, {"patience": 5})),
    "optim.lr": Float(0, 1),
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    folder: Path = tmp_path_factory.mktemp("page") / "sweep"
    commands = {"command": ["python", "-m", "musicgen.train", "-m"], "trial_command": ["train"]}
    plan = Plan(SPACE, sampler="random", n_trials=24, commands=commands)
    Driver(plan, nothing, LocalExecutor([{}]), folder).run()
    return read(folder)


def test_the_question_says_where_a_key_applies(source: Source) -> None:
    question = about(source)["question"]
    assert "optim.momentum (0.0, 0.9, with optim=sgd)" in question
    assert "; early_stopping (" in question


def test_a_trials_command_has_the_keys_that_apply(source: Source) -> None:
    for row in source.rows:
        command = trial_command(source, row)
        assert ("optim.momentum=" in command) == (row["optim"] == "sgd")
        assert ("optim.betas=" in command) == (row["optim"] == "adam")
        assert "'early_stopping={patience:" in command


def test_importances_of_a_table_count_conditional_keys(source: Source) -> None:
    shares = importances(source.rows, source.space, "loss", "minimize")
    assert shares.keys() == SPACE.keys()
    assert sum(shares.values()) == pytest.approx(1)
