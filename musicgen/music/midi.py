"""A tune as a Standard MIDI File (format 1), written byte by byte: with a library's object for each
message, the million notes that a network can write would take half a minute."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from fractions import Fraction
from functools import lru_cache
from heapq import merge
from math import gcd, sqrt
from operator import itemgetter

from musicgen.errors import InputError
from musicgen.music.key import Key
from musicgen.music.meter import Meter, Tempo
from musicgen.music.performance import perform
from musicgen.music.tempo import usual_tempo
from musicgen.music.tune import Tune
from musicgen.music.unfold import play_order

MAX_DIVISION = 0x7FFF
"""Most MIDI ticks to a quarter note."""
MIN_DIVISION = 480
"""Usual number of MIDI ticks to a quarter note; some players are coarse below it."""
MAX_DELTA = 0x0FFFFFFF
MAX_TITLE = 120

_VELOCITY = 80
_MINOR = {"min", "aeo", "dor", "phr"}


def midi_bytes(tune: Tune, *, accompanied: bool = True) -> bytes:
    """The tune as it sounds, repeats played out; a first track has title, tempo, meter and key.

    One more track for each voice, and one each for bass and chords where the tune has chord
    symbols; accompanied=False leaves these out. Each names its instrument. Onsets and lengths are
    exact, unless a quarter note needs more than 32,767 ticks: then they are rounded to the nearest.
    Raises InputError for a tune without notes.
    """
    if not tune.notes:
        raise InputError("a tune needs a note to become MIDI, got none; sample another one")
    lines = perform(tune, accompanied=accompanied).lines
    common = gcd(tune.ticks // 4, *(n for line in lines for note in line.notes for n in note[:2]))
    division = tune.ticks // 4 // common
    if division > MAX_DIVISION:
        division = MAX_DIVISION
    elif division < MIN_DIVISION:
        division *= MIN_DIVISION // division
    quarter = tune.ticks // 4

    def tick(time: int) -> int:
        return (2 * time * division + quarter) // (2 * quarter)

    tracks = [_track((tick(time), data) for time, data in _signs(tune))]
    for number, line in enumerate(lines):
        channel = number % 15 + (number % 15 > 8)  # the tenth channel is for drums
        # Time, status, pitch and velocity in one integer: a million sort fast. At one time, note
        # off
        # (0x8n) comes before note on (0x9n).
        on, off = (0x90 | channel) << 16, (0x80 | channel) << 16
        events = []
        for onset, length, pitch, _, loudness in line.notes:
            if length:
                key = pitch << 8 | _velocity(loudness)
                events.append(tick(onset) << 24 | on | key)
                events.append(tick(onset + length) << 24 | off | key)
        events.sort()
        messages: Iterable[tuple[int, bytes]] = (
            (e >> 24, (e & 0xFFFFFF).to_bytes(3)) for e in events
        )
        programs = ((tick(time), bytes((0xC0 | channel, number))) for time, number in line.programs)
        tracks.append(_track(merge(programs, messages, key=itemgetter(0))))
    header = b"MThd" + (6).to_bytes(4) + b"\0\1" + len(tracks).to_bytes(2) + division.to_bytes(2)
    return header + b"".join(tracks)


@lru_cache(maxsize=16)
def _velocity(loudness: float) -> int:
    """MIDI velocity of a note: players take its square for an amplitude."""
    return round(_VELOCITY * sqrt(loudness))


def _track(events: Iterable[tuple[int, bytes]]) -> bytes:
    """A track chunk from (tick, message), in order of time."""
    body = bytearray()
    now = 0
    for time, message in events:
        delta = min(time - now, MAX_DELTA)
        now = time
        if delta > 0x7F:
            if delta > 0x3FFF:
                if delta > 0x1FFFFF:
                    body.append(delta >> 21 | 0x80)
                body.append(delta >> 14 & 0x7F | 0x80)
            body.append(delta >> 7 & 0x7F | 0x80)
        body.append(delta & 0x7F)
        body += message
    body += b"\0\xff\x2f\0"
    return b"MTrk" + len(body).to_bytes(4) + body


def _signs(tune: Tune) -> Iterator[tuple[int, bytes]]:
    """(Time in the tune's ticks, message) for the title and for each change that is heard."""
    title = "".join(c if c.isprintable() else " " for c in tune.field("T")[:MAX_TITLE])
    yield 0, _meta(0x03, title.encode())
    voice = tune.voices[0]
    starts = [event for event, _ in voice.tempos]
    first = usual_tempo(tune)
    tempo: Tempo | None = None
    meter: Meter | None = None
    key: Key | None = None
    now = 0
    for number in play_order(voice.bars, tune.part_order):
        bar = voice.bars[number]
        if bar.meter != meter:
            meter = bar.meter
            yield from ((now, data) for data in _time_signature(meter))
        if bar.key != key:
            key = bar.key
            yield now, _key_signature(key)
        for index in (bar.first, *(start for start in starts if bar.first < start < bar.last)):
            place = bisect_right(starts, index)
            then = voice.tempos[place - 1][1] if place else first
            if then != tempo:
                tempo = then
                yield now + voice.events[index].onset - bar.onset, _set_tempo(tempo)
        now += bar.length


def _meta(kind: int, data: bytes) -> bytes:
    length = bytes((len(data) >> 7 | 0x80, len(data) & 0x7F) if len(data) > 0x7F else (len(data),))
    return bytes((0xFF, kind)) + length + data


def _set_tempo(tempo: Tempo) -> bytes:
    microseconds = int(Fraction(60_000_000) / (tempo.rate * tempo.beat * 4))
    return _meta(0x51, min(max(microseconds, 1), 0xFFFFFF).to_bytes(3))


def _time_signature(meter: Meter) -> Iterator[bytes]:
    """None for free meter, or where MIDI cannot express it."""
    power = meter.denominator.bit_length() - 1
    if 0 < meter.numerator < 256 and meter.denominator == 1 << power:
        yield _meta(0x58, bytes((meter.numerator, power, 24, 8)))


def _key_signature(key: Key) -> bytes:
    """Sharps, major or minor: MIDI has no other modes, and no more than seven sharps or flats."""
    sharps = min(max(key.sharps, -7), 7)
    return _meta(0x59, bytes((sharps & 0xFF, key.mode in _MINOR)))
