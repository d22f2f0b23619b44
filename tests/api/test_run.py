"""A run in Python: trained as by the command, read, stopped, and writing tunes."""

import os
import signal
import threading
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from musicgen import Config, Run
from musicgen.api.notebook import interrupt
from musicgen.cli.training_display import TrainingDisplay
from musicgen.errors import InputError, Interrupted, RunError
from musicgen.training.result import COLUMNS
from tests.commands import train
from tests.tunes import small

TIMES = ["seconds", "chars_per_s"]


def files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that Python has trained."""
    place = tmp_path_factory.mktemp("api")
    Run.train(*small(place), folder=place / "run")
    return place


@pytest.mark.slow
def test_a_training_is_the_commands_bit_for_bit(place: Path) -> None:
    """Whatever PyTorch's state is before; it is the same afterwards."""
    torch.manual_seed(4)
    torch.rand(3)
    torch.set_num_threads(2)
    state = torch.get_rng_state()
    words = small(place, "model.dropout=0.2", "model.layers=2")
    run = Run.train(*words, folder=place / "python")
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(1)

    process = train(*words, f"hydra.run.dir={place / 'command'}", cwd=place)
    assert process.returncode == 0, process.stderr
    other = Run(place / "command")
    weights, theirs = load_file(run.checkpoint), load_file(other.checkpoint)
    assert weights.keys() == theirs.keys()
    assert all(torch.equal(weights[name], theirs[name]) for name in weights)
    texts = [(r.folder / "config.yaml").read_text() for r in (run, other)]
    assert texts[0] == texts[1] == Config.compose(*words).yaml
    pd.testing.assert_frame_equal(
        run.metrics.drop(columns=TIMES), other.metrics.drop(columns=TIMES), check_exact=True
    )
    assert run.result.val_loss == other.result.val_loss
    names = [{path.name for path in files(r.folder) if "tfevents" not in path.name}
             for r in (run, other)]  # fmt: skip
    assert names[0] == names[1]


def test_a_run_is_read_from_its_folder(place: Path) -> None:
    run = Run(place / "run")
    assert run.result.status == "completed"
    assert list(run.metrics.columns) == COLUMNS
    assert list(run.metrics["epoch"]) == [1, 2, 3]
    assert run.metrics["val_loss"].min() == run.result.val_loss
    assert isinstance(run.config, Config)
    assert run.config.model.hidden == 8
    assert run.config.digest == run.result.config_digest
    assert repr(run).startswith(f"Run('{place}/run'): status completed, val_loss ")
    assert Run(run.checkpoint).folder == run.folder
    assert "<td style='text-align:left'>completed</td>" in run._repr_html_()


def test_tunes_are_written_to_disk_only_when_asked(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run = Run(place / "run")
    before = files(run.folder)
    tunes = run.generate(n=2, temperature=[0.5, 1], max_chars=80)
    assert files(run.folder) == before
    assert not files(tmp_path)
    assert [tune.name for tune in tunes] == ["T0.5-1", "T0.5-2", "T1-1", "T1-2"]
    written = run.generate("n=2", out=place / "out", temperature=(0.5, 1.0), max_chars=80,
                           formats=["abc", "mid"])  # fmt: skip
    assert [tune.abc for tune in written] == [tune.abc for tune in tunes]
    for tune in tunes:
        assert (place / "out" / f"{tune.name}.abc").read_text() == tune.abc
        assert (place / "out" / f"{tune.name}.mid").read_bytes() == tune.midi
        assert tune.recipe["options"]["temperature"] == tune.temperature
    one = run.generate(n=1, first=2, temperature=0.5, max_chars=200, header={"key": "G"})
    assert one[0].tune.field("K") == "G"
    assert torch.get_num_threads() == 1


def test_what_no_network_can_write_is_refused(place: Path) -> None:
    run = Run(place / "run")
    with pytest.raises(InputError, match="no key temprature; did you mean temperature"):
        run.generate(temprature=1)
    with pytest.raises(InputError, match="temperature must be a number of at least 0"):
        run.generate(temperature=-1)
    with pytest.raises(InputError, match=r"run must be the folder of a run.* below runs/ are what"):
        Run(place)
    with pytest.raises(InputError, match=r"holds a run already; .* choose another with folder=$"):
        Run.train(*small(place), folder=place / "run")
    with pytest.raises(InputError, match=r"prime must begin with .*, or use constrain=off$"):
        run.generate(prime="GAB|", constrain="bars")


@pytest.mark.slow
def test_a_training_that_diverges_raises_and_can_be_read(tmp_path: Path) -> None:
    extra = ["optim=sgd", "optim.lr=1e38", "schedule=constant", "trainer.grad_clip=0"]
    with pytest.raises(RunError, match=r"diverged: the \w+ loss became"):
        Run.train(*small(tmp_path, *extra), folder=tmp_path / "run")
    run = Run(tmp_path / "run")
    assert run.result.status == "diverged"
    with pytest.raises(InputError, match="where there is a folder without a checkpoint"):
        run.generate()


@pytest.mark.slow
def test_the_stop_button_stops_at_a_checkpoint(tmp_path: Path) -> None:
    metrics = tmp_path / "run" / "metrics.csv"

    def press() -> None:
        while not metrics.exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press, daemon=True).start()
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(Interrupted, match=r"stopped; to go on: Run\.train\('resume=") as stopped:
        Run.train(*small(tmp_path), "trainer.max_epochs=300", folder=tmp_path / "run")
    assert signal.getsignal(signal.SIGINT) is before
    assert Run(tmp_path / "run").result.status == "interrupted"
    (again,) = str(stopped.value).split("Run.train('")[1:]
    assert again.removesuffix("')") == f"resume={tmp_path / 'run'}"


def test_a_second_press_ends_the_call_and_not_the_notebook() -> None:
    with TrainingDisplay(interrupt) as display:
        signal.raise_signal(signal.SIGINT)
        assert display.should_stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.slow
def test_another_thread_trains_too(tmp_path: Path) -> None:
    """Where Python lets nobody hear signals."""
    made: list[Run] = []
    words = small(tmp_path, "trainer.max_epochs=1")
    thread = threading.Thread(
        target=lambda: made.append(Run.train(*words, folder=tmp_path / "run"))
    )
    thread.start()
    thread.join()
    assert made[0].result.status == "completed"
