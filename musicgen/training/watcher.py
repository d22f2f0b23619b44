"""The interface between a training and its observer: a progress bar, or a sweep's driver."""

from dataclasses import dataclass
from pathlib import Path

from musicgen.sweep.trial import Decision
from musicgen.training.result import Epoch


@dataclass(frozen=True)
class Start:
    """Facts known once everything is set up, before the first step."""

    folder: Path
    parameters: int
    device: str
    precision: str
    seed: int
    corpus: str
    train_chars: int
    epoch: int
    """Epochs done before; 0 unless resumed."""
    max_epochs: int


class Watcher:
    """Receives a training's events and is asked whether to go on. This one is silent and never
    stops."""

    def started(self, start: Start) -> None:
        """Called before the first step."""

    def step(self, epoch: int, step: int, steps: int) -> None:
        """Called after each step: the epoch, from 1, and how many of its `steps` are done."""

    def epoch(self, row: Epoch) -> Decision:
        """Called after each epoch, once its figures are recorded."""
        return Decision.CONTINUE

    def last_epoch(self, row: Epoch) -> Decision:
        """Called after the training's last epoch, in place of `epoch`; PRUNE has no effect."""
        return self.epoch(row)

    def should_stop(self) -> bool:
        """Asked after each step; True ends the training there, resumable."""
        return False
