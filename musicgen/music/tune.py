"""A tune: the content of a text in ABC notation."""

from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple

from musicgen.music.key import Key
from musicgen.music.meter import Meter, Tempo
from musicgen.music.unfold import Sounding, unfold
from musicgen.music.voice import Voice


class Problem(NamedTuple):
    """A place in the text that the standard does not allow, or on which players fail."""

    line: int
    """From 1."""
    column: int
    """From 1."""
    start: int
    message: str


class Field(NamedTuple):
    """An information field, on a line of its own or inline in brackets."""

    letter: str
    value: str
    """Without surrounding white space and without a comment after it."""
    start: int
    end: int


@dataclass(frozen=True)
class Tune:
    """A parsed tune. `parse` makes it."""

    text: str
    body: int
    """Offset at which the music begins: after the header."""
    fields: tuple[Field, ...]
    """Fields of header and body, inline ones too, in the order of the text."""
    key: Key
    meter: Meter
    unit: Fraction
    """Unit note length in whole notes."""
    tempo: Tempo | None
    voices: tuple[Voice, ...]
    """Those with at least one event, in the order in which their music begins."""
    ticks: int
    """Ticks to a whole note."""
    problems: tuple[Problem, ...]
    """In the order of the text."""

    def field(self, letter: str) -> str:
        """Value of the first field with this letter, for example `T` for the title; empty without
        one."""
        return next((field.value for field in self.fields if field.letter == letter), "")

    @property
    def part_order(self) -> str:
        """The header's `P:`, such as `ABA`; empty without one."""
        header = (field for field in self.fields if field.start < self.body)
        return next((field.value for field in header if field.letter == "P"), "")

    @property
    def notes(self) -> int:
        """Events that sound, in all voices."""
        return sum(1 for voice in self.voices for event in voice.events if event.pitches)

    @property
    def bars(self) -> int:
        """Bars as written, in the voice that has the most."""
        return max((len(voice.bars) for voice in self.voices), default=0)

    def unfolded(self) -> tuple[tuple[Sounding, ...], ...]:
        """Each voice as it sounds: repeats, endings and parts played out, ties joined."""
        order = self.part_order
        return tuple(unfold(voice, order) for voice in self.voices)

    def __repr__(self) -> str:
        title, problems = self.field("T"), len(self.problems)
        return f"<tune {title!r}: {self.bars} bars, {self.notes} notes, {problems} problems>"

    def _repr_html_(self) -> str:
        """What a notebook shows: the score."""
        from musicgen.music.score.html import score_html  # which reads tunes

        return score_html(self)
