"""A tune as files: text, MIDI, score, picture, sound, and what notation programs read."""

from dataclasses import dataclass
from functools import cache

from musicgen.errors import MusicgenError
from musicgen.music.midi import midi_bytes
from musicgen.music.score import mei, musicxml, png_bytes
from musicgen.music.score.engrave import Engraver
from musicgen.music.tune import Tune
from musicgen.music.wav import wav_bytes

FORMATS = ("abc", "mid", "svg", "png", "wav", "musicxml", "mei")
"""Their names are the endings of the files."""


@dataclass(frozen=True)
class Files:
    """What a tune became."""

    contents: dict[str, bytes]
    """By format."""
    missing: dict[str, str]
    """By format: why it could not be had, for a tune without notes or one that is too long."""


def files(tune: Tune, formats: list[str], engraver: Engraver, *, accompanied: bool = True) -> Files:
    """The tune in these of FORMATS. Never raises for what the tune is.

    accompanied: MIDI and sound have bass and chords where the tune has chord symbols.
    """

    @cache
    def engraved() -> str | MusicgenError:
        try:
            return engraver.svg(mei(tune))
        except MusicgenError as error:  # not to wait for its time limit twice
            return error

    def svg() -> str:
        picture = engraved()
        if isinstance(picture, MusicgenError):
            raise picture
        return picture

    makers = {
        "abc": lambda: tune.text.encode(errors="replace"),
        "mid": lambda: midi_bytes(tune, accompanied=accompanied),
        "svg": lambda: svg().encode(errors="replace"),
        "png": lambda: png_bytes(svg()),
        "wav": lambda: wav_bytes(tune, accompanied=accompanied),
        "musicxml": lambda: musicxml(tune).encode(errors="replace"),
        "mei": lambda: mei(tune).encode(errors="replace"),
    }
    made = Files({}, {})
    for name in formats:
        try:
            made.contents[name] = makers[name]()
        except MusicgenError as error:
            made.missing[name] = str(error)
    return made
