"""What a network is told of the tune so far, beside its characters: side inputs
(`models/side.py`) that know ABC, numpy alone."""

from musicgen.memory.match import Match
from musicgen.memory.melody import Melody
from musicgen.memory.place import PlaceInput

__all__ = ["Match", "Melody", "PlaceInput"]
