"""SweepCallback on a module of one's own: reports, pruning, stops and going on."""

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import EarlyStopping, ModelCheckpoint
from torch.utils.data import DataLoader, TensorDataset

from musicgen import SweepCallback
from musicgen.errors import InputError, Interrupted
from musicgen.sweep.trial import Decision, Job, Trial

# Lightning's own: of its PyTorch, and of trainings as small as these.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*treespec, LeafSpec:FutureWarning", "ignore::UserWarning:pytorch_lightning"
)


class Module(pl.LightningModule):
    """Dropout, shuffled batches and a schedule by epochs: whatever resuming could lose."""

    def __init__(self, optimizer: Callable[..., Any]) -> None:
        super().__init__()
        self.save_hyperparameters()  # a partial, which weights_only would refuse
        self.optimizer = optimizer
        self.net = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Dropout(), torch.nn.Tanh())
        self.head = torch.nn.Linear(8, 1)

    def training_step(self, batch: list[torch.Tensor]) -> torch.Tensor:
        loss = (self.head(self.net(batch[0])) - batch[1]).square().mean()
        self.log("train_loss", loss, on_epoch=True, on_step=False)
        return loss

    def validation_step(self, batch: list[torch.Tensor]) -> None:
        self.log("val/loss", (self.head(self.net(batch[0])) - batch[1]).square().mean())

    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer(self.parameters())
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.7)]


class Life:
    """One life of a trial: what it was told, and what it reported."""

    def __init__(self, folder: Path, answers: dict[int, Decision] | None = None) -> None:
        self.reports: list[tuple[int, float, bool]] = []
        self.answers = answers or {}
        job = Job(number=0, run=0, seed=3, params={}, folder=folder)
        self.trial = Trial(job, self._report)

    def _report(self, step: int, value: float, last: bool) -> Decision:
        self.reports.append((step, value, last))
        return self.answers.get(step, Decision.CONTINUE)

    def fit(self, monitor: str = "val/loss", **settings: Any) -> SweepCallback:
        pl.seed_everything(self.trial.seed)
        draw = torch.Generator().manual_seed(0)
        x = torch.rand(40, 2, generator=draw)
        data = TensorDataset(x, x.sum(1, keepdim=True))
        sweep = SweepCallback(self.trial, monitor=monitor)
        callbacks = [sweep, *settings.pop("callbacks", [])]
        trainer = pl.Trainer(
            **{
                "max_epochs": 5,
                "callbacks": callbacks,
                "accelerator": "cpu",
                "logger": False,
                "enable_checkpointing": False,
                "enable_progress_bar": False,
                "enable_model_summary": False,
                **settings,
            }
        )
        loaders = DataLoader(data, 8, shuffle=True), DataLoader(data, 20)
        module = Module(partial(torch.optim.Adam, lr=0.05))
        trainer.fit(module, *loaders, ckpt_path=sweep.ckpt_path, weights_only=True)
        self.weights = module.state_dict()
        return sweep


@pytest.fixture(autouse=True)
def quiet() -> None:
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)


