"""A training that begins with the weights of another network, and knows where it began."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from musicgen import Config, Run, Sweep
from musicgen.config import record
from musicgen.errors import InputError
from musicgen.training import packaged
from musicgen.training.checkpoint import load_model
from musicgen.training.fit import fit
from musicgen.training.folder import RunFolder
from musicgen.training.initial import Initial
from musicgen.workflows import initial as workflow
from tests.commands import assert_refused, train
from tests.training.runs import StopAt, assert_equal_runs
from tests.tunes import SMALL, small, tunes

pytestmark = pytest.mark.slow  # all need a trained network

NEW = ["trainer.max_epochs=2", "samples.every=0"]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tunes, a run of 8 units, and other tunes with characters that it lacks."""
    place = tmp_path_factory.mktemp("initial")
    Run.train(*small(place, "trainer.max_epochs=1"), folder=place / "first")
    (place / "more.txt").write_text(tunes(30, seed=3).replace("Tune", "Çurü"))
    return place


def words(place: Path, *overrides: str, init: str = "") -> list[str]:
    """Overrides of a training on the other tunes that begins with the run of `place`. The size of
    its network is not given."""
    kept = [word for word in SMALL if not word.startswith(("model.", "trainer.max_epochs"))]
    data = ["data=files", f"data.path={place / 'more.txt'}", f"data.root={place / 'data'}"]
    begins = f"init={init or place / 'first'}"
    return [begins, *data, "data.split=contiguous", *kept, *NEW, *overrides]


def made(place: Path, *overrides: str) -> tuple[Config, Initial]:
    return Config.compose(*words(place, *overrides)), workflow.find(str(place / "first"))


def test_it_has_the_size_of_its_first_network_and_new_rows_for_new_characters(place: Path) -> None:
    run = Run.train(*words(place, "optim.lr=1e-9"), folder=place / "grown")
    first, grown = load_model(place / "first"), load_model(run.folder)
    assert grown.config.model == replace(first.config.model, dropout=grown.config.model.dropout)
    known, now = first.vocabulary.characters, grown.vocabulary.characters
    assert set(now) == set(known) | set("Çü")
    numbers = [now.index(character) for character in known]
    for part in ("embedding", "head"):
        before = getattr(first.model, part).weight
        torch.testing.assert_close(getattr(grown.model, part).weight[numbers], before)
    assert run.config.init == workflow.find(str(place / "first")).pinned


def test_it_is_resumed_bit_for_bit_without_the_run_it_began_with(
    place: Path, tmp_path: Path
) -> None:
    config, initial = made(place)
    fit(config, tmp_path / "one", initial=initial)
    for stop in (StopAt(1, 2), StopAt(2, 1)):
        given = initial if stop.at[0] == 1 else None
        result = fit(config, tmp_path / "other", stop, resume=True, initial=given)
        assert result.status == "interrupted"
    fit(config, tmp_path / "other", resume=True)
    assert_equal_runs(tmp_path / "one", tmp_path / "other")


