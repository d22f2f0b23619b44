"""Completed runs by configuration, so that sweeps which share a configuration train it once."""

import os
import shutil
from pathlib import Path

from musicgen.config import record
from musicgen.config.keys import Config
from musicgen.errors import InputError
from musicgen.music.measures import measures
from musicgen.sweep.worker import OUTPUT
from musicgen.system.files import replacing
from musicgen.training import device
from musicgen.training.folder import RunFolder
from musicgen.training.result import Result, versions


class RunCache:
    """A folder of links to the folders of completed runs, named by `config.digest`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, run: Path, result: Result) -> None:
        """Remember a run if it is completed."""
        if result.status != "completed":
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        link = self._folder / f".{result.config_digest}.{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(run.absolute())
        link.replace(self._folder / result.config_digest)

    def copy(self, config: Config, corpus: str, to: Path) -> bool:
        """Copy a run that this machine would repeat exactly; False if there is none.

        It must have this configuration, corpus and software, all measures that are known here, and
        be of this kind of device and precision.

        corpus: its digest; the file under the configured name may have changed.

        The copy is the folder of a completed run, which `fit` returns as it is.
        """
        digest = record.digest(config)
        source = self._folder / digest
        try:
            result = Result.read(RunFolder(source).result)
            kept = record.load(RunFolder(source).config)
        except InputError:
            return False
        # A link may be outdated: its folder may have been removed and used again.
        if result.status != "completed" or {result.config_digest, record.digest(kept)} != {digest}:
            return False
        place, precision = device.choose(config.trainer)
        theirs = result.versions, result.corpus.get("digest"), result.device, result.precision
        ours = versions(), corpus, device.name(place), precision
        wanted = measures().keys() if config.samples.measure else set[str]()
        if not wanted <= result.measures.keys():  # it was trained without the plugin that has one
            return False
        if theirs != ours or source.resolve() == to.resolve():
            return False
        # The result is copied last. A copy that was cut short, or of a folder that somebody
        # removes meanwhile, counts as none: it leaves a checkpoint at most, which `fit` may use.
        there = RunFolder(source)
        left_out = (there.lock.name, there.result.name, there.last.name)
        besides = shutil.ignore_patterns(OUTPUT, *left_out)
        try:
            shutil.copytree(source, to, ignore=besides, dirs_exist_ok=True)
            if there.last.exists():
                with replacing(RunFolder(to).last) as file:
                    file.write(there.last.read_bytes())
        except (OSError, shutil.Error):
            return False
        result.write(RunFolder(to).result)
        return True
