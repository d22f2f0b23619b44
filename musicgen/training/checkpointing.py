"""The end of an epoch: figures are recorded, checkpoints written, and training stops or goes on."""

import dataclasses
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from musicgen.sweep.trial import Decision
from musicgen.training import checkpoint
from musicgen.training.events import EventLog
from musicgen.training.folder import RunFolder
from musicgen.training.module import Training
from musicgen.training.result import COLUMNS, Epoch, append_epoch
from musicgen.training.watcher import Watcher


class Stopped(Exception):  # noqa: N818 - a request, not an error
    """The watcher asked to stop between two steps."""


class TimeOver(Exception):  # noqa: N818 - an end, not an error
    """trainer.max_time is over between two steps, after at least one whole epoch."""


@dataclass
class Progress:
    """How far a training has come: the data of its result and of resuming."""

    best: Epoch | None = None
    last: Epoch | None = None
    accuracy_best: float = 0.0
    stale: int = 0
    """Epochs since the best one."""
    files: dict[str, int] = dataclasses.field(default_factory=dict)
    """Length in bytes of each growing file (metrics.csv, event files) when this was written."""


class Checkpointing(Callback):
    """Keeps metrics.csv, the event file, best.safetensors and last.safetensors in step.

    last.safetensors is written last. It records the lengths of the growing files, so that a resumed
    run can cut off what a killed run wrote after it.
    """

    def __init__(
        self,
        folder: RunFolder,
        events: EventLog,
        watcher: Watcher,
        patience: int,
        every: int,
        show: Callable[[int], object],
        limit_s: float = math.inf,
    ) -> None:
        """patience: epochs without a lower validation loss before stopping; 0 for never.

        show: called with the epoch each `every` epochs (0 for never), but not after the last epoch.
        limit_s: seconds after which the training ends, but not before its first epoch is complete.
        """
        self.limit_s = limit_s
        self.folder, self.events, self.watcher, self.patience = folder, events, watcher, patience
        self.every, self.show = every, show
        self.progress = Progress()
        self.decision = Decision.CONTINUE
        self.began = self.epoch_began = time.perf_counter()
        self.train_seconds = 0.0

    # -- state that travels in last.safetensors

    @property
    def state_key(self) -> str:
        """Its key in checkpoints: the class's former name, so that older checkpoints load."""
        return "Keeper"

    def state_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self.progress)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        best, last = (Epoch(**row) if row else None for row in (state["best"], state["last"]))
        self.progress = Progress(**{**state, "best": best, "last": last})
        self.began = time.perf_counter() - (last.seconds if last else 0.0)

    # -- Lightning's hooks

    def on_fit_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        # Not on_train_start: Lightning skips that for a run whose last epoch is done, which may
        # still lack its result.
        cut_back(self.folder.path, self.progress.files)
        if not self.folder.metrics.exists():
            self.folder.metrics.write_text(",".join(COLUMNS) + "\n")
        self.events.open()
        trainer.should_stop = self._impatient
        if self.progress.last is not None:
            # The watcher may have died between the checkpoint and the epoch's report.
            self._ask(trainer, self.progress.last)

    def on_train_epoch_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self.epoch_began = time.perf_counter()

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, *_: Any) -> None:
        steps = int(trainer.num_training_batches)
        done = trainer.fit_loop.batch_idx + 1
        self.watcher.step(trainer.current_epoch + 1, done, steps)
        if self.watcher.should_stop():
            raise Stopped
        if self.progress.last and time.perf_counter() - self.began >= self.limit_s:
            raise TimeOver

    def on_validation_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        assert isinstance(module, Training)
        module.check_finite()  # waits for the GPU's pending steps
        self.train_seconds = time.perf_counter() - self.epoch_began

    def on_train_epoch_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        assert isinstance(module, Training)
        row = self._row(trainer, module)
        progress = self.progress
        progress.last = row
        progress.accuracy_best = max(progress.accuracy_best, row.val_accuracy)
        if progress.best is None or row.val_loss < progress.best.val_loss:
            progress.best, progress.stale = row, 0
            weights = module.network.state_dict()
            content = {"weights": weights, "epoch": row.epoch, "val_loss": row.val_loss}
            checkpoint.save(self.folder.best, content)
        else:
            progress.stale += 1
        append_epoch(self.folder.metrics, row)  # before the checkpoint that records its length
        self.events.add_epoch(row)
        if self.every and row.epoch % self.every == 0 and not self._over(trainer, row):
            self.show(row.epoch)
        progress.files = {path.name: path.stat().st_size for path in self._growing()}
        trainer.save_checkpoint(self.folder.last)
        self._ask(trainer, row)

    def _ask(self, trainer: pl.Trainer, row: Epoch) -> None:
        """Report an epoch to the watcher and obey the answer. A finished training is not pruned,
        and not paused."""
        over = self._over(trainer, row)
        decision = self.watcher.last_epoch(row) if over else self.watcher.epoch(row)
        too_late = over and decision in (Decision.PRUNE, Decision.PAUSE)
        self.decision = Decision.CONTINUE if too_late else decision
        trainer.should_stop = self.decision is not Decision.CONTINUE or self._ended_early(row)

    def _over(self, trainer: pl.Trainer, row: Epoch) -> bool:
        """Whether this epoch is the last one."""
        return row.epoch == trainer.max_epochs or self._ended_early(row)

    def _ended_early(self, row: Epoch) -> bool:
        return self._impatient or row.seconds >= self.limit_s

    @property
    def _impatient(self) -> bool:
        return 0 < self.patience <= self.progress.stale

    def _growing(self) -> list[Path]:
        return [self.folder.metrics, *self.events.flush()]

    def _row(self, trainer: pl.Trainer, module: Training) -> Epoch:
        loss, accuracy = (module.sums / module.chars).tolist()
        return Epoch(
            epoch=trainer.current_epoch + 1,
            train_loss=loss,
            train_accuracy=accuracy,
            val_loss=module.val_loss,
            val_accuracy=module.val_accuracy,
            val_bits_per_char=module.val_loss / math.log(2),
            val_perplexity=math.exp(min(module.val_loss, 700)),
            lr=trainer.optimizers[0].param_groups[0]["lr"],
            seconds=round(time.perf_counter() - self.began, 3),
            chars_per_s=round(module.chars / self.train_seconds, 1),
        )


def cut_back(folder: Path, files: dict[str, int]) -> None:
    """Cut the growing files back to the given lengths (bytes); remove those that are not named."""
    for path in [RunFolder(folder).metrics, *folder.glob("events.out.tfevents.*")]:
        if path.name not in files:
            path.unlink(missing_ok=True)
        elif path.exists() and path.stat().st_size > files[path.name]:
            with path.open("r+b") as file:
                file.truncate(files[path.name])
