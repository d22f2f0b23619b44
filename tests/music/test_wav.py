"""Sound: what is heard, when, and how loud."""

import io
import wave

import numpy as np
import pytest

from musicgen.errors import InputError
from musicgen.music import parse
from musicgen.music.wav import MAX_SECONDS, PEAK, wav_bytes

RATE = 16_000
HEADER = "M:4/4\nL:1/4\nQ:1/4=120\nK:C\n"


def samples(abc: str, rate: int = RATE) -> np.ndarray:
    """From -1 to 1."""
    with wave.open(io.BytesIO(wav_bytes(parse(abc), rate))) as source:
        assert (source.getnchannels(), source.getsampwidth()) == (1, 2)
        assert source.getframerate() == rate
        return np.frombuffer(source.readframes(source.getnframes()), "<i2") / 32768


def onsets(sound: np.ndarray) -> list[float]:
    """Seconds at which the energy of 5 ms rises to twice that of the 20 ms before."""
    size = RATE // 200
    energy = (sound[: len(sound) // size * size].reshape(-1, size) ** 2).mean(axis=1)
    found: list[float] = []
    for here in range(len(energy)):
        before = energy[max(here - 4, 0) : here].max(initial=1e-6)
        fresh = not found or here / 200 - found[-1] > 0.04
        if energy[here] > 2 * before and energy[here] > 1e-4 and fresh:
            found.append(here / 200)
    return found


def loudness(sound: np.ndarray, start: float, pitch: int, seconds: float = 0.25) -> float:
    """Of a pitch in the time from `start`."""
    part = sound[int(start * RATE) : int((start + seconds) * RATE)]
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), 8 * len(part)))
    at = 440 * 2 ** ((pitch - 69) / 12) * 8 * len(part) / RATE
    return float(spectrum[int(at) - 8 : int(at) + 9].max() / len(part))


def strongest(sound: np.ndarray, start: float, seconds: float = 0.25) -> int:
    return max(range(48, 96), key=lambda pitch: loudness(sound, start, pitch, seconds))


def test_notes_are_heard_when_they_begin() -> None:
    sound = samples(HEADER + "cGEC|z c/c/ z2|")
    assert onsets(sound) == pytest.approx([0, 0.5, 1, 1.5, 2.5, 2.75], abs=0.011)
    assert [strongest(sound, t) for t in (0, 0.5, 1, 1.5, 2.5)] == [72, 67, 64, 60, 72]


def test_repeats_ties_and_chords_sound() -> None:
    sound = samples(HEADER + "|:c2-|c2:|[CEG]4|")
    assert onsets(sound) == pytest.approx([0, 2, 4], abs=0.011)
    chord = [loudness(sound, 4.05, pitch) for pitch in (60, 64, 67)]
    assert min(chord) > 5 * loudness(sound, 4.05, 62)
    assert len(sound) / RATE == pytest.approx(6.3, abs=0.1)


def test_grace_notes_take_their_time_from_the_note() -> None:
    sound = samples(HEADER + "z{c'e'}c2")
    assert [strongest(sound, 0.5 + at, 0.06) for at in (0, 0.06)] == [84, 88]
    assert strongest(sound, 0.75) == 72
    assert len(sound) / RATE == pytest.approx(1.84, abs=0.01)


def test_voices_sound_together() -> None:
    sound = samples(HEADER + "V:1\nc4|\nV:2\nE4|")
    assert min(loudness(sound, 0, 72), loudness(sound, 0, 64)) > 5 * loudness(sound, 0, 68)


def test_a_tempo_inside_the_tune() -> None:
    sound = samples(HEADER + "cG|[Q:1/4=60]EC|")
    assert onsets(sound) == pytest.approx([0, 0.5, 1, 2], abs=0.011)


@pytest.mark.parametrize("music", ["cegc'", "[CEGceg]4 [C,E,G,]4", "c/8" * 60, "{gfedc}B,,4"])
def test_sound_is_neither_clipped_nor_silent(music: str) -> None:
    sound = samples(HEADER + music)
    assert np.abs(sound).max() == pytest.approx(PEAK, abs=0.001)
    assert abs(sound.mean()) < 0.01
    assert np.abs(sound[-100:]).max() < 0.001


def test_notes_begin_and_end_without_clicks() -> None:
    """Where a low note ends or begins, the sound is as smooth as while it rings.

    A click is a step: it has all frequencies. The low C's partials stop at 2 kHz.
    """
    sound = samples("L:1/4\nQ:1/4=100\nK:C\nC,zC,/C,/z")
    spectrum = np.fft.rfft(sound)
    spectrum[: int(3000 * len(sound) / RATE)] = 0
    high = np.abs(np.fft.irfft(spectrum))
    assert high.max() < 0.01 * PEAK


def test_the_same_sound_each_time() -> None:
    tune = parse(HEADER + "cegc'|")
    assert wav_bytes(tune) == wav_bytes(tune)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("abc", "message"),
    [
        ("z4|", "got none"),
        ("A" * 20_001, "at most 20,000 notes, got 20,001"),
        ("|:" + "A" * 11_000 + ":|", "at most 20,000 notes, got 22,000"),
        ("[" + "CEG" * 7_000 + "]", "at most 20,000 notes, got 21,000"),
        ("A999999999", f"at most {MAX_SECONDS} s"),
    ],
)
def test_a_sound_that_would_be_too_long_is_refused(abc: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        wav_bytes(parse("K:C\n" + abc))


def test_the_rate_is_bounded_and_kept() -> None:
    with pytest.raises(InputError, match="8,000 to 192,000"):
        wav_bytes(parse("K:C\nA"), 100)
    assert len(samples(HEADER + "c4", 48_000)) == pytest.approx(
        3 * len(samples(HEADER + "c4")), 1e-3
    )
