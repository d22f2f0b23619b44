"""fit(): what a run leaves behind, and that killing it changes nothing."""

import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from musicgen.config import record
from musicgen.config.keys import Config
from musicgen.errors import InputError
from musicgen.sweep.trial import Decision
from musicgen.training.checkpoint import load_model
from musicgen.training.fit import fit
from musicgen.training.folder import RunFolder
from musicgen.training.result import Epoch, Result
from musicgen.training.watcher import Watcher
from tests.training.runs import StopAt, assert_equal_runs, rows, scalars, weights
from tests.tunes import ROOT, composed, small


def test_a_run_folder_holds_everything(tmp_path: Path) -> None:
    path = tmp_path / "tunes.txt"
    overrides = small(tmp_path, "data.split=tunes", "data.stateful=false")
    result = fit(composed(*overrides), tmp_path / "run")
    folder = RunFolder(tmp_path / "run")
    assert result == Result.read(folder.result)
    assert result.status == "completed"
    assert list((tmp_path / "run" / "samples").iterdir())
    assert result.best_epoch is not None
    assert [row["epoch"] for row in rows(folder.path)] == ["1", "2", "3"]
    best = rows(folder.path)[result.best_epoch - 1]
    assert float(best["val_loss"]) == result.val_loss
    assert result.val_loss == min(float(row["val_loss"]) for row in rows(folder.path))
    assert {p.name for p in folder.samples.iterdir()} == {"T0.5.abc", "T1.abc", "T2.abc"}
    assert len(scalars(folder.path)) == 3 * 6
    trained = load_model(folder.path)
    assert set(trained.vocabulary.characters) == set(path.read_text())
    assert result.parameters == sum(p.numel() for p in trained.model.parameters())


class Pauses(Watcher):
    """Pauses after some epochs, each once; then it gives the training up, if asked."""

    def __init__(self, *epochs: int, then: Decision = Decision.CONTINUE) -> None:
        self.epochs, self.then, self.told = [*epochs], then, list[int]()

    def epoch(self, row: Epoch) -> Decision:
        self.told.append(row.epoch)
        if row.epoch in self.epochs:
            self.epochs.remove(row.epoch)
            return Decision.PAUSE
        return Decision.CONTINUE if self.epochs else self.then


@pytest.mark.slow
@pytest.mark.parametrize("extra", [["model.dropout=0.3"], ["schedule=plateau", "optim=adagrad"]])
def test_a_run_that_paused_equals_one_that_did_not(tmp_path: Path, extra: list[str]) -> None:
    config = composed(*small(tmp_path, "trainer.max_epochs=5", *extra))
    fit(config, tmp_path / "whole")
    watcher = Pauses(1, 2, 4)
    for epoch in (1, 2, 4):
        result = fit(config, tmp_path / "run", watcher, resume=True, one_of_many=True)
        assert (result.status, result.epochs) == ("paused", epoch)
        assert Result.read(RunFolder(tmp_path / "run").result) == result
    assert fit(config, tmp_path / "run", watcher, resume=True).status == "completed"
    assert_equal_runs(tmp_path / "whole", tmp_path / "run")
    assert watcher.told == [1, 1, 2, 2, 3, 4, 4, 5]  # asked again, where the answer may be lost


@pytest.mark.slow
def test_a_paused_run_that_is_given_up_is_a_pruned_one(tmp_path: Path) -> None:
    config = composed(*small(tmp_path, "trainer.max_epochs=5"))
    watcher = Pauses(2, then=Decision.PRUNE)
    assert fit(config, tmp_path / "run", watcher).status == "paused"
    result = fit(config, tmp_path / "run", watcher, resume=True)
    assert (result.status, result.epochs) == ("pruned", 2)
    assert len(rows(tmp_path / "run")) == 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "extra",
    [
        ["model=lstm", "model.dropout=0.3"],
        ["model=gru", "optim=rmsprop", "data.stateful=false", "schedule=plateau"],
        ["model=gru", "model.layers=2", "model.dropout=0.2", "trainer.precision=bf16"],
        ["model=rnn", "model.layers=2", "optim=nadam", "schedule=one_cycle"],
        ["optim=sgd", "optim.lr=0.1", "model.embedding=8", "model.tie_weights=true"],
        ["optim=adagrad", "model.layer_norm=true", "trainer.precision=bf16"],
        ["model=gru", "model.layers=2", "optim=muon"],
    ],
    ids=lambda extra: " ".join(extra),
)
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path: Path, extra: list[str]) -> None:
    config = composed(*small(tmp_path, *extra))
    fit(config, tmp_path / "one")
    for stop in (StopAt(1, 3), StopAt(2, 1), StopAt(2, 5), StopAt(3, 2)):
        result = fit(config, tmp_path / "other", stop, resume=True)
        assert result.status == "interrupted"
        assert result.epochs == stop.at[0] - 1
    fit(config, tmp_path / "other", resume=True)
    assert_equal_runs(tmp_path / "one", tmp_path / "other")


