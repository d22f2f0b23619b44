"""A configuration, as the command line composes it."""

from dataclasses import dataclass

from musicgen.config import keys


@dataclass
class Config(keys.Config):
    """The configuration of one training."""
