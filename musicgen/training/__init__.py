"""Training a network: fit(config, out_dir) -> Result."""

from musicgen.training.fit import fit
from musicgen.training.result import Epoch, Result
from musicgen.training.shelf import Shelf
from musicgen.training.watcher import Decision, Start, Watcher

__all__ = ["Decision", "Epoch", "Result", "Shelf", "Start", "Watcher", "fit"]
