"""Keys: which notes are sharp or flat unless the text says otherwise."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

LETTERS = "CDEFGAB"
SEMITONES = (0, 2, 4, 5, 7, 9, 11)
"""Above C, by letter."""
ALTERATIONS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}

_FIFTHS = dict(zip("FCGDAEB", range(-1, 6), strict=True))
"""Sharps of the major key on each letter."""
_MODES = {"maj": 0, "ion": 0, "lyd": 1, "mix": -1, "dor": -2, "min": -3, "aeo": -3, "phr": -4}
_MODES["loc"] = -5

_NAME = re.compile(r"(?:([A-G])([#b]?)|(none|HP|Hp)\b)\s*([A-Za-z]*)")
_ACCIDENTAL = re.compile(r"(?<!\S)(\^\^?|__?|=)([A-Ga-g])(?!\S)")
_TRANSPOSE = re.compile(r"\btranspose=(-?[0-9]{1,2})\b")
_OCTAVE = re.compile(r"\boctave=(-?[0-9])\b")
_CLEF = re.compile(r"\b(?:treble|alto|tenor|bass)[1-5]?([+-]8)(?![0-9])")
_NOT_MODES = re.compile(
    r"treble|alto|tenor|bass|perc|clef|middle|octave|transpose|exp|staff|s?na?me?"
)


@dataclass(frozen=True, slots=True)
class Key:
    """A key signature, and how far the tune moves from the page when it sounds."""

    tonic: str = "C"
    """A letter with `#` or `b`; empty for `K:none` and the pipes' `K:HP`."""
    mode: str = "maj"
    """maj, ion, lyd, mix, dor, min, aeo, phr or loc."""
    sharps: int = 0
    """Sharps of the signature, explicit accidentals aside; below zero: flats."""
    accidentals: tuple[tuple[str, int], ...] = ()
    """Explicit accidentals, as (letter from C to B, semitones)."""
    transpose: int = 0
    """Semitones from the written to the sounding pitch."""

    @property
    def signature(self) -> tuple[int, ...]:
        """Semitones by letter, from C to B."""
        # The n-th letter in the order of sharps has as many sharps as sevens fit into what is left.
        signed = {letter: (self.sharps + 6 - n) // 7 for n, letter in enumerate("FCGDAEB")}
        signed |= dict(self.accidentals)
        return tuple(signed[letter] for letter in LETTERS)

    def moved(self, semitones: int) -> "Key":
        """The same key, sounding higher."""
        return replace(self, transpose=self.transpose + semitones)


@lru_cache(maxsize=1024)
def parse_key(value: str, before: Key | None = None) -> tuple[Key, str]:
    """The key that the value of a `K:` field names, and a complaint, empty where there is none.

    before: the key in force, which stays where the field names none (`K: clef=bass`).
    """
    complaint = ""
    key = before or Key()
    tonic, mode, sharps, explicit = key.tonic, key.mode, key.sharps, key.accidentals
    options = value.strip()
    if match := _NAME.match(options):
        letter, sign, other, word = match.groups()
        tonic, mode, explicit = "", "maj", ()
        if other:
            sharps = 0 if other == "none" else 2
            options = options[match.start(4) :]
        else:
            if word in ("m", "M") or word[:3].lower() in _MODES:  # capitals do not matter
                mode = "min" if len(word) == 1 else word[:3].lower()
                options = options[match.end() :]
            elif word and not _NOT_MODES.match(word.lower()):
                complaint = f"unknown mode {word[:20]!r}"
            tonic = letter + sign
            sharps = _FIFTHS[letter] + 7 * (sign == "#") - 7 * (sign == "b") + _MODES[mode]
        if re.search(r"\bexp\b", options):
            sharps = 0
    elif options and not (_ACCIDENTAL.search(options) or _NOT_MODES.match(options.lower())):
        complaint = f"unknown key {options[:20]!r}"
    written = {letter.upper(): ALTERATIONS[sign] for sign, letter in _ACCIDENTAL.findall(options)}
    explicit = tuple({**dict(explicit), **written}.items())
    transpose = key.transpose + transposition(options)
    return Key(tonic, mode, sharps, explicit, transpose), complaint


def transposition(options: str) -> int:
    """Semitones that the options of a `K:` or `V:` field ask for: `transpose=`, `octave=`, clef."""
    semitones = sum(int(n) for n in _TRANSPOSE.findall(options)[:1])
    octaves = sum(int(n) for n in _OCTAVE.findall(options)[:1])
    octaves += sum(1 if sign == "+8" else -1 for sign in _CLEF.findall(options)[:1])
    return semitones + 12 * octaves


@lru_cache(maxsize=256)
def scale_of(key: Key) -> tuple[tuple[int], ...]:
    """The sounding pitch of each diatonic step without accidentals, as one-note tuples."""
    return tuple((sounding(key, step, key.signature[step % 7]),) for step in range(75))


def sounding(key: Key, step: int, alter: int) -> int:
    """MIDI pitch of a diatonic step (35 is middle C) with an alteration in semitones."""
    return min(max(step // 7 * 12 + SEMITONES[step % 7] + alter + key.transpose, 0), 127)
