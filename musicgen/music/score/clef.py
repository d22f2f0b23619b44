"""Clefs, as `K:` and `V:` name them."""

import re
from typing import NamedTuple

from musicgen.music.tune import Tune

_CLEF = re.compile(r"(?<!\S)(?:clef=)?(treble|bass|alto|tenor)([1-5]?)([+-]8)?(?!\S)")
_CLEFS = {"treble": ("G", 2), "bass": ("F", 4), "alto": ("C", 3), "tenor": ("C", 4)}


class Clef(NamedTuple):
    """What stands at the beginning of a staff."""

    shape: str = "G"
    """G, F or C."""
    line: int = 2
    """On which it stands, from the lowest."""
    octaves: int = 0
    """By which what is written sounds higher: -1 for treble-8."""


def clef_of(tune: Tune, number: int) -> Clef:
    """Of the voice with this number."""
    name = tune.voices[number].name
    options = [f.value for f in tune.fields if f.letter == "V" and f.value.split()[:1] == [name]]
    options += [f.value for f in tune.fields if f.letter == "K" and f.start < tune.body]
    match = next((match for match in map(_CLEF.search, options) if match), None)
    if not match:
        return Clef()
    shape, line = _CLEFS[match[1]]
    octaves = {"+8": 1, "-8": -1}.get(match[3] or "", 0)
    return Clef(shape, int(match[2] or line), octaves)
