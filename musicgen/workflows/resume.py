"""The configuration of a resumed run."""

from collections.abc import Iterable
from pathlib import Path

from musicgen.config import record
from musicgen.config.keys import Config
from musicgen.config.overrides import flatten
from musicgen.errors import InputError
from musicgen.system.paths import display_path
from musicgen.training.folder import RunFolder


def resumed(asked: Config, overrides: Iterable[str], folder: Path) -> Config:
    """The configuration with which the run in `folder` began.

    asked: the composed configuration. overrides: the overrides from which it was composed. Raises
    InputError if an override contradicts the run's configuration.
    """
    stored = record.load(RunFolder(folder).config)
    now, before = (flatten(record.to_dict(c)) for c in (asked, stored))
    for override in overrides:
        key = override.split("=")[0].lstrip("+")
        for name in before:
            covered = key == "experiment" or f"{name}.".startswith(f"{key}.")
            if covered and now.get(name) != before[name]:
                raise InputError(
                    f"{name} must stay {before[name]} in {display_path(folder)}, got "
                    f"{now.get(name)}; leave {override} out, or start a new run without resume"
                )
    return stored