@pytest.mark.slow
def test_a_run_goes_on_with_the_threads_it_began_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    config = composed(*small(tmp_path, "trainer.threads=0"))
    fit(config, tmp_path / "run", StopAt(2, 1))
    assert torch.get_num_threads() == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    fit(config, tmp_path / "run", StopAt(3, 1), resume=True)
    assert torch.get_num_threads() == 3
    fit(config, tmp_path / "new", StopAt(1, 1))
    assert torch.get_num_threads() == 1
    torch.set_num_threads(before)


@pytest.mark.slow
def test_a_run_killed_before_its_result_was_written(tmp_path: Path) -> None:
    """All epochs are done, but neither test loss nor tunes nor result.json."""
    config = composed(*small(tmp_path))
    for name in ("one", "other"):
        fit(config, tmp_path / name)
    (tmp_path / "other" / "result.json").unlink()
    fit(config, tmp_path / "other", resume=True)
    assert_equal_runs(tmp_path / "one", tmp_path / "other")


@pytest.mark.slow
def test_stopped_at_the_last_epochs_end(tmp_path: Path) -> None:
    class StopAtTheEnd(Watcher):
        def epoch(self, row: Epoch) -> Decision:
            return Decision.STOP if row.epoch == 3 else Decision.CONTINUE

    config = composed(*small(tmp_path))
    fit(config, tmp_path / "one")
    assert fit(config, tmp_path / "other", StopAtTheEnd()).status == "interrupted"
    fit(config, tmp_path / "other", resume=True)
    assert_equal_runs(tmp_path / "one", tmp_path / "other")


@pytest.mark.slow
def test_sigterm_is_the_callers_to_answer(tmp_path: Path) -> None:
    """Lightning would end the process; here the handler that was there before is called."""
    heard: list[int] = []

    class Term(Watcher):
        def epoch(self, row: Epoch) -> Decision:
            os.kill(os.getpid(), signal.SIGTERM)
            return Decision.CONTINUE

    before = signal.signal(signal.SIGTERM, lambda number, frame: heard.append(number))
    try:
        result = fit(composed(*small(tmp_path)), tmp_path / "run", Term())
    finally:
        signal.signal(signal.SIGTERM, before)
    assert result.status == "completed"
    assert len(heard) == 3


@pytest.mark.slow
def test_other_tunes_under_the_same_path_are_refused(tmp_path: Path) -> None:
    config = composed(*small(tmp_path))
    fit(config, tmp_path / "run", StopAt(2, 1))
    path = tmp_path / "tunes.txt"
    path.write_text(path.read_text().replace("Tune 1", "Tune 2"))
    with pytest.raises(InputError, match="was begun on other tunes"):
        fit(config, tmp_path / "run", resume=True)


@pytest.mark.slow
def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    fit(composed(*small(tmp_path, "model.hidden=9")), tmp_path / "nine", StopAt(2, 1))
    config = composed(*small(tmp_path))
    fit(config, tmp_path / "run", StopAt(2, 1))
    other = (tmp_path / "nine" / "checkpoints" / "last.safetensors").read_bytes()
    (tmp_path / "run" / "checkpoints" / "last.safetensors").write_bytes(other)
    with pytest.raises(InputError, match="damaged or of another run"):
        fit(config, tmp_path / "run", resume=True)


