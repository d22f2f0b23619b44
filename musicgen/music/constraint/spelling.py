"""What can be spelled with the characters of a vocabulary: lengths, keys, meters, chord symbols.

`Words` is a finite language that can be followed character by character.
"""

from collections.abc import Iterable
from fractions import Fraction
from functools import cache, lru_cache
from itertools import product

from musicgen.music.key import parse_key

GRAIN = 8
"""Grains of a unit note length: the finest length is `/8`."""

TUPLETS = {"2": 3, "3": 2, "4": 3, "6": 2, "8": 3}
"""(p to q: p notes in the time of q (ABC 2.1, section 4.13), where q is the same in all meters."""


HORNPIPE_METERS = frozenset({"2/4", "4/4", "C"})
"""Players refuse a hornpipe in any other meter."""


class Words:
    """A finite set of words and their beginnings."""

    def __init__(self, words: Iterable[str]) -> None:
        self.words = frozenset(words)
        self._ends: dict[str, str] = {}
        for word in sorted(self.words, key=lambda word: (len(word), word)):
            for cut in range(len(word), -1, -1):
                self._ends.setdefault(word[:cut], word[cut:])

    def __contains__(self, word: str) -> bool:
        return word in self.words

    def begin(self, part: str) -> bool:
        """Whether a word begins with this (or is this)."""
        return part in self._ends

    def end(self, part: str) -> str:
        """The shortest completion of this beginning to a word; empty if it is one."""
        return self._ends[part]

    def __bool__(self) -> bool:
        return bool(self.words)


class Spelling:
    """The words that an alphabet can write."""

    def __init__(self, alphabet: Iterable[str]) -> None:
        self.alphabet = frozenset(alphabet)
        self.lengths = {word: length for word, length in _lengths().items() if self._writes(word)}
        self.values = {letter: self._words(_VALUES[letter]()) for letter in "MLKQ"}
        self.chord_symbols = self._words(_chord_symbols())
        self.decorations = self._words(f"{name}!" for name in DECORATIONS)
        self.note = next((letter for letter in "CDEFGABcdefgab" if letter in self.alphabet), "")
        self.fitting = lru_cache(maxsize=None)(self._fitting)

    def _fitting(self, room: int, exact: int = 0) -> Words:
        """Lengths of at most `room` grains; of `exact` grains if that is not 0."""
        if exact:
            return Words(word for word, length in self.lengths.items() if length == exact <= room)
        return Words(word for word, length in self.lengths.items() if length <= room)

    def longest(self, room: int) -> str:
        """The longest length that fits, in its shortest spelling; for `room` above 0."""
        best = max(length for length in self.lengths.values() if length <= room)
        return min((word for word, length in self.lengths.items() if length == best), key=len)

    def _words(self, words: Iterable[str]) -> Words:
        return Words(word for word in words if self._writes(word))

    def _writes(self, word: str) -> bool:
        return self.alphabet.issuperset(word)


def meter_length(value: str) -> Fraction | None:
    """Length of a bar in whole notes; None for free meter."""
    if value == "none":
        return None
    return Fraction({"C": "4/4", "C|": "2/2"}.get(value, value))


@cache
def _lengths() -> dict[str, int]:
    """Lengths as they are written, in grains. Players know powers of two only below the line."""
    lengths = {"": 8, "/": 4, "/2": 4, "//": 2, "/4": 2, "/8": 1, "3/8": 3}
    lengths |= {str(n): 8 * n for n in (*range(2, 17), 24, 32)}
    lengths |= {f"{n}/{two}": 4 * n for n in range(3, 16, 2) for two in ("", "2")}
    return lengths | {f"{n}/4": 2 * n for n in range(3, 16, 2)}


def _meters() -> Iterable[str]:
    # At most two whole notes: longer ones never fit a bar.
    pairs = product(range(1, 17), (2, 4, 8, 16))
    return ["C", "C|", "none", *(f"{n}/{d}" for n, d in pairs if n <= 2 * d)]


def _units() -> Iterable[str]:
    return [f"1/{n}" for n in (2, 4, 8, 16, 32)]


def _tempos() -> Iterable[str]:
    beats = ["", *(f"{beat}=" for beat in ("1/2", "1/4", "3/4", "1/8", "3/8", "1/16"))]
    return [f"{beat}{rate}" for beat in beats for rate in range(20, 400)]


def _keys() -> Iterable[str]:
    """Keys with at most seven sharps or flats."""
    modes = ["", "m", "min", "maj", "dor", "mix", "phr", "lyd", "loc", "aeo", "ion"]
    modes += ["minor", "major", "dorian", "mixolydian", "phrygian", "lydian"]
    modes += [f"{space}{mode.capitalize()}" for mode in modes[2:] for space in ("", " ")]
    modes += [f" {mode}" for mode in modes[1:17]]
    names = ("".join(name) for name in product("CDEFGAB", ("", "#", "b"), modes))
    return ["none", "HP", "Hp", *(name for name in names if abs(parse_key(name)[0].sharps) <= 7)]


@cache
def _chord_symbols() -> frozenset[str]:
    roots = ["".join(root) for root in product("ABCDEFG", ("", "#", "b"))]
    kinds = ["", "m", "7", "m7", "maj7", "6", "m6", "dim", "aug", "+", "sus4", "9", "m9"]
    basses = ["", *(f"/{root}" for root in roots)]
    return frozenset("".join(parts) for parts in product(roots, kinds, basses))


_VALUES = {"M": _meters, "L": _units, "K": _keys, "Q": _tempos}

DECORATIONS = (
    *("f", "ff", "mf", "p", "pp", "mp", "sf", "sfz", "accent", "fermata", "breath", "tenuto"),
    *("D.C.", "D.S.", "segno", "Segno", "coda", "Coda", "fine"),
)
"""Names between exclamation marks. Without `trill` and `roll`: those ornament single notes only."""