@pytest.mark.slow
@pytest.mark.parametrize("stop", [1, 3, 4])
def test_a_stopped_training_ends_as_an_undisturbed_one(stop: int, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = Life(tmp_path / "a")
    metrics = whole.fit().metrics
    first = Life(tmp_path / "b", {stop: Decision.STOP})
    with pytest.raises(Interrupted):
        first.fit()
    second = Life(tmp_path / "b")
    assert second.fit().metrics == metrics
    assert first.reports + second.reports == whole.reports
    assert [step for step, _, _ in whole.reports] == [1, 2, 3, 4, 5]
    assert [last for _, _, last in whole.reports] == [False] * 4 + [True]
    for name, weights in whole.weights.items():
        assert torch.equal(weights, second.weights[name])


@pytest.mark.slow
def test_a_paused_training_ends_as_an_undisturbed_one(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    whole = Life(tmp_path / "a")
    metrics = whole.fit().metrics
    reports = []
    for epoch in (1, 3):
        life = Life(tmp_path / "b", {epoch: Decision.PAUSE})
        with pytest.raises(Interrupted):
            life.fit()
        reports += life.reports
    last = Life(tmp_path / "b")
    assert last.fit().metrics == metrics
    assert reports + last.reports == whole.reports
    for name, weights in whole.weights.items():
        assert torch.equal(weights, last.weights[name])


@pytest.mark.slow
def test_a_training_that_ended_has_its_metrics_again(tmp_path: Path) -> None:
    metrics = Life(tmp_path).fit().metrics
    again = Life(tmp_path)
    assert again.fit().metrics == metrics
    assert again.reports == []


@pytest.mark.slow
def test_early_stopping_is_the_last_report_and_stays_over(tmp_path: Path) -> None:
    life = Life(tmp_path)
    rule = partial(EarlyStopping, "val/loss", patience=1, min_delta=1e9)
    metrics = life.fit(callbacks=[rule()]).metrics
    assert [(step, last) for step, _, last in life.reports] == [(1, False), (2, True)]
    again = Life(tmp_path)
    assert again.fit(callbacks=[rule()]).metrics == metrics
    assert again.reports == []


@pytest.mark.slow
def test_a_pruned_training_ends_after_its_epoch(tmp_path: Path) -> None:
    life = Life(tmp_path, {2: Decision.PRUNE})
    sweep = life.fit()
    assert [step for step, _, _ in life.reports] == [1, 2]
    assert life.trial.decision_read is Decision.PRUNE
    assert sweep.metrics["val/loss"] == life.reports[-1][1]
    # Killed before it could say so: the next life is told at once.
    again = Life(tmp_path)
    again.trial.decision = Decision.PRUNE
    again.fit()
    assert (again.reports, again.trial.decision_read) == ([], Decision.PRUNE)


@pytest.mark.slow
def test_a_stop_ends_a_training_between_two_batches(tmp_path: Path) -> None:
    life = Life(tmp_path)

    class Asks(pl.Callback):
        def on_train_batch_start(self, trainer: Any, module: Any, batch: Any, index: int) -> None:
            if (trainer.current_epoch, index) == (2, 1):
                life.trial.decision = Decision.STOP
            assert (trainer.current_epoch, index) < (2, 2)

    with pytest.raises(Interrupted):
        life.fit(callbacks=[Asks()])
    assert [step for step, _, _ in life.reports] == [1, 2]


@pytest.mark.slow
def test_only_epochs_that_validate_are_reported(tmp_path: Path) -> None:
    life = Life(tmp_path)
    life.fit(check_val_every_n_epoch=2)
    assert [step for step, _, _ in life.reports] == [2, 4]


@pytest.mark.slow
def test_a_metric_that_is_not_logged_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got val_loss; it logs train_loss, val/loss"):
        Life(tmp_path).fit(monitor="val_loss")


@pytest.mark.slow
def test_a_checkpoint_of_the_users_own_keeps_what_it_has(tmp_path: Path) -> None:
    own = ModelCheckpoint(tmp_path / "own", filename="mine")
    Life(tmp_path).fit(callbacks=[own], enable_checkpointing=True)
    kept = torch.load(tmp_path / "own" / "mine.ckpt", weights_only=False)
    assert "loops" in kept
    assert "hyper_parameters" in kept
    ours = torch.load(tmp_path / "sweep.ckpt", weights_only=True)
    assert "hyper_parameters" not in ours


@pytest.mark.slow
def test_outside_of_a_sweep_the_callback_does_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = SweepCallback(monitor="nothing")
    assert sweep.ckpt_path is None
    data = TensorDataset(torch.rand(8, 2), torch.rand(8, 1))
    pl.Trainer(
        max_epochs=1,
        callbacks=[sweep],
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    ).fit(Module(torch.optim.Adam), DataLoader(data, 4))
    assert list(tmp_path.iterdir()) == []
