"""The sound of a plucked string, as a sum of its partials."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

ATTACK_S = 0.003
"""Seconds of fade-in: a tone that begins at once would click."""
RELEASE_S = 0.09
"""Seconds after a note's length, while the string is damped."""
_PARTIALS = 14
_PLUCKED_AT = 0.23
"""Share of the string's length; partials that have a node there are missing."""
_STIFFNESS = 2e-4
"""Partials are a little sharp: f_k = k f sqrt(1 + B k^2) (Fletcher and Rossing, The Physics of
Musical Instruments, eq. 12.2)."""


@lru_cache(maxsize=64)
def string(pitch: int, seconds: float, rate: int) -> Samples:
    """A string that is plucked and rings.

    pitch: MIDI pitch. seconds: how long. rate: samples a second. The peak is at most 1.
    """
    time = np.arange(int(seconds * rate), dtype=np.float32) / np.float32(rate)
    base = 440.0 * 2.0 ** ((pitch - 69) / 12)
    ring = min(max(1.4 * (440.0 / base) ** 0.5, 0.35), 3.0)
    tone = np.zeros_like(time)
    loudest = 0.0
    for k in range(1, _PARTIALS + 1):
        frequency = k * base * (1 + _STIFFNESS * k * k) ** 0.5
        if frequency > 0.45 * rate:
            break
        # A string plucked at a point: amplitudes sin(k pi x) / k^2, for a displacement that the
        # body radiates as its slope, hence 1 / k here.
        amplitude = abs(np.sin(np.pi * k * _PLUCKED_AT)) / k
        loudest += amplitude
        decay = ring / (1 + 0.5 * (k - 1))
        envelope = np.exp(time * np.float32(-1 / decay))
        tone += np.float32(amplitude) * envelope * np.sin(np.float32(2 * np.pi * frequency) * time)
    attack = min(int(ATTACK_S * rate), len(tone))
    tone[:attack] *= _ramp(attack)
    tone /= np.float32(loudest or 1)
    return tone


def damped(tone: Samples, length: int, rate: int) -> Samples:
    """The first `length` samples of a tone, and its damped end after them."""
    release = min(int(RELEASE_S * rate), len(tone) - length)
    end = tone[: length + release].copy()
    end[length:] *= _ramp(release)[::-1]
    return end


@lru_cache(maxsize=16)
def _ramp(count: int) -> Samples:
    """A ramp from 0 to 1, smooth at both ends."""
    return ((1 - np.cos(np.pi * np.arange(count) / max(count, 1))) / 2).astype(np.float32)
