"""The seam between a training and whoever looks on: a progress bar, a sweep's driver."""

from dataclasses import dataclass
from pathlib import Path

from musicgen.sweep.trial import Decision
from musicgen.training.result import Epoch


@dataclass(frozen=True)
class Start:
    """What is known once everything is set up, before the first step."""

    folder: Path
    parameters: int
    device: str
    precision: str
    seed: int
    corpus: str
    train_chars: int
    epoch: int
    """Epochs done before, 0 unless resumed."""
    max_epochs: int


class Watcher:
    """Told what happens, asked whether to go on. This one is silent and never stops."""

    def started(self, start: Start) -> None:
        """Before the first step."""

    def step(self, epoch: int, step: int, steps: int) -> None:
        """After each step: the epoch, from 1, and its steps done, of `steps`."""

    def epoch(self, row: Epoch) -> Decision:
        """After each epoch, its figures recorded."""
        return Decision.CONTINUE

    def last_epoch(self, row: Epoch) -> Decision:
        """After an epoch that is the training's last, in place of `epoch`; PRUNE means nothing."""
        return self.epoch(row)

    def should_stop(self) -> bool:
        """Asked after each step; True ends the training there, resumable."""
        return False
