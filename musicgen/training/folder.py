"""A run's folder: what lies where, and who may write in it."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from musicgen.errors import InputError, Remedy
from musicgen.system.files import write_text
from musicgen.system.lock import Held, held, hold
from musicgen.system.paths import in_name, make_writable

_SAMPLE = re.compile(r"T([0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)\.abc")


def sample_path(folder: Path, temperature: float) -> Path:
    """The file of the tune that a training writes at a temperature, in RunFolder.samples."""
    return folder / f"T{in_name(temperature)}.abc"


class RunFolder:
    """Names of the files in a run folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.config = path / "config.yaml"
        self.lock = path / ".lock"
        self.command = path / "command.json"
        self.result = path / "result.json"
        self.metrics = path / "metrics.csv"
        self.checkpoints = path / "checkpoints"
        self.best = self.checkpoints / "best.safetensors"
        self.last = self.checkpoints / "last.safetensors"
        self.model = self.checkpoints / "model.json"
        self.init = path / "init"
        self.samples = path / "samples"
        self.tunes = path / "tunes"

    @property
    def used(self) -> bool:
        """Whether a run has begun here."""
        return self.config.is_file()

    def sampled(self) -> dict[float, Path]:
        """The tunes that the training wrote, by temperature, lowest first."""
        found = ((_SAMPLE.fullmatch(path.name), path) for path in self.samples.glob("T*.abc"))
        return dict(sorted((float(name[1]), path) for name, path in found if name))

    def keep_command(self, words: Sequence[str]) -> None:
        """Write the words of the command that started the run, without passwords."""
        write_text(self.command, json.dumps(list(words)) + "\n")

    def started_by(self) -> tuple[str, ...]:
        """What `keep_command` wrote; nothing for a sweep's run, and for older ones."""
        try:
            words = json.loads(self.command.read_text())
        except (OSError, ValueError):
            return ()
        return tuple(map(str, words)) if isinstance(words, list) else ()

    @property
    def running(self) -> bool:
        """Whether a process trains here."""
        return held(self.lock)

    @contextmanager
    def locked(self, patience_s: float = 0.0) -> Iterator[None]:
        """Hold the folder for this process; a process's death, by SIGKILL too, lets go of it.

        Raises InputError naming the process that holds it already, and still after `patience_s`.
        """
        try:
            make_writable(self.path)
        except OSError as error:
            raise InputError(
                f"the run's folder must be one that can be written, got {self.path} "
                f"({error.strerror})",
                Remedy.OTHER_RUN_FOLDER,
            ) from None
        try:
            lock = hold(self.lock, patience_s)
        except Held as holder:
            raise InputError(
                f"{self.path} is in use by {holder}", Remedy.WAIT_OR_OTHER_RUN_FOLDER
            ) from None
        with lock:
            yield
