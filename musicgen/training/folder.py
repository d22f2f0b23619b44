"""A run's folder: what lies where, and who may write in it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from musicgen.errors import InputError
from musicgen.system.lock import Held, hold
from musicgen.system.paths import make_folder


class RunFolder:
    """Names of the files in a run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.result = path / "result.json"
        self.metrics = path / "metrics.csv"
        self.checkpoints = path / "checkpoints"
        self.best = self.checkpoints / "best.safetensors"
        self.last = self.checkpoints / "last.safetensors"
        self.model = self.checkpoints / "model.json"
        self.samples = path / "samples"

    @property
    def used(self) -> bool:
        """Whether a run has begun here."""
        return self.config.exists()

    @contextmanager
    def locked(self, patience_s: float = 0.0) -> Iterator[None]:
        """Hold the folder for this process; a process's death, by SIGKILL too, lets go of it.

        Raises InputError naming the process that holds it already, and still after `patience_s`.
        """
        make_folder(self.path, "hydra.run.dir")
        with self._lock(patience_s):
            yield

    def _lock(self, patience_s: float) -> IO[str]:
        until = time.monotonic() + patience_s
        while True:
            try:
                return hold(self.path / ".lock")
            except Held as holder:
                if time.monotonic() >= until:
                    raise InputError(
                        f"{self.path} is in use by {holder}; wait for it or choose another folder "
                        "with hydra.run.dir=<folder>"
                    ) from None
            time.sleep(0.1)
