"""A tune as sound: a WAV file of plucked strings."""

import io
import wave
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from musicgen.errors import InputError
from musicgen.music.performance import perform
from musicgen.music.plucked_string import RELEASE_S, damped, string
from musicgen.music.tempo import Clock
from musicgen.music.tune import Tune

MAX_SECONDS = 900
"""Most seconds of sound: 58 MB at 32,000 samples a second."""
MAX_NOTES = 20_000
"""Notes that sound, repeats played out."""
PEAK = 0.8
"""Share of full scale: no reader of the file clips it."""

_MAX_RING_S = 4.0
_REST_S = 0.25
"""Silence after the last note."""


class Tone(NamedTuple):
    """A note with times in seconds."""

    start: float
    """Seconds."""
    length: float
    pitch: int
    loudness: float


def wav_bytes(
    tune: Tune, rate: int = 32_000, first_s: float | None = None, *, accompanied: bool = True
) -> bytes:
    """The tune as it sounds, repeats played out, ties joined: mono, 16 bits.

    rate: samples a second (8,000 to 192,000). first_s: seconds at which the sound breaks off; None
    for all of it. accompanied: with the bass and chords of its chord symbols. Raises InputError for
    a tune without notes, of more than MAX_NOTES notes or longer than MAX_SECONDS.
    """
    if not 8_000 <= rate <= 192_000:
        raise InputError(f"rate of sound must be 8,000 to 192,000 samples a second, got {rate:,}")
    if not tune.notes:
        raise InputError("a tune needs a note to become sound, got none; sample another one")
    if tune.notes > MAX_NOTES:
        raise InputError(f"sound holds at most {MAX_NOTES:,} notes, got {tune.notes:,}")
    tones = list(_tones(tune, accompanied))
    if len(tones) > MAX_NOTES:
        rule = f"sound holds at most {MAX_NOTES:,} notes"
        raise InputError(f"{rule}, got {len(tones):,} with the repeats; take a shorter tune")
    if first_s is not None:
        tones = [
            tone._replace(length=min(tone.length, first_s - tone.start))
            for tone in tones
            if tone.start < first_s
        ]
    length = max((tone.start + tone.length for tone in tones), default=0.0)
    if length > MAX_SECONDS:
        rule = f"sound lasts at most {MAX_SECONDS} s"
        raise InputError(f"{rule}, got {length:,.0f} s; sample another tune or change its Q:")
    return _encoded(_mixed(tones, length, rate), rate)


def _tones(tune: Tune, accompanied: bool) -> Iterator[Tone]:
    clock = Clock(tune)
    for line in perform(tune, accompanied=accompanied).lines:
        for note in line.notes:
            start = clock.seconds(note.onset)
            length = clock.seconds(note.onset + note.length) - start
            yield Tone(start, length, note.pitch, note.loudness)


def _mixed(tones: list[Tone], seconds: float, rate: int) -> np.ndarray:
    """All tones together, scaled to PEAK."""
    mix = np.zeros(int((seconds + RELEASE_S + _REST_S) * rate) + 1, dtype=np.float32)
    longest: dict[int, float] = defaultdict(float)
    for tone in tones:
        longest[tone.pitch] = max(longest[tone.pitch], min(tone.length, _MAX_RING_S))
    for tone in sorted(set(tones)):
        ring = string(tone.pitch, round(longest[tone.pitch] + RELEASE_S, 3), rate)
        length = min(int(tone.length * rate), len(ring) - int(RELEASE_S * rate))
        sound = damped(ring, max(length, 0), rate)
        start = int(tone.start * rate)
        mix[start : start + len(sound)] += np.float32(tone.loudness) * sound
    loudest = float(np.abs(mix).max(initial=0.0))
    return mix * np.float32(PEAK / loudest) if loudest else mix


def _encoded(samples: np.ndarray, rate: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setnchannels(1)
        target.setsampwidth(2)
        target.setframerate(rate)
        target.writeframes((samples * 32767).round().astype("<i2").tobytes())
    return file.getvalue()
