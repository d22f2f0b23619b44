"""A tune that a network has written, as text, MIDI, picture and sound."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from musicgen.errors import RunError
from musicgen.music.files import files
from musicgen.music.score import png_bytes
from musicgen.music.score.engrave import Engraver

if TYPE_CHECKING:
    from musicgen.music.counts import TuneMeasures
    from musicgen.music.tune import Tune
    from musicgen.workflows.generate import Written


@dataclass(frozen=True, repr=False)
class GeneratedTune:
    """A tune of `Run.generate`. Its files are made in memory when they are asked for.

    `midi`, `svg`, `png`, `wav` and `as_format` raise RunError if the tune can't have that format,
    because it has no notes or is too long.
    """

    written: Written
    recipe: dict[str, Any]
    """The command that makes the tune again (`command`), the weights, and what was found in the
    tune."""
    accompaniment: bool
    """Whether bass and chords of chord symbols sound in MIDI and WAV."""

    @property
    def name(self) -> str:
        """The name of the tune's files, made of temperature and number: `T1-2`."""
        return self.written.drawn.name

    @property
    def temperature(self) -> float:
        """The temperature at which the characters were drawn (>= 0). At 0 each character is the
        likeliest one."""
        return self.written.drawn.temperature

    @property
    def complete(self) -> bool:
        """Whether the network ended the tune itself, before `max_chars` cut it off."""
        return self.written.drawn.complete

    @property
    def abc(self) -> str:
        """The text in ABC notation."""
        return self.written.drawn.text

    @property
    def tune(self) -> Tune:
        """The parsed text: `.notes`, `.voices[i].events[j].pitches`, `.problems`."""
        return self.written.tune

    @property
    def measures(self) -> TuneMeasures:
        """Measures of how well formed the tune is: bars, notes, and shares from 0 to 1."""
        return self.written.measures

    @property
    def seconds(self) -> float:
        """The duration of the tune in seconds, repeats played out."""
        return self.written.seconds

    @cached_property
    def midi(self) -> bytes:
        """A standard MIDI file."""
        return self.as_format("mid")

    @cached_property
    def svg(self) -> bytes:
        """The engraved score as SVG, in UTF-8."""
        return self.as_format("svg")

    @cached_property
    def png(self) -> bytes:
        """The engraved score as PNG."""
        return png_bytes(self.svg.decode())

    @cached_property
    def wav(self) -> bytes:
        """The sound as WAV: 16 bits, one channel."""
        return self.as_format("wav")

    def as_format(self, name: str) -> bytes:
        """The tune as a file of one of the formats that `generate` knows, such as musicxml."""
        with Engraver() as engraver:
            made = files(self.tune, [name], engraver, accompanied=self.accompaniment)
        if name in made.missing:
            raise RunError(f"{self.name}.{name} can't be had: {made.missing[name]}")
        return made.contents[name]

    def __repr__(self) -> str:
        title = self.tune.field("T")
        return f"<tune {self.name} {title!r}: {self.tune.bars} bars, {self.tune.notes} notes>"

    def _repr_html_(self) -> str:
        """The score, which a notebook shows."""
        return self.tune._repr_html_()
