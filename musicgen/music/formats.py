"""Output formats of tunes: text, MIDI, score, picture, sound, and what notation programs read.

Each is one class, registered under the ending of its files. What makes the bytes is imported when
it is first needed: `--help` lists the formats without it.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from musicgen.config.registry import components, register
from musicgen.errors import MusicgenError

if TYPE_CHECKING:
    from musicgen.music.score.engrave import Engraver
    from musicgen.music.tune import Tune


class Rendering:
    """A tune on its way into files; what several formats need is made once."""

    def __init__(self, tune: "Tune", engraver: "Engraver", *, accompanied: bool = True) -> None:
        """accompanied: bass and chords sound where the tune has chord symbols."""
        self.tune = tune
        self.accompanied = accompanied
        self._engraver = engraver

    @cached_property
    def mei(self) -> str:
        """The score in MEI. Raises InputError if the tune has none."""
        from musicgen.music.score import mei

        return mei(self.tune)

    @property
    def svg(self) -> str:
        """The engraved score. Raises MusicgenError, at once if it has taken too long before."""
        if isinstance(self._engraved, MusicgenError):
            raise self._engraved
        return self._engraved

    @cached_property
    def _engraved(self) -> str | MusicgenError:
        try:
            return self._engraver.svg(self.mei)
        except MusicgenError as error:
            return error


class Format(ABC):
    """What a tune can be written as; the first line of its documentation explains it to users."""

    needs_notes: ClassVar[bool] = True
    """A tune without notes has no such file."""

    @abstractmethod
    def file(self, rendering: Rendering) -> bytes:
        """The bytes of the file. Raises MusicgenError if this tune can't be had in the format."""


@register("format", "abc")
class ABCText(Format):
    """Its text in ABC."""

    needs_notes = False

    def file(self, rendering: Rendering) -> bytes:
        return rendering.tune.text.encode(errors="replace")


@register("format", "mid")
class MIDI(Format):
    """A Standard MIDI File, repeats played out."""

    def file(self, rendering: Rendering) -> bytes:
        from musicgen.music.midi import midi_bytes

        return midi_bytes(rendering.tune, accompanied=rendering.accompanied)


@register("format", "svg")
class SVG(Format):
    """The engraved score, sharp at every size."""

    def file(self, rendering: Rendering) -> bytes:
        return rendering.svg.encode(errors="replace")


@register("format", "png")
class PNG(Format):
    """The engraved score as a picture."""

    def file(self, rendering: Rendering) -> bytes:
        from musicgen.music.score import png_bytes

        return png_bytes(rendering.svg)


@register("format", "wav")
class WAV(Format):
    """The sound of plucked strings."""

    def file(self, rendering: Rendering) -> bytes:
        from musicgen.music.wav import wav_bytes

        return wav_bytes(rendering.tune, accompanied=rendering.accompanied)


@register("format", "musicxml")
class MusicXML(Format):
    """The score for notation programs."""

    def file(self, rendering: Rendering) -> bytes:
        from musicgen.music.score import musicxml

        return musicxml(rendering.tune).encode(errors="replace")


@register("format", "mei")
class MEI(Format):
    """The score for engravers and libraries."""

    def file(self, rendering: Rendering) -> bytes:
        return rendering.mei.encode(errors="replace")


def formats() -> dict[str, Format]:
    """All that are registered, by the ending of their files: ours, then those of plugins."""
    return {name: kind() for name, kind in components("format").items()}
