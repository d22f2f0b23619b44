"""Time: meter, unit note length and tempo, as their fields write them."""

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

_FRACTION = re.compile(r"([0-9]{1,4}) */ *([0-9]{1,4})")
_METER = re.compile(r"\(?([0-9+ ]+)\)? */ *([0-9]{1,4})")
_BEATS = re.compile(r"((?:[0-9]{1,4}/[0-9]{1,4} *)+)=")
_RATE = re.compile(r"(?:^|=) *([0-9]{1,4})(?:\.[0-9]+)?\s*$")
_OLD_SIGNS = {"2": (2, 2), "3": (3, 4)}
"""Single numbers, as French tunes of the 18th century print their meter."""
_QUOTED = re.compile(r'"[^"]*"?')


@dataclass(frozen=True, slots=True)
class Meter:
    """What a bar holds."""

    text: str = ""
    """As written: `C|`, `6/8`, `(2+2+3)/8`; empty for free meter."""
    numerator: int = 0
    """0 for free meter."""
    denominator: int = 4

    @property
    def length(self) -> Fraction | None:
        """Of a bar, in whole notes; None for free meter."""
        return Fraction(self.numerator, self.denominator) if self.numerator else None

    @property
    def compound(self) -> bool:
        """Beats of three: 6/8, 9/8, 12/8."""
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
    """How fast: `rate` beats of `beat` whole notes each minute."""

    beat: Fraction = Fraction(1, 4)
    rate: int = 120
    text: str = ""
    """What the field says in words, `Allegro`."""


@lru_cache(maxsize=1024)
def parse_tempo(value: str, unit: Fraction = Fraction(1, 8)) -> Tempo | None:
    """The tempo of a `Q:` field's value; None if it states no number (words alone).

    unit: unit note length, the beat of the old form `Q:120`.
    """
    words = " ".join(word.strip('"') for word in _QUOTED.findall(value))
    numbers = _QUOTED.sub("", value).strip()
    beats, rate = _BEATS.search(numbers), _RATE.search(numbers)
    if not rate or not int(rate[1]):
        return None
    length = (
        sum(
            (Fraction(int(n), int(d)) for n, d in _FRACTION.findall(beats[1]) if int(d)), Fraction()
        )
        if beats
        else unit
    )
    return Tempo(length or unit, int(rate[1]), words)
