"""From a network to tunes: drawn, written to files, and measured beside real tunes.

header.py, headed.py    header fields that must have a given value
prime.py                the text that every tune begins with
draw.py                 tunes in batches
real.py                 the tunes of the network's own corpus, to measure against
"""

from musicgen.generation.draw import Drawn, Options, draw
from musicgen.generation.real import RealTunes

__all__ = ["Drawn", "Options", "RealTunes", "draw"]
