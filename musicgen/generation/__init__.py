"""From a network to tunes: drawn as asked for, as files, and measured beside real ones.

header.py, headed.py    fields of the header that must have a given value
prime.py                the text that every tune begins with
draw.py                 tunes in batches
real.py                 the tunes of the network's own corpus, to measure against
"""

from musicgen.generation.draw import Drawn, Options, draw
from musicgen.generation.real import RealTunes

__all__ = ["Drawn", "Options", "RealTunes", "draw"]
