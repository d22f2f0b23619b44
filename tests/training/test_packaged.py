"""The network that the package carries, its card, and the commands that take its name."""

import hashlib
import json
import shlex
from pathlib import Path

import pytest
import torch

from musicgen import Config, Run, parse
from musicgen.corpus import load
from musicgen.errors import InputError
from musicgen.models.evaluation import evaluate
from musicgen.training import packaged
from musicgen.training.checkpoint import load_model
from musicgen.training.folder import RunFolder
from musicgen.training.packaged import Card
from musicgen.workflows import runs
from tests.commands import command
from tests.tunes import ROOT

FOLK = packaged.NETWORKS / "folk"
MEGABYTE = 1_000_000


def test_the_package_carries_a_network_of_at_most_three_megabytes() -> None:
    assert packaged.names() == ("folk",)
    assert sum(path.stat().st_size for path in FOLK.rglob("*") if path.is_file()) < 3 * MEGABYTE


def test_its_card_is_of_its_weights_and_its_recipe() -> None:
    card = Card.read(FOLK)
    assert hashlib.sha256(RunFolder(FOLK).best.read_bytes()).hexdigest() == card.sha256
    assert Run("folk").result.config_digest == card.config_digest
    assert Config.compose(f"experiment={card.experiment}").digest == card.config_digest


@pytest.mark.slow
def test_its_losses_are_those_of_its_card(tmp_path: Path) -> None:
    trained, card = load_model(FOLK), Card.read(FOLK)
    corpus = load("folk", root=tmp_path)
    assert corpus.digest == trained.corpus == card.corpus["digest"]
    assert corpus.test is not None
    for name, text in (("test", corpus.test), ("validation", corpus.validation)):
        ids = torch.from_numpy(trained.vocabulary.encode(text)).long()
        loss, _ = evaluate(trained.model, trained.model.read(ids))
        assert loss == pytest.approx(card.losses[name], abs=1e-4)
    # bf16 must cost nothing
    assert card.losses["validation"] == pytest.approx(card.losses["validation_fp32"], abs=1e-3)


def test_a_card_that_can_not_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / packaged.CARD).write_text("{}")
    with pytest.raises(InputError, match=r"card\.json can't be read"):
        Card.read(tmp_path)


def test_its_name_stands_for_it_and_no_path_does(tmp_path: Path) -> None:
    assert runs.find("folk") == Run("folk").folder == FOLK
    assert runs.written(RunFolder(FOLK).best) == "folk"
    assert runs.written(tmp_path / "folk") == str(tmp_path / "folk")
    with pytest.raises(InputError, match="must be the folder of a run"):
        runs.find("./folk")


def test_a_folder_of_its_name_is_told_apart_and_said_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folk").mkdir()
    assert runs.find("folk") == FOLK
    assert "the folder is run=./folk" in caplog.text


@pytest.mark.slow
def test_a_newcomer_has_a_tune_in_any_folder_without_a_corpus(tmp_path: Path) -> None:
    done = command("generate", "n=1", "temperature=0.85", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert {path.name for path in tmp_path.iterdir()} == {"tunes"}
    made = {path.suffix: path for path in (tmp_path / "tunes").glob("T0.85-1.*")}
    for suffix in (".abc", ".svg", ".png", ".mid", ".wav"):
        assert made[suffix].stat().st_size > 0
    assert parse(made[".abc"].read_text()).notes
    # The command in its recipe names the network as it is named on any machine.
    recipe = json.loads(made[".json"].read_text())
    words = shlex.split(recipe["command"])
    assert "run=folk" in words
    assert str(ROOT) not in recipe["command"]


@pytest.mark.slow
def test_python_lets_it_write() -> None:
    (tune,) = Run("folk").generate(n=1, temperature=0.85)
    assert parse(tune.abc).notes
