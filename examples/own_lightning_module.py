"""A sweep of a LightningModule of your own: python examples/own_lightning_module.py [folder]

A small classifier of made-up points. Stop it with Ctrl-C or kill it, and start it again: trials go
on from their last epoch.
"""

import sys
from typing import Any

import pytorch_lightning as lightning
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, TensorDataset

from musicgen import Choice, Float, Sweep, SweepCallback, Trial


class Classifier(lightning.LightningModule):
    """Two classes of points in the plane, by one hidden layer."""

    def __init__(self, hidden: int, lr: float) -> None:
        super().__init__()
        self.lr = lr
        self.network = torch.nn.Sequential(
            torch.nn.Linear(2, hidden),
            torch.nn.Tanh(),
            torch.nn.Dropout(0.1),
            torch.nn.Linear(hidden, 2),
        )

    def training_step(self, batch: list[Tensor]) -> Tensor:
        points, classes = batch
        return cross_entropy(self.network(points), classes)

    def validation_step(self, batch: list[Tensor]) -> None:
        points, classes = batch
        logits = self.network(points)
        self.log("val_loss", cross_entropy(logits, classes))
        self.log("val_accuracy", (logits.argmax(1) == classes).float().mean())

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.Adam(self.parameters(), lr=self.lr)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 3, gamma=0.5)]


def data() -> tuple[DataLoader[Any], DataLoader[Any]]:
    """Loaders of points inside and outside of a circle: 2,000 to train on, 500 to validate."""
    draw = torch.Generator().manual_seed(0)
    points = torch.rand(2500, 2, generator=draw) * 2 - 1
    classes = (points.norm(dim=1) < 0.8).long()
    train = TensorDataset(points[:2000], classes[:2000])
    return DataLoader(train, 50, shuffle=True), DataLoader(
        TensorDataset(points[2000:], classes[2000:]), 500
    )


def objective(trial: Trial) -> dict[str, float]:
    """One training, with the learning rate and the size of the trial."""
    lightning.seed_everything(trial.seed)
    sweep = SweepCallback(trial, monitor="val_loss")
    trainer = lightning.Trainer(
        max_epochs=9,
        callbacks=[sweep],
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    module = Classifier(**trial.params)
    trainer.fit(module, *data(), ckpt_path=sweep.ckpt_path, weights_only=True)
    return sweep.metrics


if __name__ == "__main__":
    sweep = Sweep.of(
        objective,
        space={"hidden": Choice((4, 16, 64)), "lr": Float(1e-3, 1e-1, log=True)},
        objectives={"val_loss": "minimize"},
        n_trials=8,
        sampler="random",
        pruner="median",
        workers=2,
        folder=sys.argv[1] if sys.argv[1:] else "runs/own_lightning_module",
    )
    print(sweep.table.head())
