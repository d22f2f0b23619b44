"""A configuration, as the command line composes it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from musicgen.config import keys, record


@dataclass
class Config(keys.Config):
    """The configuration of one training: `config.model.hidden`, `config.optim.lr`.

    Its keys, with types, units and bounds, are those that `python -m musicgen.train --help` lists.
    """

    @classmethod
    def compose(cls, *overrides: str) -> Config:
        """What `python -m musicgen.train <overrides>` trains.

        overrides: as the command line has them, such as "model.hidden=64", "optim=adagrad".
        Keys of the sweep as a whole (`sweep.workers`) may be among them and change nothing here.
        Raises InputError for a key, a value or a combination that there can't be.
        """
        from musicgen.cli import composing  # Hydra takes a moment to import

        return cls._of(composing.one("train", keys.TrainConfig, overrides).asked)

    @classmethod
    def load(cls, path: str | Path) -> Config:
        """What a run's config.yaml says. Raises InputError if it can't be read."""
        return cls._of(record.load(Path(path)))

    @property
    def yaml(self) -> str:
        """The text of a run's config.yaml."""
        return record.dump(self)

    @property
    def digest(self) -> str:
        """16 hex digits that two configurations share exactly if they train the same."""
        return record.digest(self)

    @classmethod
    def _of(cls, config: keys.Config) -> Config:
        return cls(**{field.name: getattr(config, field.name) for field in fields(keys.Config)})