def test_the_command_goes_on_after_that_run_is_gone(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "first", tmp_path / "gone")
    config = Config.compose(*words(place, init=str(tmp_path / "gone")))
    initial = workflow.find(str(tmp_path / "gone"))
    fit(config, tmp_path / "run", StopAt(1, 1), initial=initial)
    shutil.rmtree(tmp_path / "gone")
    done = train(f"resume={tmp_path / 'run'}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert Run(tmp_path / "run").result.status == "completed"
    shutil.rmtree(tmp_path / "run" / "init")
    (tmp_path / "run" / "result.json").unlink()
    assert_refused(train(f"resume={tmp_path / 'run'}", cwd=tmp_path), "init must be the folder of")


def test_digests_know_the_weights_and_not_their_place(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "first", tmp_path / "copy")
    here = Config.compose(*words(place))
    assert Config.compose(*words(place, init=str(tmp_path / "copy"))).digest == here.digest
    pinned = here.init or ""
    assert Config.compose(*words(place, init=pinned)).digest == here.digest
    assert Config.compose(*words(place, "init=null")).digest != here.digest
    assert Config.compose(*words(place, init="folk")).digest != here.digest
    with pytest.raises(InputError, match="must have the weights of that digest"):
        Config.compose(*words(place, init=f"{place / 'first'}@{'0' * 16}"))


def test_init_alone_applies_the_recipe_and_typed_keys_win(place: Path) -> None:
    usual, recipe = Config.compose(), Config.compose("init=folk")
    changed = {
        key
        for key, value in record.compared(recipe).items()
        if record.compared(usual).get(key) != value and not key.startswith("model.")
    }
    assert {"init", "optim.lr"} < changed
    assert Config.compose("init=folk", "optim.lr=0.5", "model.dropout=0.9").optim.lr == 0.5
    assert Config.compose("init=folk", "model.dropout=0.9").model.dropout == 0.9
    assert Config.compose("init=folk", "recipe=default").optim == usual.optim
    assert Config.compose("init=null") == usual
    lr = Config.compose("init=folk", "optim=sgd", "optim.lr=2").optim.lr
    assert lr == 2
    with pytest.raises(InputError, match=r"add optim\.lr="):
        Config.compose("init=folk", "optim=sgd")
    assert Config.compose("recipe=finetune").optim == recipe.optim


REFUSED = {
    "model.hidden=9": "model.hidden must be 8, as the network of init=",
    "model=gru": "model.cell must be lstm, as the network of init=",
    "model.match=0": "model.match must be 2, as the network of init=",
    "experiment=hidden_9": "model.hidden must be 8, as the network of init=",
    "experiment=cell_gru": "model.cell must be lstm, as the network of init=",
    "init=nowhere": "init must be the folder of a run, got nowhere",
}


@pytest.mark.parametrize("word", REFUSED)
def test_what_differs_from_the_network_is_refused(
    place: Path, word: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    own = {"hidden_9": "model: {hidden: 9}\n", "cell_gru": "defaults: [override /model: gru]\n"}
    for name, text in own.items():
        file = tmp_path / "experiments" / name / "experiment.yaml"
        file.parent.mkdir(parents=True)
        file.write_text(text)
    given = words(place, word)
    if word.startswith("init="):
        given = given[1:]
    with pytest.raises(InputError) as error:
        Config.compose(*given)
    assert str(error.value).startswith(REFUSED[word])
    assert "\n" not in str(error.value)


def test_the_same_value_may_be_typed(place: Path) -> None:
    assert Config.compose(*words(place, "model.hidden=8", "model=lstm")).model.hidden == 8


def test_the_command_refuses_on_one_line_and_writes_nothing(place: Path, tmp_path: Path) -> None:
    done = train(*words(place, "model.hidden=9"), cwd=tmp_path)
    assert_refused(done, "model.hidden must be 8, as the network of init=")
    assert not list(tmp_path.iterdir())


def test_a_damaged_network_is_refused(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "first", tmp_path / "first")
    best = RunFolder(tmp_path / "first").best
    best.write_bytes(best.read_bytes()[:-100])
    config = Config.compose(*words(place, init=str(tmp_path / "first")))
    with pytest.raises(InputError, match="is damaged"):
        fit(config, tmp_path / "run", initial=workflow.find(str(tmp_path / "first")))


def test_a_sweep_begins_with_several_networks_and_with_none(place: Path, tmp_path: Path) -> None:
    """From its own workers, which get the networks; the shelf tells them apart."""
    shutil.copytree(place / "first", tmp_path / "copy")
    swept = f"init=null,{place / 'first'},folk"
    same = ["recipe=default", "model.dropout=0", f"sweep.shelf={tmp_path / 'shelf'}"]
    given = [*words(place, *same)[1:], swept]
    sweep = Sweep.start(*given, f"hydra.sweep.dir={tmp_path / 's'}", "sweep.workers=1")
    assert [row["status"] for row in sweep.rows] == ["completed"] * 3
    configs = {i: Run(tmp_path / "s" / str(i)).config for i in range(3)}
    hidden = load_model(packaged.NETWORKS / "folk").config.model.hidden
    assert [configs[i].model.hidden for i in range(3)] == [150, 8, hidden]
    assert configs[0].init is None
    assert configs[1].init == workflow.find(str(place / "first")).pinned
    assert len({config.digest for config in configs.values()}) == 3
    # The same weights in another place are the same training.
    again = [*words(place, *same, "seed=1,2", init=str(tmp_path / "copy"))]
    Sweep.start(*again, f"hydra.sweep.dir={tmp_path / 'o'}", "sweep.workers=1")
    assert Run(tmp_path / "o" / "0").result.seconds == Run(tmp_path / "s" / "1").result.seconds
    about = json.loads((tmp_path / "o" / "sweep.json").read_text())
    assert any(key.startswith("init ") for key in about["fingerprint"])


def test_a_sweep_refuses_a_swept_size_that_differs(place: Path, tmp_path: Path) -> None:
    given = words(place, "model.hidden=8,9", f"hydra.sweep.dir={tmp_path / 's'}")
    with pytest.raises(InputError, match=r"model\.hidden must be 8"):
        Sweep.start(*given)
    assert not list(tmp_path.iterdir())
