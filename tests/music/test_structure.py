"""Bars that come again, loops and parts, counted by hand."""

import numpy as np
import pytest

from musicgen.music import Tune, parse
from musicgen.music.distance import jensen_shannon
from musicgen.music.measures import summarise
from musicgen.music.reference import Reference
from musicgen.music.structure import DISTANCES, structure

BARS = {"A": "CDEF", "B": "GABc", "C": "cBAG", "D": "FEDC", "E": "CEGc", "z": "z4"}


def tune(bars: str) -> Tune:
    """One bar for each letter."""
    return parse("M:4/4\nL:1/4\nK:C\n" + "|".join(BARS[letter] for letter in bars) + "|]\n")


@pytest.mark.parametrize(
    ("bars", "loops"),
    [
        ("ABCD", 0),
        ("AABB", 0),
        ("AAA", 1),
        ("AAAA", 2),
        ("ABAB", 0),
        ("ABABA", 1),
        ("ABABABAB", 4),
        ("ABCABCABC", 0),
        ("AAABBB", 2),
        ("AAzA", 0),
        ("zzzzzz", 0),
        ("AAAAzAAA", 3),
    ],
)
def test_bars_that_go_on_with_a_loop(bars: str, loops: int) -> None:
    assert structure(tune(bars)).loops == loops


def test_bars_by_how_many_bars_ago_they_were_there() -> None:
    found = structure(tune("AABACBDEEEEEEEEEEEEEEEEEEED"))
    counts = dict(zip([*DISTANCES, "another", "never"], found.returns.tolist(), strict=True))
    assert counts == {1: 19, 2: 1, 4: 0, 8: 0, 16: 0, "another": 2, "never": 5}
    assert found.returns.sum() == found.sounding == 27


@pytest.mark.parametrize("distance", DISTANCES)
def test_each_distance_has_a_bin(distance: int) -> None:
    music = "|".join("CDEF" if n in (0, distance) else f"C{n + 1}/c{n + 1}/" for n in range(20))
    found = structure(parse(f"L:1/4\nK:C\n{music}|\n"))
    assert found.returns[DISTANCES.index(distance)] == 1
    assert found.again == 2


@pytest.mark.parametrize(
    ("music", "meter", "parts"),
    [
        ("CDEF|CDEF|]", "4/4", [2]),
        ("CDEF|CDEF||GABc|]", "4/4", [2, 1]),
        ("|:CDEF|CDEF:|:GABc|GABc:|", "4/4", [2, 2]),
        ("|:CDEF::GABc:|", "4/4", [1, 1]),
        ("F|CDEF|CDE:|F|GABc|GAB:|", "4/4", [2, 2]),
        ("|:CDEF|1GABc:|2cBAG|]", "4/4", [2]),
        ("|:CDEF|1GABc:|2cBAG||CDEF|]", "4/4", [2, 1]),
        ("|:CDEF|[1 GABc:|[2 cBAG:|:CDEF|CDEF:|", "4/4", [2, 2]),
        ("P:A\nCDEF|\nP:B\nGABc|GABc|", "4/4", [1, 2]),
        ("CDE|CDE|", "none", [2]),
        ("F|:CDEF|CDE:|F|:GABc|GAB:|", "4/4", [2, 2]),
        ("CD|CDEF||", "4/4", [1.5]),
        ("CD", "4/4", [0.5]),
        ("", "4/4", []),
    ],
)
def test_parts_and_their_length_in_bars(music: str, meter: str, parts: list[int]) -> None:
    assert list(structure(parse(f"M:{meter}\nL:1/4\nK:C\n{music}\n")).parts) == parts


def test_the_distance_of_returns_is_that_of_their_histograms() -> None:
    training = [tune("ABACABAC"), tune("ABCDABCD")]
    drawn = [tune("AAAAAAAA"), tune("ABCDE")]
    theirs = np.array([0, 1, 6, 0, 0, 2, 7])
    ours = np.array([7, 0, 0, 0, 0, 0, 6])
    assert structure(training[0]).returns.tolist() == [0, 3, 2, 0, 0, 0, 3]
    theirs = np.array([0, 3, 6, 0, 0, 0, 7])
    found = summarise(drawn, Reference.of(training))
    assert found["returns_distance"] == jensen_shannon(ours, theirs) > 0.5
    assert summarise(training, Reference.of(training))["returns_distance"] == 0
