"""A performance: all notes of a tune as they sound, for MIDI, sound and pages."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from musicgen.music.accompaniment import accompaniment
from musicgen.music.directives import Directive, directives
from musicgen.music.tempo import Clock
from musicgen.music.tune import Tune
from musicgen.music.unfold import Sounding
from musicgen.music.voice import Voice

GRACE_S = 0.06
"""Seconds of each grace note; together they take at most half of the note that they ornament."""
GRACE_LOUDNESS = 0.7
BASS_LOUDNESS = 0.5
CHORD_LOUDNESS = 0.3
"""Loudness of each note of a chord; a note of the tune has 1."""
_GRID = 1920
"""Grace notes are measured in such parts of a whole note: finer parts would make all of MIDI's
ticks finer."""

FIDDLE, BAGPIPE, GUITAR, BASS = 110, 109, 25, 32
"""Default instruments, by their numbers in General MIDI, counted from 0."""


class Played(NamedTuple):
    """A note as it sounds."""

    onset: int
    """Ticks since the start of the performance."""
    length: int
    pitch: int
    event: int
    """Index in its voice of the event that it belongs to; -1 for the accompaniment."""
    loudness: float
    """Amplitude; 1 for a note of the tune."""


class Line(NamedTuple):
    """The notes of one instrument."""

    notes: tuple[Played, ...]
    """Sorted by onset."""
    programs: tuple[tuple[int, int], ...]
    """(Tick, instrument in General MIDI from 0), the first at tick 0."""


@dataclass(frozen=True)
class Performance:
    """A tune, repeats and grace notes played out, ties joined."""

    voices: tuple[Line, ...]
    """One for each of the tune's voices."""
    bass: Line | None
    """Bass of the accompaniment; None for a tune without chord symbols, as is `chords`."""
    chords: Line | None

    @property
    def lines(self) -> list[Line]:
        return [*self.voices, *(line for line in (self.bass, self.chords) if line)]


def perform(tune: Tune, *, accompanied: bool = True) -> Performance:
    """Perform a tune. accompanied: with the bass and chords of its chord symbols."""
    said = directives(tune)
    clock = Clock(tune) if any(voice.graces for voice in tune.voices) else None
    pipes = tune.field("K").lower().startswith("hp")
    voices = tuple(
        Line(
            tuple(_ornamented(tune, voice, notes, clock)) if clock and voice.graces else plain,
            _programs(tune, voice, notes, said, BAGPIPE if pipes else FIDDLE),
        )
        for voice, notes in zip(tune.voices, tune.unfolded(), strict=True)
        for plain in [tuple(Played(*note, 1.0) for note in notes)]
    )
    struck = accompaniment(tune, said) if accompanied else ()
    if not struck:
        return Performance(voices, None, None)
    bass = tuple(Played(*n[:3], -1, BASS_LOUDNESS) for n in struck if n.bass)
    chords = tuple(Played(*n[:3], -1, CHORD_LOUDNESS) for n in struck if not n.bass)
    return Performance(
        voices,
        Line(bass, ((0, _program(said, "bassprog", BASS)),)),
        Line(chords, ((0, _program(said, "chordprog", GUITAR)),)),
    )


def _ornamented(
    tune: Tune, voice: Voice, sounding: tuple[Sounding, ...], clock: Clock
) -> Iterator[Played]:
    """The notes, and the grace notes that take their time from them."""
    graces: dict[int, tuple[int, ...]] = defaultdict(tuple)
    for grace in voice.graces:
        graces[grace.event] += grace.pitches
    before = None
    for note in sounding:
        ornaments = graces.get(note.event, ())
        onset, length = note.onset, note.length
        if ornaments:
            each = _grace(tune, clock, note, len(ornaments))
            # The notes of a chord share one group of grace notes.
            if each and (onset, note.event) != before:
                for number, pitch in enumerate(ornaments):
                    yield Played(onset + number * each, each, pitch, note.event, GRACE_LOUDNESS)
            before = (onset, note.event)
            onset, length = onset + each * len(ornaments), length - each * len(ornaments)
        yield Played(onset, length, note.pitch, note.event, 1.0)


def _grace(tune: Tune, clock: Clock, note: Sounding, count: int) -> int:
    """Ticks of each of a note's grace notes; 0 if the note is too short for them."""
    wanted = int(GRACE_S / clock.seconds_per_tick(note.onset))
    most = min(wanted, note.length // 2 // count)
    grid = max(tune.ticks // _GRID, 1)
    return most // grid * grid or most


def _program(said: list[Directive], name: str, usual: int) -> int:
    numbers = [d.number(0, 127) for d in said if d.name == name]
    return next((number for number in numbers if number is not None), usual)


def _programs(
    tune: Tune, voice: Voice, sounding: tuple[Sounding, ...], said: list[Directive], usual: int
) -> tuple[tuple[int, int], ...]:
    """The instruments of a voice: the text's at each of its notes, else the default."""
    changes = [
        (directive.start, number)
        for directive in said
        if directive.name == "program" and directive.voice in ("", voice.name)
        if (number := directive.number(0, 127)) is not None
    ]
    programs = [(0, usual)]
    if changes:
        for note in sounding:
            start = voice.events[note.event].start
            number = next((n for at, n in reversed(changes) if at < start), usual)
            if number != programs[-1][1]:
                programs.append((note.onset, number))
    if len(programs) > 1 and programs[1][0] == programs[0][0]:
        del programs[0]
    return tuple(programs)
