"""Chord symbols: the notes of `"Am7/G"`."""

import re
from functools import lru_cache
from typing import NamedTuple

from musicgen.music.key import LETTERS, SEMITONES

_KINDS: dict[str, tuple[int, ...]] = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "7": (0, 4, 7, 10),
    "m7": (0, 3, 7, 10),
    "maj7": (0, 4, 7, 11),
    "mmaj7": (0, 3, 7, 11),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "69": (0, 4, 7, 9, 14),
    "aug": (0, 4, 8),
    "aug7": (0, 4, 8, 10),
    "dim": (0, 3, 6),
    "dim7": (0, 3, 6, 9),
    "m7b5": (0, 3, 6, 10),
    "9": (0, 4, 7, 10, 14),
    "m9": (0, 3, 7, 10, 14),
    "maj9": (0, 4, 7, 11, 14),
    "11": (0, 4, 7, 10, 14, 17),
    "m11": (0, 3, 7, 10, 14, 17),
    "13": (0, 4, 7, 10, 14, 21),
    "add9": (0, 4, 7, 14),
    "madd9": (0, 3, 7, 14),
    "dim9": (0, 3, 6, 9, 13),
    "sus4": (0, 5, 7),
    "sus9": (0, 2, 7),
    "7sus4": (0, 5, 7, 10),
    "7sus9": (0, 2, 7, 10),
    "5": (0, 7),
    "note": (0,),
}
"""Semitones above the root by kind, as abc2midi plays them where it knows the kind. `note` is what
a single small letter means: the bass note, and no chord."""
_SAME = {
    "maj": "",
    "M": "",
    "min": "m",
    "-": "m",
    "mi": "m",
    "min7": "m7",
    "-7": "m7",
    "mi7": "m7",
    "M7": "maj7",
    "ma7": "maj7",
    "j7": "maj7",
    "Δ": "maj7",
    "Δ7": "maj7",
    "dom7": "7",
    "mM7": "mmaj7",
    "min6": "m6",
    "maj6": "6",
    "6/9": "69",
    "+": "aug",
    "+7": "aug7",
    "°": "dim",
    "o": "dim",
    "°7": "dim7",
    "o7": "dim7",
    "ø": "m7b5",
    "ø7": "m7b5",
    "m7-5": "m7b5",
    "min7b5": "m7b5",
    "min9": "m9",
    "M9": "maj9",
    "add2": "add9",
    "2": "sus9",
    "sus": "sus4",
    "sus2": "sus9",
    "7sus": "7sus4",
    "7sus2": "7sus9",
}
"""Other spellings of the same kinds."""

_NONE = re.compile(r"(?:n\.? ?c\.?|no chord|tacet)$", re.IGNORECASE)
_CHORD = re.compile(
    r"\(?([A-Ga-g])\\?([#b♯♭]?)([^/\s()]*(?:/9)?)(?:/([A-Ga-g])([#b♯♭]?))?\)?(?=$|[\s;,(|)])"
)
_SIGNS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_FOLDED = str.maketrans("♯♭", "#b")


class Chord(NamedTuple):
    """A parsed chord symbol."""

    step: int
    """Letter of the root, C is 0."""
    alter: int
    """Semitones of its sign."""
    kind: str
    """One of the kinds above; an unknown kind counts as major, as abc2midi plays it."""
    known: bool
    """Whether the kind is known."""
    written: str = ""
    """The kind as the text has it: `min7`."""
    bass: tuple[int, int] | None = None
    """Letter and sign after the slash."""

    @property
    def root(self) -> int:
        """Semitones above C, from -1 (Cb) to 12."""
        return SEMITONES[self.step] + self.alter

    @property
    def intervals(self) -> tuple[int, ...]:
        """Semitones above the root."""
        return _KINDS[self.kind]

    @property
    def lowest(self) -> int:
        """Semitones of the bass note above C."""
        return self.root if self.bass is None else SEMITONES[self.bass[0]] + self.bass[1]


NO_CHORD = Chord(0, 0, "5", False)
"""`"N.C."`: the accompaniment is silent."""


@lru_cache(maxsize=4096)
def chord(symbol: str) -> Chord | None:
    """The chord that a symbol names, without quotation marks: the first of several.

    None for a text that is no chord: `"Fine"` also begins with a letter of a note.
    """
    text = symbol.strip()[:60]
    if _NONE.match(text):
        return NO_CHORD
    match = _CHORD.match(text)
    if match is None:
        return None
    letter, sign, written, bass, bass_sign = match.groups()
    kind = written.translate(_FOLDED).rstrip(".?!*")
    kind = "note" if letter.islower() and not kind else _SAME.get(kind, kind)
    known = kind in _KINDS
    if not known and not _plausible(kind):
        return None
    below = None if bass is None else (LETTERS.index(bass.upper()), _SIGNS[bass_sign])
    return Chord(
        LETTERS.index(letter.upper()), _SIGNS[sign], kind if known else "", known, written, below
    )


_WORDS = re.compile(r"maj|min|dim|aug|sus|add|alt|omit|no|m|M|b|#|[-+()0-9^]")


def _plausible(kind: str) -> bool:
    """Whether an unknown kind consists of the parts of known kinds: `7b9#11`, not `ine`."""
    return not _WORDS.sub("", kind)
