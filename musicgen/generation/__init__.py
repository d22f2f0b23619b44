"""From a network to tunes: drawn as asked for, as files, and measured beside real ones.

header.py, headed.py    fields of the header that must have a given value
draw.py                 tunes in batches
files.py                a tune as ABC, MIDI, score and sound
real.py                 the tunes of the network's own corpus, to measure against
"""

from musicgen.generation.draw import Drawn, Options, draw
from musicgen.generation.files import FORMATS, Files, files
from musicgen.generation.real import RealTunes

__all__ = ["FORMATS", "Drawn", "Files", "Options", "RealTunes", "draw", "files"]
