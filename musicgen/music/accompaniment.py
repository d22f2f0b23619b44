"""Accompaniment: the bass and chords of a tune's chord symbols, as abc2midi plays them."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from musicgen.music.directives import Directive
from musicgen.music.grammar import Kind
from musicgen.music.harmony import NO_CHORD, Chord, chord
from musicgen.music.meter import Meter
from musicgen.music.tune import Tune
from musicgen.music.unfold import play_order
from musicgen.music.voice import Bar, Voice

BASS, CHORD = 36, 48
"""MIDI pitches of C in the bass and in the chords."""
MAX_BEATS = 64
"""Most beats of a bar's pattern; a longer bar has its first bass note alone."""

_PATTERNS = {
    (4, 4): "fzczfzcz",
    (2, 2): "fzczfzcz",
    (2, 4): "fzcz",
    (3, 4): "fzczcz",
    (3, 8): "fzczcz",
    (6, 4): "fzczfzczfzcz",
    (5, 4): "fzbcz",
    (5, 8): "fzbcz",
    (7, 4): "fzbczcz",
    (7, 8): "fzbczcz",
}
"""abc2midi's patterns by meter, each spread over its bar: f is the bass note, c the chord, b both,
z a rest."""
_PATTERN = re.compile(r"(?:[fbcz][0-9]?)+")
_STEP = re.compile(r"([fbcz])([0-9]?)")


class Struck(NamedTuple):
    """A note of the accompaniment."""

    onset: int
    """Ticks since the start of the performance."""
    length: int
    pitch: int
    bass: bool
    """Whether it is a bass note, not a note of a chord."""


def accompaniment(tune: Tune, said: list[Directive]) -> tuple[Struck, ...]:
    """The accompaniment as it sounds, repeats played out, by onset; empty without chord symbols.

    said: the tune's directives, of which `gchord`, `gchordoff` and `gchordon` count. A chord holds
    until the next one, and `N.C.` ends it. Each bar starts its meter's pattern again.
    """
    struck = {
        (note.onset, note.pitch, note.bass): note
        for voice in tune.voices
        for note in _of_voice(tune, voice, said)
    }
    return tuple(sorted(struck.values()))


def symbols(text: str, voice: Voice) -> dict[int, Chord]:
    """The chord that begins at each event (by index); the last one where a note has several."""
    found = {}
    for mark in voice.marks:
        if mark.kind is Kind.STRING and (named := chord(text[mark.start + 1 : mark.end - 1])):
            found[mark.event] = named
    return found


def _of_voice(tune: Tune, voice: Voice, said: list[Directive]) -> Iterator[Struck]:
    chords = symbols(tune.text, voice)
    if not chords:
        return
    starts = sorted(chords)
    said = [d for d in said if d.voice in ("", voice.name) and d.name.startswith("gchord")]
    spoken = [directive.start for directive in said]
    own = [_after(said[: count + 1]) for count in range(len(said))]
    sounding: Chord = NO_CHORD
    now = begun = 0
    for number in play_order(voice.bars, tune.part_order):
        bar = voice.bars[number]
        full = int((bar.meter.length or 1) * tune.ticks)
        begun = begun if begun + bar.length <= full else 0
        inside = starts[bisect_right(starts, bar.first - 1) : bisect_right(starts, bar.last - 1)]
        changes = [(voice.events[event].onset - bar.onset, chords[event]) for event in inside]
        place = bisect_right(spoken, voice.events[bar.first].start)
        on, pattern = own[place - 1] if place else (True, "")
        for start, length, kind in _hits(pattern, bar.meter):
            onset = int(start * tune.ticks) - begun
            if onset < 0:
                continue
            if onset >= bar.length:
                break
            held = [named for at, named in changes if at <= onset]
            playing = held[-1] if held else sounding
            if on and playing is not NO_CHORD:
                end = min(onset + int(length * tune.ticks), bar.length)
                yield from _strike(playing, kind, now + onset, max(end - onset, 1), bar)
        sounding = changes[-1][1] if changes else sounding
        now += bar.length
        # At a repeat, a double bar line or a part's label inside a bar the pattern continues.
        begun = begun + bar.length if bar.section or not bar.line else 0


def _after(said: list[Directive]) -> tuple[bool, str]:
    """(Whether chords sound, the chosen pattern) after these directives."""
    on, pattern = True, ""
    for directive in said:
        if directive.name in ("gchordon", "gchordoff"):
            on = directive.name == "gchordon"
        elif directive.name == "gchord":
            written = directive.words[0] if directive.words else ""
            pattern = written if _PATTERN.fullmatch(written) else ""
    return on, pattern


@lru_cache(maxsize=256)
def _hits(pattern: str, meter: Meter) -> tuple[tuple[Fraction, Fraction, str], ...]:
    """(Onset in the bar and length in whole notes, what sounds) of a pattern; an empty pattern is
    the meter's own. Free meter has that of 4/4."""
    bar = meter.length or Fraction(1)
    pattern = pattern or _default(meter)
    steps = [(kind, int(length or 1)) for kind, length in _STEP.findall(pattern)]
    total = sum(length for _, length in steps)
    if not total:
        return ()
    hits, now = [], 0
    for kind, length in steps:
        if kind != "z" and length:
            hits.append((bar * now / total, bar * length / total, kind))
        now += length
    return tuple(hits)


def _default(meter: Meter) -> str:
    """The pattern of a meter: abc2midi's, or one made of groups of two and three."""
    if meter.length is None:
        return _PATTERNS[4, 4]
    beats, beat = meter.numerator, meter.denominator
    if known := _PATTERNS.get((beats, beat)):
        return known
    if beats % 3 == 0 and beats > 3:
        beats //= 3
        return "fzc" * beats if beats <= MAX_BEATS else "f"
    while beats % 2 == 0 and beat > 4:
        beats, beat = beats // 2, beat // 2
    if beats > MAX_BEATS:
        return "f"
    if beats == 1:
        return "fz"
    return "fzczcz" * (beats % 2) + "fzcz" * ((beats - 3 * (beats % 2)) // 2)


def _strike(named: Chord, kind: str, onset: int, length: int, bar: Bar) -> Iterator[Struck]:
    # A transposing voice moves its chords, but an octave's clef must not bury the bass.
    moved = (bar.key.transpose + 6) % 12 - 6
    if kind in "fb" or named.kind == "note":
        yield Struck(onset, length, BASS + named.lowest + moved, True)
    if kind in "cb" and named.kind != "note":
        for semitones in _voicing(named):
            yield Struck(onset, length, CHORD + semitones + moved, False)


@lru_cache(maxsize=1024)
def _voicing(named: Chord) -> tuple[int, ...]:
    """Semitones above C of a chord's notes; notes below the chord's bass note move up an octave."""
    notes = [named.root + interval for interval in named.intervals]
    if named.bass is not None:
        bottom = [note for note in notes if (note - named.lowest) % 12 == 0]
        notes = [note + 12 if bottom and note < bottom[0] else note for note in notes]
    return tuple(sorted(notes))
