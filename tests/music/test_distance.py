import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from musicgen.music import parse
from musicgen.music.distance import LONGEST, SHORTEST, Counts, Histograms, jensen_shannon
from musicgen.music.melody import melodies


def histograms(*tunes: str) -> Histograms:
    parsed = [parse(tune) for tune in tunes]
    return Histograms.of((melodies(tune), tune.ticks) for tune in parsed)


counts = arrays(np.int64, 5, elements=st.integers(0, 1000))


@given(counts, counts, counts)
def test_the_distance_is_a_metric(a: Counts, b: Counts, c: Counts) -> None:
    assert jensen_shannon(a, a) == 0
    assert 0 <= jensen_shannon(a, b) <= 1
    assert jensen_shannon(a, b) == pytest.approx(jensen_shannon(b, a), abs=1e-9)
    there = jensen_shannon(a, b) + jensen_shannon(b, c)
    assert jensen_shannon(a, c) <= there + 1e-6


def test_distances_worked_out_by_hand() -> None:
    def distance(left: list[int], right: list[int]) -> float:
        return jensen_shannon(np.array(left), np.array(right))

    # Half of it each (1, 0) and (1/2, 1/2): entropy of (3/4, 1/4) less half a bit.
    middle = -(0.75 * math.log2(0.75) + 0.25 * math.log2(0.25))
    assert distance([7, 0], [3, 3]) == pytest.approx(math.sqrt(middle - 0.5))
    assert distance([1, 0], [0, 9]) == 1
    assert distance([1, 2], [10, 20]) == pytest.approx(0, abs=1e-6)
    assert distance([0, 0], [0, 1]) == 1
    assert distance([0, 0], [0, 0]) == 0


def test_transposed_tunes_have_the_same_histograms() -> None:
    here, there = histograms("L:1/8\nK:G\nG>A|^cB2z"), histograms("L:1/8\nK:Bb\nB>c|=ed2z")
    assert here.degrees.tolist() == there.degrees.tolist() == [1, 0, 1, 0, 1, 0, 1] + [0] * 5
    assert here.intervals.tolist() == there.intervals.tolist()
    assert {at - 13: n for at, n in enumerate(here.intervals) if n} == {2: 1, 4: 1, -2: 1}
    assert here.lengths.tolist() == there.lengths.tolist()


def test_lengths_of_music_have_bins_of_their_own() -> None:
    """From a 64th to a breve, plain, dotted, doubly dotted and in triplets."""
    octaves = range(SHORTEST + 1, LONGEST)
    notes = [f"C{n}/{d << -o}" if o < 0 else f"C{n << o}/{d}" for o in octaves for n, d in RATIOS]
    seen = histograms("L:1\nK:C\n" + " ".join(notes)).lengths
    assert seen.max() == 1
    assert seen.sum() == len(octaves) * len(RATIOS)


RATIOS = [(1, 1), (5, 4), (4, 3), (3, 2), (7, 4)]


def test_what_lies_outside_counts_at_the_edge() -> None:
    shortest = histograms("L:1/64\nK:C\nC//// D////")
    longest = histograms("L:1\nK:C\nC9 D4")
    assert shortest.lengths[0] == 2
    assert longest.lengths[-1] == 2
    leaps = histograms("K:C\nC,,c'C,,").intervals
    assert leaps[0] == leaps[-1] == 1


def test_keys_without_tonic_have_no_degrees() -> None:
    assert histograms("K:none\nCDE").degrees.sum() == 0
    assert histograms("K:none\nCDE", "K:D\nD").degrees.tolist() == [1] + [0] * 11
    assert histograms().lengths.sum() == 0
