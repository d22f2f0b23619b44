"""Keys: which notes are sharp or flat unless the text says otherwise."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from musicgen.music.clef import Clef

LETTERS = "CDEFGAB"
SEMITONES = (0, 2, 4, 5, 7, 9, 11)
"""Semitones above C, by letter."""
ALTERATIONS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}

_FIFTHS = dict(zip("FCGDAEB", range(-1, 6), strict=True))
"""Sharps of the major key on each letter."""
_MODES = {"maj": 0, "ion": 0, "lyd": 1, "mix": -1, "dor": -2, "min": -3, "aeo": -3, "phr": -4}
_MODES["loc"] = -5
_TREBLE = Clef()

_UNICODE = str.maketrans({"♯": "#", "♭": "b", "♮": "="})
_TONIC = re.compile(r"([A-G])(?:([#b])|[- ]?(?i:(sharp|flat))(?![A-Za-z]{2}))?|(?i:(none|hp)\b)")
_MODE = re.compile(r"([-_ ]*)([A-Za-z]*)")
_ACCIDENTAL = re.compile(r"(\^\^?|__?|=)((?:[0-9]*/[0-9]*)?)([A-Ga-g])")
_ACCIDENTALS = re.compile(rf"(?:{_ACCIDENTAL.pattern})+")
_FLATTENED = re.compile(rf"(?=_){_ACCIDENTALS.pattern}(?![A-Za-z])")
_OPTION = re.compile(
    r"[a-z]+=.*|(?i:(?:treble|alto|tenor|bass|perc|soprano|mezzo|baritone|subbass)[a-z]*[1-5]?)"
    r"(?:[+\-^_](?:8|15))?|exp"
)
"""What may follow a key: clefs and their parameters (`clef.py` reads them), and `exp`."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key signature, and the transposition from the page to the sound."""

    tonic: str = "C"
    """A letter with `#` or `b`; empty for `K:none` and the pipes' `K:HP`."""
    mode: str = "maj"
    """maj, ion, lyd, mix, dor, min, aeo, phr or loc."""
    sharps: int = 0
    """Sharps of the signature, without explicit accidentals; below zero: flats."""
    accidentals: tuple[tuple[str, int], ...] = ()
    """Explicit accidentals, as (letter from C to B, semitones)."""
    transpose: int = 0
    """Semitones from the written to the sounding pitch, by the clef; see `clef.Clef`."""
    printed: bool = True
    """False for the pipes' `K:HP`: pipers know which notes are sharp, and no signature is printed.
    """

    @property
    def signature(self) -> tuple[int, ...]:
        """Semitones by letter, from C to B."""
        # The n-th letter in the order of sharps has as many sharps as sevens fit into the rest.
        signed = {letter: (self.sharps + 6 - n) // 7 for n, letter in enumerate("FCGDAEB")}
        signed |= dict(self.accidentals)
        return tuple(signed[letter] for letter in LETTERS)

    def moved(self, semitones: int) -> "Key":
        """The same key, sounding higher."""
        return replace(self, transpose=self.transpose + semitones)


@lru_cache(maxsize=1024)
def parse_key(value: str, before: Key | None = None, clef: Clef = _TREBLE) -> tuple[Key, str]:
    """The key that the value of a `K:` field names, and a complaint, empty where there is none.

    before: the key in force. It stays where the field names none (`K: clef=bass`) or one that is
    not understood; an empty field removes every signature. clef: clef and transposition so far.
    """
    moved, complaint = clef.changed(value)
    key = before or Key()
    text = value.strip().translate(_UNICODE)
    tonic, mode, sharps, explicit, printed = key.tonic, key.mode, key.sharps, key.accidentals, True
    rest = text
    if match := _TONIC.match(text):
        letter, sign, word, other = match.groups()
        named = _MODE.match(text, match.end())
        assert named is not None
        # `D_b` has an accidental after its tonic, `D_dor` a mode.
        apart, name = ("", "") if _FLATTENED.match(text, match.end()) else named.groups()
        known = "min" if name in ("m", "M") else name[:3].lower()
        if other:
            tonic, mode, explicit, rest = "", "maj", (), text[match.end() :]
            sharps, printed = 2 * (other.lower() == "hp"), other != "HP"
        elif name and known not in _MODES and not (apart and _OPTION.match(text, named.start(2))):
            complaint = f"unknown mode {name[:20]!r}"
            if not apart:  # `Foo` is not F major
                return replace(key, transpose=moved.transpose), complaint
            known, rest = "maj", text[named.end() :]
        elif known in _MODES:
            rest = text[named.end() :]
        else:
            known, rest = "maj", text[match.end() :]
        if not other:
            sign = sign or {"sharp": "#", "flat": "b"}.get((word or "").lower(), "")
            tonic, mode, explicit = letter + sign, known, ()
            sharps = _FIFTHS[letter] + 7 * (sign == "#") - 7 * (sign == "b") + _MODES[mode]
    elif not text:
        tonic, mode, sharps, explicit = "", "maj", 0, ()
    elif not (_ACCIDENTALS.match(text) or _OPTION.match(text)):
        return replace(key, transpose=moved.transpose), f"unknown key {text[:20]!r}"
    written: dict[str, int] = {}
    for word in rest.split():
        if word == "exp":
            sharps = 0
        elif _ACCIDENTALS.fullmatch(word):
            for sign, part, letter in _ACCIDENTAL.findall(word):
                written[letter.upper()], cents = alteration(sign + part)
                if cents:
                    complaint = f"no semitone: {sign}{part}{letter}; rounded to one"
        elif not (complaint or _OPTION.match(word) or word.startswith('"')):
            complaint = f"not understood in a key: {word[:20]!r}"
    explicit = tuple({**dict(explicit), **written}.items())
    return Key(tonic, mode, sharps, explicit, moved.transpose, printed), complaint


@lru_cache(maxsize=256)
def alteration(written: str) -> tuple[int, int]:
    """Semitones of an accidental, and the cents beyond them of a microtone.

    `^` is (1, 0), `_/` half a semitone down and so (0, -50), `^3/2` (1, 50).
    """
    sign = written.rstrip("0123456789/")
    if sign == written:
        return ALTERATIONS[sign], 0
    above, _, below = written[len(sign) :].partition("/")
    down = int(below[:3] or 2) if "/" in written else 1
    hundredths = ALTERATIONS[sign] * 100 * int(above[:3] or 1) // (down or 1)
    hundredths = min(max(hundredths, -200), 200)
    semitones = (abs(hundredths) + 49) // 100 * (1 if hundredths > 0 else -1)
    return semitones, hundredths - 100 * semitones


@lru_cache(maxsize=256)
def scale_of(key: Key) -> tuple[tuple[int], ...]:
    """The sounding pitch of each diatonic step without accidentals, as one-note tuples."""
    return tuple((sounding(key, step, key.signature[step % 7]),) for step in range(75))


def sounding(key: Key, step: int, alter: int) -> int:
    """MIDI pitch of a diatonic step (35 is middle C) with an alteration in semitones."""
    return min(max(step // 7 * 12 + SEMITONES[step % 7] + alter + key.transpose, 0), 127)
