"""Whole trainings on the device: what they leave behind, killed and resumed, here and there."""

import gc
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from musicgen.models.evaluation import evaluate
from musicgen.training import checkpoint
from musicgen.training import device as devices
from musicgen.training.checkpoint import load_model
from musicgen.training.fit import fit
from musicgen.training.result import Result
from tests.gpu.runs import overrides
from tests.training.runs import StopAt, assert_equal_runs
from tests.tunes import ROOT, composed, small


def test_a_run_is_the_cpus_and_says_how_it_was_made(
    tmp_path: Path, on_device: list[str], precisions: list[str], kind: str
) -> None:
    oracle = fit(composed(*overrides(tmp_path, ["trainer=cpu"])), tmp_path / "cpu")
    for precision in precisions:
        more = [f"trainer.precision={precision}", "trainer.max_epochs=3"]
        result = fit(composed(*overrides(tmp_path, on_device, *more)), tmp_path / precision)
        print(precision, result.val_loss, oracle.val_loss, result.device, result.arithmetic)
        assert result.status == "completed"
        assert result.val_loss == pytest.approx(oracle.val_loss, abs=0.02)
        assert result.device == devices.name(torch.device(kind))
        assert result.arithmetic["rest"] == result.precision == precision
        if kind == "cuda":
            recurrent = "tf32" if precision == "bf16" else precision
            assert result.arithmetic["recurrent"] == recurrent
            assert result.arithmetic["state"] == "float32"
        assert Result.read(tmp_path / precision / "result.json") == result
        last = checkpoint.load(tmp_path / precision / "checkpoints" / "last.safetensors")
        assert all(w.dtype == torch.float32 for w in last["state_dict"].values())


@pytest.mark.parametrize(
    "extra",
    [
        ["model=lstm", "model.dropout=0.3"],
        ["model=gru", "model.layers=2", "model.dropout=0.2", "trainer.precision=bf16"],
        ["model=rnn", "optim=nadam", "trainer.precision=fp32"],
        ["optim=adagrad", "data.stateful=false", "model.layer_norm=true"],
        pytest.param(["model=gru", "trainer.precision=tf32"], marks=pytest.mark.cuda),
        ["optim=sgd", "optim.lr=0.1", "model.embedding=48", "model.tie_weights=true"],
    ],
    ids=lambda extra: " ".join(extra),
)
def test_resumed_equals_uninterrupted(
    tmp_path: Path, on_device: list[str], extra: list[str]
) -> None:
    config = composed(*overrides(tmp_path, on_device, *extra))
    fit(config, tmp_path / "one")
    for stop in (StopAt(1, 3), StopAt(2, 5), StopAt(3, 2)):
        assert fit(config, tmp_path / "other", stop, resume=True).status == "interrupted"
    fit(config, tmp_path / "other", resume=True)
    assert_equal_runs(tmp_path / "one", tmp_path / "other")


def test_killed_and_resumed_in_another_process(tmp_path: Path, on_device: list[str]) -> None:
    more = ["trainer.max_epochs=6", "model.dropout=0.2", "trainer.precision=auto"]
    arguments = overrides(tmp_path, on_device, *more)
    other = tmp_path / "other"
    command = [sys.executable, "-m", "musicgen.train"]
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, sys.path)]),
    }
    process = subprocess.Popen(
        [*command, *arguments, f"hydra.run.dir={other}"], cwd=ROOT, env=environment
    )
    metrics = other / "metrics.csv"
    fit(composed(*arguments), tmp_path / "one")  # meanwhile, on the same GPU
    while process.poll() is None:
        if metrics.exists() and metrics.read_text().count("\n") > 2:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.005)
    process.wait()
    subprocess.run([*command, f"resume={other}"], cwd=ROOT, env=environment, check=True)
    assert_equal_runs(tmp_path / "one", other)


@pytest.mark.cuda
def test_a_run_goes_on_elsewhere_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """From the GPU to the CPU and back."""
    more = ["trainer.accelerator=auto", "trainer.max_epochs=4"]
    config = composed(*overrides(tmp_path, [], *more))
    stays = fit(config, tmp_path / "stays")
    moves = tmp_path / "moves"
    fit(config, moves, StopAt(2, 3), resume=True)
    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr(torch.cuda, "is_available", lambda: False)
        fit(config, moves, StopAt(3, 3), resume=True)
        assert "was trained on cuda so far and goes on on cpu" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        result = fit(config, moves, resume=True)
    assert "was trained on cpu so far and goes on on cuda" in caplog.text
    assert result.arithmetic["devices"] == "cuda, cpu, cuda"
    assert result.val_loss == pytest.approx(stays.val_loss, abs=0.02)


def test_a_checkpoint_is_the_same_network_anywhere(
    tmp_path: Path, on_device: list[str], device: torch.device
) -> None:
    result = fit(composed(*overrides(tmp_path, on_device)), tmp_path / "run")
    text = (tmp_path / "tunes.txt").read_text()[-5000:]
    losses = []
    for place in ("cpu", device):
        trained = load_model(tmp_path / "run", place)
        encoded = torch.from_numpy(trained.vocabulary.encode(text)).long()
        losses.append(evaluate(trained.model, trained.model.read(encoded).to(place))[0])
    assert losses[0] == pytest.approx(losses[1], abs=1e-5)
    assert result.val_loss is not None


def test_samples_and_pictures(tmp_path: Path, on_device: list[str], media: bool) -> None:
    """Into TensorBoard while it trains, and as files at the end."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    more = [f"samples.media={str(media).lower()}", "samples.every=1", "samples.measure=true"]
    result = fit(composed(*overrides(tmp_path, on_device, *more)), tmp_path / "run")
    assert result.measures
    assert {p.name for p in (tmp_path / "run" / "samples").iterdir()} == {
        "T0.5.abc",
        "T1.abc",
        "T2.abc",
    }
    tags = {
        value.tag
        for path in (tmp_path / "run").glob("events.*")
        for event in EventFileLoader(str(path)).Load()
        for value in event.summary.value
    }
    assert any(tag.startswith("tune/") for tag in tags)
    if media:
        assert any(tag.startswith("hidden unit") for tag in tags)


@pytest.mark.cuda
def test_out_of_memory_is_one_line(tmp_path: Path) -> None:
    """And the process trains on: nothing of the failed training stays on the GPU."""
    huge = ["model.hidden=2000", "data.seq_len=2000", "data.batch_size=400", "model.layers=8"]
    more = ["trainer=gpu", "samples.temperatures=[]", *huge]
    torch.cuda.set_per_process_memory_fraction(0.3)  # other tests run meanwhile
    try:
        with pytest.raises(torch.OutOfMemoryError):
            fit(composed(*small(tmp_path / "a", n=9000), *more), tmp_path / "huge")
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    said = json.loads((tmp_path / "huge" / "result.json").read_text())
    print(said["status"], said["error"][:150])
    assert said["status"] == "failed"
    assert "\n" not in said["error"]
    result = fit(composed(*overrides(tmp_path, ["trainer=gpu"])), tmp_path / "next")
    assert result.status == "completed"
    gc.collect()
    assert torch.cuda.memory_allocated() < 2e9


@pytest.mark.cuda
def test_diverged_is_said_though_the_gpu_runs_behind(tmp_path: Path) -> None:
    more = ["optim=sgd", "optim.lr=1e38", "schedule=constant", "trainer.grad_clip=0"]
    result = fit(composed(*overrides(tmp_path, ["trainer=gpu"], *more)), tmp_path / "run")
    assert result.status == "diverged"
    assert result.error is not None
    assert "at step" in result.error
