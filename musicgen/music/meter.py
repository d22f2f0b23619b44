"""Time: meter, unit note length and tempo, as their fields write them."""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

_FRACTION = re.compile(r"([0-9]{1,4}) */ *([0-9]{1,4})")
_METER = re.compile(r"\(?([0-9+ ]+)\)? */ *([0-9]{1,4})")
_NOTE_SIGNS = {"𝅗𝅥": Fraction(1, 2), "𝅝": Fraction(1), "♩": Fraction(1, 4), "♪": Fraction(1, 8)}
_BEAT_FIRST = re.compile(
    r"(?:((?:[0-9]{1,4}/[0-9]{1,4} *)+)|(?<![A-Za-z])(C *[0-9]{0,2}(?:/[0-9]{1,2})?)"
    rf"|({'|'.join(_NOTE_SIGNS)})) *[=:][^0-9=]{{0,12}}([0-9]{{1,4}})(?![0-9/])"
)
"""`1/4=100`, `1/4 3/8 = ca. 40`; `C3=60`, three unit notes, from ABC 1.6; `♩=100`."""
_RATE_FIRST = re.compile(r"(?<![0-9./])([0-9]{1,4})(?:\.[0-9]+)? *= *([0-9]{1,4})/([0-9]{1,4})")
_RATE = re.compile(r"(?<![0-9./])([0-9]{1,4})(?![0-9]|\.?[0-9]* */)")
_OLD_SIGNS = {"2": (2, 2), "3": (3, 4)}
"""Single numbers, as French tunes of the 18th century print their meter."""
_QUOTED = re.compile(r'"[^"]*"?')


@dataclass(frozen=True, slots=True)
class Meter:
    """The meter of a bar."""

    text: str = ""
    """As written: `C|`, `6/8`, `(2+2+3)/8`; empty for free meter."""
    numerator: int = 0
    """0 for free meter."""
    denominator: int = 4

    @property
    def length(self) -> Fraction | None:
        """Length of a bar in whole notes; None for free meter."""
        return Fraction(self.numerator, self.denominator) if self.numerator else None

    @property
    def compound(self) -> bool:
        """Whether beats are of three: 6/8, 9/8, 12/8."""
        return self.numerator % 3 == 0 and self.numerator > 3

    @property
    def unit(self) -> Fraction:
        """Unit note length where no `L:` says otherwise (ABC 2.1, section 3.1.7)."""
        return Fraction(1, 16 if self.length and self.length < Fraction(3, 4) else 8)


@lru_cache(maxsize=1024)
def parse_meter(value: str) -> tuple[Meter, str]:
    """The meter of an `M:` field's value, and a complaint, empty where there is none."""
    text = value.strip()
    if text in ("C", "C|"):
        return Meter(text, *((4, 4) if text == "C" else (2, 2))), ""
    if text in _OLD_SIGNS:
        return Meter(text, *_OLD_SIGNS[text]), ""
    if text in ("none", ""):
        return Meter(), ""
    parts = [
        (sum(int(group[:9]) for group in beats.replace("+", " ").split()), int(denominator))
        for beats, denominator in _METER.findall(text)
    ]
    known = parts and all(0 < denominator <= 1024 for _, denominator in parts)
    total = sum((Fraction(*part) for part in parts), Fraction()) if known else Fraction()
    if not 0 < total <= 64:
        return Meter(), f"unknown meter {text[:20]!r}"
    # 6/8 must not become 3/4: the written denominator stays, the finest where there are several.
    finest = max(total.denominator, *(denominator for _, denominator in parts))
    while (total * finest).denominator != 1:
        finest *= 2
    return Meter(text, int(total * finest), finest), ""


@lru_cache(maxsize=256)
def parse_unit(value: str) -> tuple[Fraction | None, str]:
    """The unit note length of an `L:` field's value in whole notes, or None and a complaint."""
    text = value.strip()
    if text == "1":
        return Fraction(1), ""
    match = _FRACTION.match(text)
    if match and int(match[1]) and int(match[2]):
        return Fraction(int(match[1]), int(match[2])), ""
    return None, f"unknown unit note length {text[:20]!r}"


@dataclass(frozen=True, slots=True)
class Tempo:
    """A tempo: `rate` beats of `beat` whole notes each minute."""

    beat: Fraction = Fraction(1, 4)
    rate: int = 120
    text: str = ""
    """The field's words, such as `Allegro`."""


@lru_cache(maxsize=1024)
def parse_tempo(value: str, unit: Fraction = Fraction(1, 8)) -> Tempo | None:
    """The tempo of a `Q:` field's value; None if it states no number (words alone).

    unit: unit note length, the beat of the old form `Q:120`.
    """
    words = " ".join(word.strip('"') for word in _QUOTED.findall(value))
    found = _number(_QUOTED.sub(" ", value), unit) or _number(words, unit)
    return Tempo(*found, words) if found else None


def _number(text: str, unit: Fraction) -> tuple[Fraction, int] | None:
    """Beat and rate of a tempo; the first where it states several (`60-80`)."""
    beat = unit
    if found := _BEAT_FIRST.search(text):
        fractions, units, sign, rate = found.groups()
        if fractions:
            pairs = ((int(n), int(d)) for n, d in _FRACTION.findall(fractions))
            beat = sum((Fraction(n, d) for n, d in pairs if d), Fraction()) or unit
        elif units:
            above, _, below = units[1:].strip().partition("/")
            beat = unit * Fraction(int(above or 1), int(below or 1) or 1) or unit
        else:
            beat = _NOTE_SIGNS[sign]
    elif found := _RATE_FIRST.search(text):
        rate = found[1]
        beat = Fraction(int(found[2]), int(found[3]) or 1) or unit
    elif found := _RATE.search(text):
        rate = found[1]
    else:
        return None
    return (beat, int(rate)) if int(rate) else None
