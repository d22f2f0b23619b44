"""Completed runs by configuration, so that sweeps which agree on one train it once."""

import os
import shutil
from pathlib import Path

from musicgen import config as schema
from musicgen.errors import InputError
from musicgen.keys import Config
from musicgen.training import device
from musicgen.training.folder import RunFolder
from musicgen.training.result import Result, versions


class Shelf:
    """A folder of links, named by `config.digest`, to the folders of completed runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, run: Path, result: Result) -> None:
        """Remember a run; only completed ones are worth it."""
        if result.status != "completed":
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        draft = self._folder / f".{result.config_digest}.{os.getpid()}"
        draft.unlink(missing_ok=True)
        draft.symlink_to(run.absolute())
        draft.replace(self._folder / result.config_digest)

    def copy(self, config: Config, corpus: str, to: Path) -> bool:
        """Copy a run that this machine would make just so; False if there is none.

        So: of this configuration, corpus and software, on such a device, in this precision.

        corpus: its digest; a file may have changed under the name that the configuration has.

        The folder is then that of a completed run, which `fit` returns as it is.
        """
        source = self._folder / schema.digest(config)
        try:
            result = Result.read(RunFolder(source).result)
        except InputError:
            return False
        place, precision = device.choose(config.trainer)
        there = result.versions, result.corpus.get("digest"), result.device, result.precision
        here = versions(), corpus, device.name(place), precision
        if there != here or source.resolve() == to.resolve():
            return False
        # The result comes last: a copy cut short is a run to go on with.
        besides = shutil.ignore_patterns("output.log", ".lock", "result.json")
        shutil.copytree(source, to, ignore=besides, dirs_exist_ok=True)
        result.write(RunFolder(to).result)
        return True