@pytest.mark.slow
def test_same_seed_same_bits_and_another_seed_others(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        fit(composed(*small(tmp_path, "model.dropout=0.2", f"seed={seed}")), tmp_path / name)
    assert_equal_runs(tmp_path / "a", tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


@pytest.mark.slow
def test_a_run_killed_at_any_moment_resumes_to_the_same_result(tmp_path: Path) -> None:
    """Killed again and again, from the start of the program to its end, and resumed each time."""
    draw = random.Random(seed := int(time.time()))
    print("seed", seed)
    overrides = small(tmp_path, "trainer.max_epochs=12", "model.dropout=0.2", n=100)
    fit(composed(*overrides), tmp_path / "one")
    other = tmp_path / "other"
    kills = 0
    command = [sys.executable, "-m", "musicgen.train"]
    while kills < 3 or not (other / "result.json").exists():
        if (other / "result.json").exists():  # it was faster than whoever should have killed it
            shutil.rmtree(other)
            kills = 0
        arguments = [*overrides, f"hydra.run.dir={other}"]
        if (other / "config.yaml").exists():
            arguments = [f"resume={other}"]
        process = subprocess.Popen([*command, *arguments], cwd=ROOT, stdout=subprocess.DEVNULL)
        try:
            # Up to the first epoch's end, then some random time further on, but at most 6 times.
            deadline = time.monotonic() + 60
            before = (
                (other / "metrics.csv").stat().st_size if (other / "metrics.csv").exists() else 0
            )
            while kills < 6 and process.poll() is None and time.monotonic() < deadline:
                metrics = other / "metrics.csv"
                if metrics.exists() and metrics.stat().st_size > before:
                    time.sleep(draw.uniform(0, 0.1))
                    break
                time.sleep(0.002)
            if kills < 6 and process.poll() is None:
                process.send_signal(signal.SIGKILL)
                kills += 1
            assert process.wait(600) in (0, -signal.SIGKILL)
        finally:
            process.kill()
    assert_equal_runs(tmp_path / "one", other)


@pytest.mark.slow
def test_a_kill_while_a_checkpoint_is_written_loses_nothing(tmp_path: Path) -> None:
    """What a writer leaves behind when it dies half-way is never read."""
    config = composed(*small(tmp_path))
    fit(config, tmp_path / "one")
    fit(config, tmp_path / "other", StopAt(3, 1), resume=True)
    folder = RunFolder(tmp_path / "other")
    half = folder.last.read_bytes()[:1000]
    (folder.checkpoints / ".last.safetensors.1.tmp").write_bytes(half)
    with folder.metrics.open("a") as file:
        file.write("3,0.1,")
    fit(config, folder.path, resume=True)
    assert_equal_runs(tmp_path / "one", folder.path)


def test_a_diverged_run_says_where_and_keeps_the_last_good_checkpoint(tmp_path: Path) -> None:
    config = composed(
        *small(tmp_path, "optim=sgd", "optim.lr=1e38", "schedule=constant", "trainer.grad_clip=0")
    )
    result = fit(config, tmp_path / "run")
    assert result.status == "diverged"
    assert result.error is not None
    assert "loss became" in result.error
    assert "step" in result.error
    assert json.loads((tmp_path / "run" / "result.json").read_text())["status"] == "diverged"


@pytest.mark.slow
def test_a_run_that_its_watcher_prunes_ends_after_that_epoch(tmp_path: Path) -> None:
    class Prune(Watcher):
        def epoch(self, row: Epoch) -> Decision:
            return Decision.PRUNE if row.epoch == 2 else Decision.CONTINUE

    result = fit(composed(*small(tmp_path)), tmp_path / "run", Prune())
    assert (result.status, result.epochs) == ("pruned", 2)


@pytest.mark.slow
def test_patience_ends_a_run(tmp_path: Path) -> None:
    extra = ["early_stopping.patience=2", "trainer.max_epochs=50", "optim=sgd", "optim.lr=1e-12"]
    config = composed(*small(tmp_path, *extra, "schedule=constant", "model.hidden=1"))
    result = fit(config, tmp_path / "run")
    assert result.best_epoch is not None
    assert result.epochs == result.best_epoch + 2 < 50


@pytest.mark.slow
def test_a_run_folder_belongs_to_one(tmp_path: Path) -> None:
    config = composed(*small(tmp_path))
    with RunFolder(tmp_path / "run").locked():
        child = multiprocessing.get_context("spawn").Process(
            target=_expect_refusal, args=(small(tmp_path), tmp_path / "run", os.getpid())
        )
        child.start()
        child.join()
    assert child.exitcode == 0
    fit(config, tmp_path / "run")
    with pytest.raises(InputError, match="holds a run already"):
        fit(config, tmp_path / "run")


@pytest.mark.slow
def test_a_trial_waits_for_its_earlier_worker_to_be_gone(tmp_path: Path) -> None:
    held = ExitStack()
    held.enter_context(RunFolder(tmp_path / "run").locked())
    earlier = threading.Timer(0.5, held.close)
    earlier.start()
    result = fit(composed(*small(tmp_path)), tmp_path / "run", one_of_many=True)
    assert not earlier.is_alive()
    assert result.status == "completed"


def _expect_refusal(overrides: list[str], folder: Path, holder: int) -> None:
    with pytest.raises(InputError, match=f"in use by process {holder} on "):
        fit(composed(*overrides), folder)


def test_resuming_with_another_configuration_is_refused(tmp_path: Path) -> None:
    fit(composed(*small(tmp_path)), tmp_path / "run", StopAt(2, 1))
    with pytest.raises(InputError, match=r"model.hidden must stay 8, got 9"):
        fit(composed(*small(tmp_path, "model.hidden=9")), tmp_path / "run", resume=True)


@pytest.mark.slow
@pytest.mark.parametrize("begun", [True, False], ids=["bf16", "fp32"])
def test_a_run_keeps_the_precision_that_it_began_with(
    begun: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What `auto` comes to is the processor's; this one is said to have bf16, then not."""
    config = composed(*small(tmp_path, "trainer.precision=auto"))
    monkeypatch.setattr("musicgen.training.device._has_bf16", lambda device: begun)
    fit(config, tmp_path / "run", StopAt(2, 1))
    whole = fit(config, tmp_path / "whole")
    monkeypatch.setattr("musicgen.training.device._has_bf16", lambda device: not begun)
    result = fit(config, tmp_path / "run", resume=True)
    assert result.precision == whole.precision == ("bf16" if begun else "fp32")
    assert_equal_runs(tmp_path / "whole", tmp_path / "run")
    (said,) = [record.getMessage() for record in caplog.records if "was begun in" in record.message]
    assert ("emulates" in said) == begun


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Path]:
    """A configuration, and the folder of its run that was stopped in its second epoch."""
    folder = tmp_path_factory.mktemp("stopped")
    config = composed(*small(folder))
    fit(config, folder / "run", StopAt(2, 1))
    return config, folder / "run"


@pytest.mark.parametrize("name", ["last.safetensors", "best.safetensors", "model.json"])
@pytest.mark.parametrize("damage", [b"", b"x" * 100, None], ids=["empty", "other", "half"])
def test_damaged_checkpoints_are_one_line(
    tmp_path: Path, stopped: tuple[Config, Path], name: str, damage: bytes | None
) -> None:
    config, run = stopped
    shutil.copytree(run, tmp_path / "run")
    path = tmp_path / "run" / "checkpoints" / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if damage is None else damage)
    resumed = name == "last.safetensors"
    with pytest.raises(InputError, match="damaged") as error:
        fit(config, tmp_path / "run", resume=True) if resumed else load_model(tmp_path / "run")
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize("late", [False, True], ids=["last epoch", "patience"])
def test_a_training_that_is_over_is_not_pruned(late: bool, tmp_path: Path) -> None:
    """There is nothing left to save."""

    class Prune(Watcher):
        def epoch(self, row: Epoch) -> Decision:
            return Decision.PRUNE if row.epoch == 3 else Decision.CONTINUE

    extra = ["early_stopping.patience=2", "trainer.max_epochs=50", "optim=sgd", "optim.lr=1e-12"]
    given = small(tmp_path, *extra, "schedule=constant", "model.hidden=1") if late else None
    result = fit(composed(*(given or small(tmp_path))), tmp_path / "run", Prune())
    assert (result.status, result.epochs) == ("completed", 3)
    assert list((tmp_path / "run" / "samples").iterdir())


@pytest.mark.slow
def test_time_that_is_over_ends_a_run_as_completed(tmp_path: Path) -> None:
    config = composed(*small(tmp_path, "trainer.max_time=1", "trainer.max_epochs=100000"))
    result = fit(config, tmp_path / "run")
    assert result.status == "completed"
    assert 0 < result.epochs < 100_000
    assert result.best_epoch is not None
    assert list((tmp_path / "run" / "samples").iterdir())
    assert result.seconds is not None
    assert result.seconds < 60
    assert fit(config, tmp_path / "run", resume=True) == result


@pytest.mark.slow
def test_a_run_has_one_epoch_however_short_its_time_is(tmp_path: Path) -> None:
    result = fit(composed(*small(tmp_path, "trainer.max_time=0.001")), tmp_path / "run")
    assert (result.status, result.epochs) == ("completed", 1)


@pytest.mark.parametrize("text", ["", "2 weeks", "-1", "0", "nan", "inf", "h", "1h2h", "1:30"])
def test_a_max_time_that_is_no_time_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match=r"trainer\.max_time must be a time such as 2h"):
        composed(*small(tmp_path, f"trainer.max_time='{text}'"))


