"""A configuration composed in Python is the command's, and Hydra stays as it was."""

import copy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir, version
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.singleton import Singleton
from omegaconf import OmegaConf
from omegaconf.basecontainer import BaseContainer

from musicgen import Config
from musicgen.cli import command
from musicgen.cli.command import Invocation
from musicgen.config import composition, record
from musicgen.config.keys import TrainConfig
from musicgen.errors import InputError
from tests.tunes import ROOT


def by_command(words: list[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What the run's config.yaml would say if these were typed behind `musicgen.train`."""
    made: list[str] = []

    def main(invocation: Invocation) -> None:
        made.append(record.dump(composition.checked(invocation.cfg, TrainConfig)))

    monkeypatch.setattr(sys, "argv", ["train", *words])
    command.run("train", "", main)
    return made[0]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["model=gru", "model.hidden=64"],
        ["optim=sgd", "optim.momentum=0.5", "schedule=one_cycle"],
        ["model.embedding=${model.hidden}"],
        ["data=files", "data.path='my [a,b] tunes'", "data.root=${data.name}/x"],
        ["samples.temperatures=[0.5,1]", "seed=7", "experiment=mine"],
        ["hydra.searchpath=[file://conf]", "optim=fast"],
        ["hydra.run.dir=elsewhere", "sweep.workers=3"],
    ],
    ids=" ".join,
)
def test_the_command_composes_the_same(
    words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for path, text in {
        "conf/optim/fast.yaml": "defaults: [adam]\nlr: 0.02\n",
        "experiments/mine/experiment.yaml": "model: {hidden: 33}\n",
    }.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    config = Config.compose(*words)
    assert config.yaml == by_command(words, monkeypatch)
    (tmp_path / "config.yaml").write_text(config.yaml)
    assert Config.load(tmp_path / "config.yaml") == config


@pytest.mark.parametrize(
    "words",
    [
        ["model.hiden=150"],
        ["optim=adagard"],
        ["model.hidden=abc"],
        ["model.hidden=[1"],
        ["model.dropout=1.5"],
        ["optim.nesterov=true"],
        ["resume=nowhere"],
        ["+model.new=1"],
        ["hydra.job.chdir=true"],
        ["data.name=files"],
    ],
    ids=" ".join,
)
def test_what_is_refused_is_said_in_the_commands_words(
    words: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        Config.compose(*words)
    with pytest.raises(SystemExit):
        by_command(words, monkeypatch)
    assert capsys.readouterr().err == f"error: {error.value}\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model.hidden=3,4"], r"model.hidden has several values; sweep it with Sweep.start"),
        (["experiment=dropout"], r"experiment=dropout is a sweep; sweep it with Sweep.start"),
        (["hydra.mode=MULTIRUN"], r"is a sweep's; sweep it with Sweep.start"),
        (["--help"], r"overrides are key=value, such as model.hidden=64, got --help"),
    ],
)
def test_what_takes_another_call_names_that_call(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Config.compose(*words)


def test_a_plugins_components_can_be_named() -> None:
    """In a process of its own, whose registry then has them."""
    code = (
        "import sys\n"
        "from musicgen import Config\n"
        "config = Config.compose(*sys.argv[1:])\n"
        "print(config.model.cell, config.model.gate_bias)"
    )
    words = ["plugins=[tests.extension.elsewhere.cells]", "model=mgu", "model.gate_bias=0.5"]
    process = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.stdout == "mgu 0.5\n", process.stderr


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Path]:
    """Somebody's own Hydra application, with a group of ours by name."""
    (tmp_path / "train.yaml").write_text("defaults:\n  - model: mine\n  - _self_\nseed: 3\n")
    ConfigStore.instance().store(group="model", name="mine", node={"layers": 2})
    OmegaConf.register_new_resolver("theirs", lambda: 5, replace=True)
    yield tmp_path
    del ConfigStore.instance().repo["model"]["mine.yaml"]
    OmegaConf.clear_resolver("theirs")


def test_hydras_state_is_left_as_it_was(application: Path) -> None:
    Config.compose()  # loads Hydra's plugins, as its own first use does
    with initialize_config_dir(str(application), job_name="theirs", version_base="1.2"):
        hydra = GlobalHydra.instance().hydra
        base = version.getbase()
        instances = dict(Singleton._instances)
        stored = copy.deepcopy(ConfigStore.instance().repo)
        resolvers = dict(BaseContainer._resolvers)
        before = compose("train", return_hydra_config=True)
        assert Config.compose("model=gru").model.cell == "gru"
        with pytest.raises(InputError, match="model must be one of gru, lstm, rnn, got mine"):
            Config.compose("model=mine")
        assert GlobalHydra.instance().hydra is hydra
        assert Singleton._instances == instances
        assert all(Singleton._instances[kind] is found for kind, found in instances.items())
        assert ConfigStore.instance().repo == stored
        assert BaseContainer._resolvers == resolvers
        assert version.getbase() == base
        after = compose("train", return_hydra_config=True)
        assert OmegaConf.to_yaml(after) == OmegaConf.to_yaml(before)


@pytest.mark.slow
def test_an_application_that_starts_later_finds_hydra_whole(application: Path) -> None:
    """Hydra's plugins store their defaults once, when they are imported."""
    code = (
        "import hydra\n"
        "from hydra.core.config_store import ConfigStore\n"
        "from musicgen import Config\n"
        "Config.compose()\n"
        "ConfigStore.instance().store(group='model', name='mine', node={'layers': 2})\n"
        f"@hydra.main(version_base=None, config_path={str(application)!r}, config_name='train')\n"
        "def main(cfg): print('composed', cfg.model.layers, cfg.seed)\n"
        "main()"
    )
    process = subprocess.run(
        [sys.executable, "-c", code, f"hydra.run.dir={application}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert process.stdout == "composed 2 3\n", process.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("foo: 1\n", "^experiment=own: there is no key foo; --help lists the keys"),
        ("model:\n  hiden: 3\n", "^experiment=own: there is no key model.hiden; did you mean"),
        (
            "model:\n  hidden: abc\n",
            "^experiment=own: model.hidden must be a whole number, got abc",
        ),
    ],
)
def test_a_bad_key_of_an_experiment_is_named_with_the_experiment(
    text: str, line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "experiments" / "own"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text(f"# @package _global_\n{text}")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=line):
        Config.compose("experiment=own")
