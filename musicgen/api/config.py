"""The configuration of a training, as the command line composes it."""

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
        """The configuration that `python -m musicgen.train <overrides>` trains.

        overrides: as on the command line, such as "model.hidden=64", "optim=adagrad". Keys of a
            whole sweep (`sweep.workers`) are allowed and have no effect.
        Raises InputError for an unknown key, or a value or combination that is not allowed.
        """
        from musicgen.cli import python_call  # Hydra takes a moment to import
        from musicgen.workflows.initial import begun, find, given_keys

        made = python_call.one("train", keys.TrainConfig, overrides)
        if (init := made.asked.init) is None:
            return cls._of(made.asked)
        return cls._of(begun(made.asked, find(init), given_keys(made.overrides)))

    @classmethod
    def load(cls, path: str | Path) -> Config:
        """The configuration in a run's config.yaml. Raises InputError if it can't be read."""
        return cls._of(record.load(Path(path)))

    @property
    def yaml(self) -> str:
        """The text of a run's config.yaml."""
        return record.dump(self)

    @property
    def digest(self) -> str:
        """16 hex digits that are equal for two configurations exactly if they train the same
        network in the same way."""
        return record.digest(self)

    @classmethod
    def _of(cls, config: keys.Config) -> Config:
        return cls(**{field.name: getattr(config, field.name) for field in fields(keys.Config)})
