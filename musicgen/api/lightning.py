"""A Lightning callback that makes a training a trial: it reports, prunes, stops and resumes."""

import importlib
import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from musicgen.errors import InputError, Interrupted
from musicgen.sweep.context import current_trial
from musicgen.sweep.trial import Decision, Trial
from musicgen.system.files import put

if TYPE_CHECKING:
    from pytorch_lightning import LightningModule, Trainer
    from pytorch_lightning.callbacks import Callback, Checkpoint
else:
    # Lightning has two packages, each with its own classes; a program uses one of them.
    _name = "lightning.pytorch" if "lightning.pytorch" in sys.modules else "pytorch_lightning"
    _callbacks = importlib.import_module(f"{_name}.callbacks")
    Callback, Checkpoint = _callbacks.Callback, _callbacks.Checkpoint

FILE = "sweep.ckpt"
"""Lightning's checkpoint of a trial, in its folder."""
PROGRESS = "sweep_progress"
"""The key of the checkpoint that holds the counters of Lightning's loops."""


class SweepCallback(Callback):
    """Reports a metric to the sweep after each epoch that has it, and keeps a checkpoint.

        sweep = SweepCallback(trial, monitor="val_loss")
        trainer = Trainer(max_epochs=20, callbacks=[sweep])
        trainer.fit(module, ckpt_path=sweep.ckpt_path, weights_only=True)
        return sweep.metrics

    trial: the trial to report to; None: the one that is running. Outside of a sweep the callback
        does nothing.
    monitor: a metric that the module logs. It is the sweep's first objective.

    A trial that the pruner gives up ends after its epoch with the status `pruned`. When the sweep
    stops, `fit` raises `Interrupted` at the next batch; when the trial is paused, after its epoch.
    (Only an objective with the attribute `pauses = True` is paused.) A trial that goes on resumes
    after the last finished epoch. A resumed trial draws the same random numbers as an uninterrupted
    one; objects with a random state of their own (a loader's generator, an iterator) start anew.
    Each trial must be one process: strategies with several devices are not supported.
    """

    def __init__(self, trial: Trial | None = None, monitor: str = "val_loss") -> None:
        self.trial = current_trial() if trial is None else trial
        self.monitor = monitor
        self.metrics: dict[str, float] = {}
        """The metrics logged up to the last epoch, by name, also those from before a resume."""
        self._over = False
        """Whether the last epoch is over."""
        self._validated = False
        self._saving = False
        self._random: dict[str, Any] | None = None
        self._progress: dict[str, Any] | None = None

    @property
    def ckpt_path(self) -> Path | None:
        """The checkpoint to resume from, which `weights_only` loads; None if there is none."""
        path = self.trial.folder / FILE
        return path if self.trial.in_sweep and path.exists() else None

    # -- state that travels in the checkpoint

    def state_dict(self) -> dict[str, Any]:
        state: dict[str, Any] = {"metrics": self.metrics, "over": self._over}
        return {**state, "random": _random_state()} if self._saving else state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.metrics, self._over = dict(state_dict["metrics"]), state_dict["over"]
        self._random = state_dict.get("random")

    def on_save_checkpoint(
        self, trainer: "Trainer", pl_module: "LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        if not self._saving:
            return
        # Lightning's loops repeat the end of an epoch, or leave one out, when their state is
        # restored (pytorch-lightning #18780, #19815). Their counters suffice to resume.
        del checkpoint["loops"]
        checkpoint[PROGRESS] = {name: each.state_dict() for name, each in _counters(trainer)}
        checkpoint[PROGRESS]["stepped"] = trainer.fit_loop.epoch_loop.on_save_checkpoint()
        # Hyperparameters may be of any type, and weights_only refuses some. The program makes the
        # module itself, so they are not needed.
        for key in [
            key for key in checkpoint if key.endswith(("hyper_parameters", "hparams_type"))
        ]:
            del checkpoint[key]

    def on_load_checkpoint(
        self, trainer: "Trainer", pl_module: "LightningModule", checkpoint: dict[str, Any]
    ) -> None:
        self._progress = checkpoint.get(PROGRESS)

    # -- Lightning's hooks

    def setup(self, trainer: "Trainer", pl_module: "LightningModule", stage: str) -> None:
        if stage == "fit" and self.trial.in_sweep:
            callbacks: list[Callback] = trainer.callbacks  # type: ignore[attr-defined]
            if not any(isinstance(callback, _EpochEnd) for callback in callbacks):
                callbacks.append(_EpochEnd(self))

    def on_fit_start(self, trainer: "Trainer", pl_module: "LightningModule") -> None:
        if not self.trial.in_sweep:
            return
        if self._progress is not None:
            for name, counter in _counters(trainer):
                counter.load_state_dict(self._progress[name])
            trainer.fit_loop.epoch_loop.on_load_checkpoint(self._progress["stepped"])
            # The checkpoint was saved when the next epoch was ready to start.
            epochs: Any = trainer.fit_loop.epoch_progress
            epochs.current.ready, epochs.total.ready = epochs.current.started, epochs.total.started
        pruned = self.trial.should_stop() and self.trial.decision is Decision.PRUNE
        if self._over or pruned:
            trainer.should_stop = True

    def on_train_epoch_start(self, trainer: "Trainer", pl_module: "LightningModule") -> None:
        # The checkpoint is saved at an epoch's start: at an epoch's end the schedulers have not
        # made their step yet.
        self._validated = False
        if self._random is not None:  # restored at the point where it was saved
            _set_random_state(self._random)
            self._random = None
        elif self.trial.in_sweep and trainer.current_epoch:
            self._save(trainer)
        self._stop_if_told()

    def on_train_batch_end(self, trainer: "Trainer", pl_module: "LightningModule", *_: Any) -> None:
        self._stop_if_told()

    def on_validation_end(self, trainer: "Trainer", pl_module: "LightningModule") -> None:
        self._validated = not trainer.sanity_checking

    def on_train_end(self, trainer: "Trainer", pl_module: "LightningModule") -> None:
        if self.trial.in_sweep:
            self._over = True
            self._save(trainer)
            self._stop_if_told()

    def epoch_ended(self, trainer: "Trainer") -> None:
        """Report the monitored metric, and stop the training if the trial is pruned.

        Raises InputError if the module does not log the metric.
        """
        logged = {key: float(value) for key, value in trainer.callback_metrics.items()}
        self.metrics = logged
        if not self._validated and trainer.val_dataloaders is not None:
            return
        if self.monitor not in logged:
            raise InputError(
                f"SweepCallback's monitor must be a metric that the module logs, got "
                f"{self.monitor}; it logs {', '.join(sorted(logged)) or 'none'}"
            )
        step = trainer.current_epoch + 1
        last = trainer.should_stop or step == trainer.max_epochs
        last = last or trainer.global_step == trainer.max_steps
        if self.trial.report(step, logged[self.monitor], last=last) is Decision.PRUNE:
            trainer.should_stop = True

    def _stop_if_told(self) -> None:
        """Raise Interrupted if the sweep stops or pauses the trial."""
        if self.trial.in_sweep and self.trial.decision in (Decision.STOP, Decision.PAUSE):
            if self._over:
                self.trial.decision_read = (
                    Decision.CONTINUE
                )  # the training is complete: its result counts
                return
            raise Interrupted("the sweep stops or pauses the trial, which goes on later")

    def _save(self, trainer: "Trainer") -> None:
        path = self.trial.folder / FILE
        draft = path.with_suffix(".draft")
        self._saving = True
        try:
            trainer.save_checkpoint(draft)
        finally:
            self._saving = False
        put(draft, path)


class _EpochEnd(Checkpoint):
    """Calls a SweepCallback at an epoch's end after all other callbacks.

    Lightning calls checkpoint callbacks last, after the module's own hook and early stopping.
    """

    def __init__(self, owner: SweepCallback) -> None:
        self._owner = owner

    def on_train_epoch_end(self, trainer: "Trainer", pl_module: "LightningModule") -> None:
        self._owner.epoch_ended(trainer)


def _counters(trainer: "Trainer") -> list[tuple[str, Any]]:
    """The counters of epochs, batches and steps in Lightning's loops, by name."""
    fit, epoch = trainer.fit_loop, trainer.fit_loop.epoch_loop
    return [
        ("epochs", fit.epoch_progress),
        ("batches", epoch.batch_progress),
        ("schedulers", epoch.scheduler_progress),
        ("steps", epoch.automatic_optimization.optim_progress),
        ("manual_steps", epoch.manual_optimization.optim_step_progress),
    ]


def _random_state() -> dict[str, Any]:
    """The states of all random generators, in types that `weights_only` loads."""
    version, numbers, gauss = random.getstate()
    name, keys, *rest = np.random.get_state(legacy=True)
    return {
        "python": [version, list(numbers), gauss],
        "numpy": [name, torch.tensor(np.asarray(keys, np.int64)), *rest],
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def _set_random_state(state: dict[str, Any]) -> None:
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(state["torch"].cpu())
    if torch.cuda.is_available() and len(state["cuda"]) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all([each.cpu() for each in state["cuda"]])
