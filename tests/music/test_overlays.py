"""What `&` lays over a voice is heard in every format that sounds."""

import io
import wave

import numpy as np

from musicgen.music import midi_bytes, parse
from musicgen.music.wav import wav_bytes
from tests.music.judge import read_notes

HEADER = "M:4/4\nL:1/4\nK:C\n"
MUSIC = "|: C4 | D4 & F2 ^A2 :|\n"


def test_an_overlay_sounds_in_midi() -> None:
    first, second = read_notes(io.BytesIO(midi_bytes(parse(HEADER + MUSIC))))
    assert [(int(at), pitch) for at, pitch in first] == [(0, 60), (4, 62), (8, 60), (12, 62)]
    assert [(int(at), pitch) for at, pitch in second] == [(4, 65), (6, 70), (12, 65), (14, 70)]


def samples(music: str) -> np.ndarray:
    with wave.open(io.BytesIO(wav_bytes(parse(HEADER + music), rate=8_000))) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").astype(float)


def spectrum_at(music: str, frequency: float) -> float:
    """Strength of a frequency in the second of sound behind the fourth quarter note."""
    sound = samples(music)
    start = int(len(sound) * 0.55)
    part = sound[start : start + 4_000]
    turns = np.exp(-2j * np.pi * frequency * np.arange(len(part)) / 8_000)
    return float(np.abs(part @ turns))


def test_an_overlay_sounds_in_wav() -> None:
    f_above_middle_c = 349.23
    alone, both = (spectrum_at(m, f_above_middle_c) for m in ("C4|D4|", "C4|D4 & F4|"))
    assert both > 5 * alone
