"""Note values: how a length is written."""

from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

MAX_PIECES = 4
"""A length that would take more tied notes than this is drawn shorter."""


class Value(NamedTuple):
    """A note head with its stem, flags and dots."""

    dur: str
    """Duration as in MEI: `breve`, `1`, `2`, `4`, ... `256`."""
    dots: int

    @property
    def flagged(self) -> bool:
        """Whether it is an eighth or shorter, which a beam can join."""
        return self.dur not in ("breve", "1", "2", "4")


def _values() -> dict[Fraction, Value]:
    plain = {Fraction(2): "breve"} | {Fraction(1, 2**n): str(2**n) for n in range(9)}
    dotted = (
        (length * factor, Value(dur, dots))
        for length, dur in plain.items()
        for dots, factor in enumerate((Fraction(1), Fraction(3, 2), Fraction(7, 4)))
        if length >= Fraction(1, 256) * 2**dots
    )
    return dict(sorted(dotted, reverse=True))


_VALUES = _values()
"""From the longest to the shortest."""
_SHORTEST = min(_VALUES)


@lru_cache(maxsize=4096)
def values(length: Fraction) -> tuple[Value, ...]:
    """The tied notes that write a length in whole notes: one for most, two for 5/8.

    A length that no notes can write (a third of a whole note outside of a tuplet) is drawn as the
    nearest value.
    """
    if length in _VALUES:
        return (_VALUES[length],)
    if length.denominator & (length.denominator - 1) or length < _SHORTEST:
        nearest = min(_VALUES, key=lambda candidate: abs(candidate - length))
        return (_VALUES[nearest],)
    pieces: list[Value] = []
    for candidate, value in _VALUES.items():
        while candidate <= length and len(pieces) < MAX_PIECES:
            pieces.append(value)
            length -= candidate
    return tuple(pieces)
