"""A tune as files."""

from collections.abc import Sequence
from dataclasses import dataclass

from musicgen.errors import InputError, MusicgenError
from musicgen.music.formats import Rendering, formats
from musicgen.music.score.engrave import Engraver
from musicgen.music.tune import Tune


@dataclass(frozen=True)
class Files:
    """What a tune became."""

    contents: dict[str, bytes]
    """By format."""
    missing: dict[str, str]
    """By format: why it could not be had, for a tune without notes or one that is too long."""


def files(
    tune: Tune, names: Sequence[str], engraver: Engraver, *, accompanied: bool = True
) -> Files:
    """The tune in these of `formats`. Never raises for what the tune is.

    accompanied: MIDI and sound have bass and chords where the tune has chord symbols.
    """
    rendering = Rendering(tune, engraver, accompanied=accompanied)
    known = formats()
    made = Files({}, {})
    for name in names:
        try:
            made.contents[name] = known[name].file(rendering)
        except MusicgenError as error:
            made.missing[name] = str(error)
    return made


def check_notes(tunes: Sequence[Tune], names: Sequence[str]) -> None:
    """Raise InputError if one of these formats needs notes, and no tune has any."""
    known = formats()
    needing = [name for name in names if known[name].needs_notes]
    if needing and not any(tune.notes for tune in tunes):
        raise InputError(
            f"formats={','.join(needing)} need tunes with notes, got {len(tunes)} without any"
        )
