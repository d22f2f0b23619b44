"""`python -m musicgen.evaluate`: the loss of a text, by tune and kind, of one run or several."""

import csv
from pathlib import Path

import pytest

from musicgen import Run
from musicgen.config.keys import EvaluateConfig
from musicgen.errors import InputError
from musicgen.workflows import evaluate
from tests.cases import a_few_fast
from tests.commands import assert_refused, command
from tests.tunes import small, tunes


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("evaluate")
    for seed in (1, 2):
        Run.train(*small(place, f"seed={seed}", "optim=adamw"), folder=place / f"run{seed}")
    return place


def asked(place: Path, run: list[str], **settings: object) -> EvaluateConfig:
    data = Run(place / "run1").config.data
    values = {"part": "validation", "adapt": False, "adapt_lr": 0.1, "adapt_chars": 20}
    out = str(place / "out")
    return EvaluateConfig(run=run, data=data, **{**values, "out": out, **settings})


def runs(place: Path, *numbers: int) -> list[str]:
    return [str(place / f"run{number}") for number in numbers]


@pytest.mark.slow
def test_the_loss_of_the_validation_text_is_the_runs_own(place: Path) -> None:
    found = evaluate.run(asked(place, runs(place, 1)))
    (name,) = runs(place, 1)
    whole = found.kinds[0]
    assert whole[name] == pytest.approx(Run(name).result.val_loss, abs=1e-6)
    parts = found.kinds[1:]
    assert sum(row["characters"] for row in parts) == whole["characters"]
    mean = sum(row["characters"] * row[name] for row in parts) / whole["characters"]
    assert mean == pytest.approx(whole[name])


@pytest.mark.slow
def test_a_mixture_is_no_worse_than_its_networks_on_average(place: Path) -> None:
    """By Jensen's inequality. The training text is scored, the validation text fits."""
    found = evaluate.run(asked(place, runs(place, 1, 2), part="train"))
    assert found.fitted
    assert sum(found.weights.values()) == pytest.approx(1)
    whole = found.kinds[0]
    mean = sum(share * whole[name] for name, share in found.weights.items())
    assert whole["mixture"] <= mean
    equal = evaluate.run(asked(place, runs(place, 1, 2)))
    assert (equal.fitted, list(equal.weights.values())) == (False, [0.5, 0.5])


@pytest.mark.slow
def test_a_text_is_scored_adaptively(place: Path) -> None:
    (name,) = runs(place, 1)
    static = evaluate.run(asked(place, [name], part="all")).kinds[0]
    adaptive = evaluate.run(asked(place, [name], part="all", adapt=True)).kinds[0]
    assert adaptive["characters"] == static["characters"]
    assert adaptive[name] < static[name] - 0.05


@pytest.mark.slow
def test_the_command_writes_its_tables(place: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text(tunes(3, seed=5))
    given = ["data=files", "data.path=mine.txt", "part=all", f"run={place / 'run1'}"]
    done = command("evaluate", *given, "out=found", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "bar line" in done.stdout
    with (tmp_path / "found" / "tunes.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["title"] for row in rows] == ["Tune 1", "Tune 2", "Tune 3"]
    assert (tmp_path / "found" / "kinds.csv").read_text().startswith("kind,characters,")


BAD = [
    ([], "You must specify 'data'"),
    (["data=folk", "run=nowhere"], "run must be the folder of a run, got nowhere"),
    (["data=folk", "run=[folk,folk]"], "run must name each network once"),
    (["data=folk", "run=[]"], "run must be a run or a list of runs"),
    (["data=folk", "part=half"], "part must be one of validation, test, train, all"),
    (["data=folk", "adapt_lr=0"], "adapt_lr must be above 0"),
    (["-m", "data=folk,files"], "nothing to sweep"),
    (["data=files"], "data.path"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), a_few_fast(BAD, 1), ids=[" ".join(a) for a, _ in BAD]
)
def test_bad_input_is_one_line_and_writes_nothing(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    assert_refused(command("evaluate", *arguments, cwd=tmp_path), message)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_part_that_there_is_not_is_refused(place: Path) -> None:
    with pytest.raises(InputError, match="part=test needs a corpus with a test text"):
        evaluate.run(asked(place, runs(place, 1), part="test"))
