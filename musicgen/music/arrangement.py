"""An arrangement: changes to a tune's text before it is written in any format."""

import re
from dataclasses import dataclass
from fractions import Fraction

from musicgen.errors import InputError
from musicgen.music.meter import Meter, parse_tempo
from musicgen.music.parse import parse
from musicgen.music.transposition import MAX_SEMITONES, semitones_to, transposed
from musicgen.music.tune import Tune

_SEMITONES = re.compile(r"[+-]?[0-9]{1,3}")
_NUMBER = re.compile(r"[0-9]{1,4}(?:\.[0-9]+)?")


@dataclass(frozen=True)
class Arrangement:
    """The changes; `arrangement` makes and checks it."""

    transpose: str = ""
    """Semitones, or a key to go to; empty: no transposition."""
    tempo: str = ""
    """Value of a `Q:` field; empty: the tune's own tempo."""

    def __bool__(self) -> bool:
        return bool(self.transpose or self.tempo)

    def apply(self, text: str) -> str:
        """The arranged text of a tune. Raises InputError if the tune does not allow it."""
        if self.transpose:
            semitones = self.transpose
            if not _SEMITONES.fullmatch(semitones):
                semitones = str(semitones_to(parse(text), self.transpose))
            text = transposed(text, int(semitones))
        return with_tempo(text, self.tempo) if self.tempo else text


def arrangement(transpose: str | int | None, tempo: str | None) -> Arrangement:
    """The arrangement for the values of `transpose=` and of a tempo. Raises InputError for invalid
    values."""
    moved = "" if transpose is None else str(transpose).strip()
    if transpose is not None:
        if not moved:
            raise InputError("transpose must be semitones or a key, got nothing; leave it out")
        if not _SEMITONES.fullmatch(moved):
            semitones_to(parse("K:C"), re.sub(r"^([A-G][#b♯♭]?).*", r"\1", moved))
        elif abs(int(moved)) > MAX_SEMITONES:
            raise InputError(
                f"transpose must be from -{MAX_SEMITONES} to {MAX_SEMITONES} semitones, "
                f"got {moved}; use fewer"
            )
    rate = "" if tempo is None else tempo.strip()
    if tempo is not None and (not rate.isprintable() or "%" in rate or parse_tempo(rate) is None):
        raise InputError(
            f"header.tempo must be as an ABC Q: field has it, such as 1/4=120, got {tempo!r:.40}; "
            "change it"
        )
    return Arrangement(moved, rate)


def with_tempo(text: str, tempo: str) -> str:
    """The tune with this `Q:` in its header, in place of its own.

    tempo: a plain number counts the beats of the meter: three eighths in 6/8, halves in C|.
    """
    tune = parse(text)
    value = tempo
    if _NUMBER.fullmatch(tempo):
        value = f"{_beat(tune.meter)}={tempo}"
    edits = [
        (field.start, min(field.end + 1, len(text)), "")
        for field in tune.fields
        if field.letter == "Q" and field.start < tune.body
    ]
    edits.append((_before_key(tune), _before_key(tune), f"Q:{value}\n"))
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _beat(meter: Meter) -> Fraction:
    if meter.compound:
        return Fraction(3, meter.denominator)
    return Fraction(1, 2) if meter.denominator == 2 else Fraction(1, 4)


def _before_key(tune: Tune) -> int:
    """Offset of the line of the header's `K:`, or of the music without one."""
    keys = (field.start for field in tune.fields if field.letter == "K")
    place = next((start for start in keys if start < tune.body), tune.body)
    return tune.text.rfind("\n", 0, place) + 1
