"""A composed sweep: its space, and a configuration for each choice of the swept groups."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omegaconf import DictConfig

from musicgen.config.overrides import as_override, shell
from musicgen.errors import InputError
from musicgen.sweep.results import Row
from musicgen.sweep.space import Choice, Dimension

Choices = tuple[str, ...]
"""One choice for each swept group."""


@dataclass(frozen=True)
class ComposedSweep:
    """A sweep composed from the command line and an experiment's file."""

    space: Mapping[str, Dimension]
    """The dimensions by key or group, in the order of the sweep. A key with one value is included
    if only some choices of the groups have it."""
    groups: Choices
    """The keys of the space that are groups of the configuration."""
    bases: Mapping[Choices, DictConfig]
    """The composed configuration for each combination of the groups' choices."""
    fixed: tuple[str, ...]
    """The overrides with one value that all choices have, in Hydra's grammar."""
    settings: DictConfig
    """Hydra's settings of the sweep as a whole."""

    @property
    def notes(self) -> list[str]:
        """A line for each key that some choices lack."""
        return [
            f"{key} applies to {dimension.only}, and not to {', '.join(rest)}"
            for key, dimension in self.space.items()
            if (only := dimension.only) is not None
            and (rest := [v for v in choices_of(only.key, self.space) if v not in only.values])
        ]

    def best_command(self, rows: Sequence[Row], trial_command: Sequence[str]) -> str:
        """The command that runs the best configuration again; empty without rows.

        rows: the table's rows, best first. trial_command: the words of the command that runs one
        configuration, without the swept values.
        """
        if not rows:
            return ""
        values = [f"{key}={as_override(rows[0][key])}" for key in self.space if key in rows[0]]
        return shell([*trial_command, *values])


def choices_of(group: str, space: Mapping[str, Dimension]) -> Choices:
    """The choices of a swept group. Raises InputError if its values are not names."""
    dimension = space[group]
    if not isinstance(dimension, Choice) or not all(isinstance(v, str) for v in dimension.values):
        raise InputError(f"{group} is a group, so it takes names, got {dimension}; see --help")
    return tuple(dimension.values)
