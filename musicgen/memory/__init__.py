"""Side inputs of networks (`models/side.py`): facts about the tune so far, beside its characters.

They know ABC and use numpy alone.
"""

from musicgen.memory.match import Match
from musicgen.memory.melody import Melody
from musicgen.memory.place import PlaceInput

__all__ = ["Match", "Melody", "PlaceInput"]