def test_a_key_that_came_later_changes_no_digest_at_its_default(tmp_path: Path) -> None:
    """Older runs and sweeps go on."""
    config = composed(*small(tmp_path))
    assert "trainer.max_time" not in record.compared(config)
    other = record.replaced(config, {"trainer.max_time": "2h"})
    assert record.compared(other)["trainer.max_time"] == "2h"
    assert record.digest(other) != record.digest(config)
    before = record.replaced(config, {"model.match": 0, "model.melody": 0, "model.place": False})
    assert not set(record.KEYS_ADDED_LATER) & record.compared(before).keys()
    values = record.to_dict(before)
    for name in record.KEYS_ADDED_LATER:
        group, _, last = name.rpartition(".")
        del (values[group] if group else values)[last]
    assert record.digest(record.from_dict(values)) == record.digest(before)


@pytest.mark.slow
@pytest.mark.parametrize("part", [0.0, 0.5], ids=["empty", "half"])
def test_no_damaged_file_keeps_a_sweeps_trial_from_its_result(
    part: float, tmp_path: Path, stopped: tuple[Config, Path]
) -> None:
    """A power cut, or a disk that was full, may shorten any file; it costs epochs at most."""
    config, run = stopped
    fit(config, tmp_path / "whole", one_of_many=True)
    names = sorted(path.relative_to(run) for path in run.rglob("*") if path.is_file())
    assert {"config.yaml", "result.json", "metrics.csv"} <= {str(name) for name in names}
    assert sum(name.parts[0] == "checkpoints" for name in names) == 3
    for number, name in enumerate(names):
        copy = tmp_path / str(number)
        shutil.copytree(run, copy)
        size = (copy / name).stat().st_size
        os.truncate(copy / name, int(part * size))
        result = fit(config, copy, resume=True, one_of_many=True)
        assert (result.status, result.epochs) == ("completed", 3), name
        if name.name.startswith("events"):  # TensorBoard lacks what was cut off
            assert rows(copy) == rows(tmp_path / "whole")
        else:
            assert_equal_runs(tmp_path / "whole", copy)


@pytest.mark.parametrize("name", ["config.yaml", "result.json", "metrics.csv"])
def test_a_damaged_run_of_ones_own_is_one_line(
    name: str, tmp_path: Path, stopped: tuple[Config, Path]
) -> None:
    config, run = stopped
    shutil.copytree(run, tmp_path / "run")
    os.truncate(tmp_path / "run" / name, 0)
    with pytest.raises(InputError, match=rf"{name} is damaged") as error:
        fit(config, tmp_path / "run", resume=True)
    assert "\n" not in str(error.value)
