"""A run's folder: what lies where, and who may write in it."""

import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from musicgen.errors import InputError
from musicgen.paths import make_folder


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
        until = time.monotonic() + patience_s
        with (self.path / ".lock").open("a+") as lock:
            while not _locked(lock):
                if time.monotonic() >= until:
                    lock.seek(0)
                    raise InputError(
                        f"{self.path} is in use by {_holder(lock.read())}; "
                        "wait for it or choose another folder with hydra.run.dir=<folder>"
                    )
                time.sleep(0.1)
            lock.truncate(0)
            lock.write(json.dumps({"pid": os.getpid(), "host": socket.gethostname()}))
            lock.flush()
            yield


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise InputError(
            f"a run's folder must be on a file system that knows locks (flock), {lock.name} is "
            f"not: {error.strerror}; choose another with hydra.run.dir=<folder>, or have it "
            "mounted with them (Lustre: -o flock)"
        ) from None
    return True


def _holder(text: str) -> str:
    try:
        holder = json.loads(text)
        return f"process {holder['pid']} on {holder['host']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
