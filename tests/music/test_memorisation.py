import random
import time
from itertools import pairwise

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from musicgen.music.melody import Melody
from musicgen.music.memorisation import RunIndex

Tunes = list[list[list[int]]]
"""Pitches by tune and voice."""


def tuned(tunes: Tunes) -> list[list[Melody]]:
    return [[Melody(pitches, [], [], []) for pitches in tune] for tune in tunes]


def longest_runs(training: Tunes, tunes: Tunes) -> list[tuple[int, int]]:
    notes, homes = RunIndex.of(tuned(training)).longest_runs(tuned(tunes))
    return list(zip(notes.tolist(), homes.tolist(), strict=True))


def steps(tune: list[list[int]]) -> list[str]:
    """Intervals of each voice, a character each."""
    return ["".join(chr(500 + b - a) for a, b in pairwise(v)) for v in tune]


def check(training: Tunes, tunes: Tunes) -> None:
    """Against the plainest way: try every part of every voice in every training voice."""
    runs = longest_runs(training, tunes)
    assert len(runs) == len(tunes)
    known = [steps(tune) for tune in training]
    for tune, (notes, home) in zip(tunes, runs, strict=True):
        best, owners = 0, {-1}
        for voice in steps(tune):
            for start in range(len(voice)):
                for end in range(start + max(best, 1), len(voice) + 1):
                    having = {
                        n
                        for n, voices in enumerate(known)
                        if any(voice[start:end] in v for v in voices)
                    }
                    if not having:
                        break
                    owners = owners | having if end - start == best else having
                    best = end - start
        assert notes == (best + 1 if best else 0)
        assert home in owners


scraps = st.lists(st.integers(60, 63), max_size=12)
looped = st.builds(lambda scrap, times: scrap * times, scraps, st.integers(1, 9))
collections = st.lists(st.lists(scraps.filter(bool) | looped.filter(bool), max_size=2), max_size=6)


@given(collections, collections)
@example([], [[[60, 62]]])
@example([[[60]]], [[[60]], []])
@example([[], [[60, 62, 64]], []], [[[67, 69, 71]]])
@example([[[60] * 100], [[60] * 99]], [[[50] * 101]])
def test_longest_runs_are_those_of_a_scan(training: Tunes, tunes: Tunes) -> None:
    check(training, tunes)


def test_long_runs_are_found_in_twins_and_near_twins() -> None:
    """Longer than any word, so that the order needs all its doublings."""
    draw = random.Random(1)
    theme = [60 + draw.randrange(3) for _ in range(150)]
    training = []
    for _ in range(12):
        twin = list(theme)
        twin[draw.randrange(150)] += 1
        training += [[twin], [twin]]
    check(training, [[theme], [theme[20:60] + theme[10:90]], training[5]])


def test_a_run_may_be_transposed_but_leaves_no_voice_and_no_tune() -> None:
    training: Tunes = [[[60, 62, 64, 65]], [[72, 71], [69, 67]]]
    assert longest_runs(training, [[[50, 52, 54, 55, 60]]]) == [(4, 0)]
    assert longest_runs(training, [[[65, 72, 71, 69]]]) == [(2, 1)]
    assert longest_runs(training, [[[60, 62], [64, 65]]]) == [(2, 0)]


def test_every_interval_is_told_from_the_ends_of_melodies() -> None:
    upward: Tunes = [[[0, step]] for step in range(128)]
    downward: Tunes = [[[127, 127 - step]] for step in range(1, 128)]
    runs = longest_runs(upward + downward, upward + downward)
    assert [notes for notes, _ in runs] == [2] * 255
    clipped = {126, 127, 253, 254}
    assert all(home == n or {n, home} < clipped for n, (_, home) in enumerate(runs))
    assert longest_runs(upward, downward) == [(0, -1)] * 127


def test_a_tune_longer_than_the_collection() -> None:
    assert longest_runs([[[60, 61]]], [[[60, 61] * 500]]) == [(2, 0)]


def test_hundreds_of_tunes_take_no_quadratic_time() -> None:
    """Measured: 0.1 s. Each place against each other would be 9 thousand million comparisons."""
    draw = np.random.default_rng(0)
    training = [[draw.integers(55, 85, 100).tolist()] for _ in range(3000)]
    index = RunIndex.of(tuned(training))
    before = time.process_time()
    notes, homes = index.longest_runs(tuned(training[:300]))
    assert time.process_time() - before < 5
    assert notes.tolist() == [100] * 300
    assert homes.tolist() == list(range(300))
