"""The place in the bar, told character by character, against the parse of the whole tune."""

from copy import copy
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.memory.place import SIZES, Place, PlaceInput
from musicgen.music import parse
from tests.music.corpora import folk_tunes


def told(text: str) -> list[tuple[int, ...]]:
    place = Place()
    return [place.push(character) for character in text]


HEAD = "<start>\nM:6/4\nL:1/8\nK:C\n"
"""Twelve units in a bar: 24 steps."""


@pytest.mark.parametrize(
    ("music", "taken"),
    [
        ("A", 2),
        ("A2", 4),
        ("A3/2", 3),
        ("A/", 1),
        ("A//A//", 1),
        ("A>B", 4),
        ("z2 x", 6),
        ("(3ABC", 4),
        ("(3ABCD", 6),
        ("(5ABCDE", 4),
        ("{gf}A", 2),
        ('"Am"A"C"B', 4),
        ("!trill!A", 2),
        ("~A.B", 4),
        ("[CEG]", 2),
        ("[CEG]2", 4),
        ("[C2E2G2]", 4),
        ("A-A", 4),
        ("A|B", 2),
        ("A|", 0),
        ("A % BCD\nE", 4),
        ("A\nB", 4),
        ("A\nw:do re mi\nB", 4),
        ("A[K:D]B", 4),
        ("|1 A", 2),
        ("[1 AB", 4),
        ("[| A", 2),
        ("A ! B", 4),
        ("^A_B=c'd,,", 8),
        ("A12", 24),
        ("A13", 25),
        ("Ay3B", 4),
    ],
)
def test_what_is_left_of_a_bar_is_what_the_notes_before_have_not_taken(
    music: str, taken: int
) -> None:
    assert told(HEAD + music)[-1][0] == 25 - taken


@pytest.mark.parametrize(
    ("music", "left"),
    [
        ("", 25),
        ("A12|", 25),
        ("[M:2/4]", 9),
        ("A\nM:6/8\nL:1/4\n", 5),
        ("M:none\nA", 0),
        ("M:C|\n", 17),
    ],
)
def test_what_is_left_of_the_bar_follows_meter_and_unit(music: str, left: int) -> None:
    assert told(HEAD + music)[-1][0] == left


@pytest.mark.parametrize(
    ("music", "left"),
    [
        ("A2|B8", 5),
        ("A2|B", 19),
        ("A2|B10|", 21),
        ("A2|B9", 3),
        ("A2|B11", 0),
        ("A12|B8", 9),
        ("A2|B12|c10:|B12|c", 23),
        ("A2|B12|c10:|d|B", 21),
        ("B", 23),
    ],
)
def test_a_last_bar_is_shorter_by_the_upbeat(music: str, left: int) -> None:
    assert told(HEAD + music)[-1][1] == left


@pytest.mark.parametrize(
    ("music", "bars"),
    [
        ("A12", 0),
        ("A12|", 1),
        ("A|", 0),
        ("A|B12|", 1),
        ("A|B|", 1),
        ("A12|B12|", 2),
        ("|:A12|B12|", 2),
        ("A12|B12:|", 0),
        ("A12|B12||", 0),
        ("A12|B12|]", 0),
        ("A12|B12::", 0),
        ("A12|B12:|c12|", 1),
        ("A12|B12|:", 0),
        ("A12|\n|B12|", 2),
    ],
)
def test_complete_bars_are_counted_anew_in_each_part(music: str, bars: int) -> None:
    assert told(HEAD + music)[-1][2] == bars


@pytest.mark.parametrize(
    ("music", "parts"),
    [
        ("A12|B12", 0),
        ("A12|B12:|", 1),
        ("A12|B12:|C12||", 2),
        ("A|:B12:|", 1),
        ("|:A12|B12:|\n|:C12:|", 2),
        ("A12|1B12:|2C12:|", 1),
        ("A12|B12|]", 1),
        ("A12::B12::", 2),
    ],
)
def test_parts_are_counted(music: str, parts: int) -> None:
    assert told(HEAD + music)[-1][3] == parts


@pytest.mark.parametrize(
    ("music", "repeat"),
    [
        ("A|B", 0),
        ("|:A|B", 1),
        ("|:A|B||", 1),
        ("|:A|B:|", 0),
        ("|:A|1B", 2),
        ("|:A|[1B", 2),
        ("|:A|1B:|2C", 3),
        ("|:A|1B:|2C||", 0),
        ("|:A|1B:|2C|]", 0),
        ("|:A::B", 1),
        ("|:A|1B:|2C|:D", 1),
    ],
)
def test_open_repeats_and_endings_are_told(music: str, repeat: int) -> None:
    assert told(HEAD + music)[-1][4] == repeat


@pytest.mark.parametrize(
    ("music", "echoes"),
    [
        ("AB|cd|", ["A", "", "", ""]),
        ("AB|cd|A", ["B", "", "", ""]),
        ("AB|cd|AB", ["|", "", "", ""]),
        ("AB|cd|B", ["", "", "", ""]),
        ("AB|cd|\nA B", ["|", "", "", ""]),
        ("AB|cd:|\n|: A", ["B", "", "", "B"]),
        ("AB|cd:|\n|: e|", ["c", "", "", "c"]),
        ("a|b|c|d|", ["c", "a", "", ""]),
        ("a|b|c|d|e|f|g|b|", ["g", "e", "a", ""]),
        ("a|b|c||d|e|", ["d", "b", "", "c"]),
        ("(3ABc {g}d|e|(3AB", ["c", "", "", ""]),
        ('"Am"A|e|"A', ["m", "", "", ""]),
        ("A2|e|A", ["2", "", "", ""]),
        ("A|P:B\nB|", ["A", "", "", ""]),
        ("A|[K:D]B|", ["A", "", "", ""]),
        ("a|b|1c:|2d||e|", ["d", "a", "", "b"]),
        ("a|b|[1 c:|[2 d||e|", ["d", "a", "", "b"]),
        ("M:3/4\ng|a6|b6|c4||g|", ["b", "", "", "a"]),
    ],
)
def test_bars_before_say_how_this_one_may_go_on(music: str, echoes: list[str]) -> None:
    place = Place()
    for character in "<start>\nM:none\nL:1/8\nK:C\n" + music:
        place.push(character)
    assert place.echoes() == echoes


def test_a_letter_that_begins_a_field_is_no_note() -> None:
    assert told(HEAD + "A2\nB:a book\n")[-1] == told(HEAD + "A2\n")[-1]


def test_superscripts_are_no_numbers() -> None:
    assert told(HEAD + "(²A")[-1] == told(HEAD + "A")[-1]


def test_bars_and_lengths_without_end_are_followed_in_bounded_memory() -> None:
    place = Place()
    for character in HEAD + "ab" * 2000 + "|" + "ab" * 2000:
        place.push(character)
    assert place.echoes() == ["", "", "", ""]
    assert told(HEAD + "A" + "1" * 5000)[-1][0] == 0
    assert told(HEAD + "A/" + "2" * 5000 + "|")[-1][0] == 25


def test_a_tune_begins_behind_its_mark() -> None:
    assert told(HEAD + "A3|BC|\n<end>\n<start>\n")[-1] == told("<start>\n")[-1]


def test_without_a_unit_the_meter_decides() -> None:
    assert told("<start>\nM:2/4\nK:C\n")[-1][0] == 17
    assert told("<start>\nM:3/4\nK:C\n")[-1][0] == 13


@given(st.text("\n\"!%(){}[]|:/0123459<>ABCKLMabcxz^'%-~ste", max_size=200))
def test_any_text_is_followed_within_bounds(text: str) -> None:
    for figures in told(HEAD + text):
        assert all(0 <= figure < size for figure, size in zip(figures, SIZES, strict=True))


@given(st.text('\n"!([]|:/123<>ABMabz', max_size=60), st.text("\n[]|:/12ABMab", max_size=20))
def test_a_text_is_followed_from_any_place_as_from_its_start(text: str, more: str) -> None:
    characters = "".join(sorted(set(HEAD + text + more)))
    ids = np.array([characters.index(character) for character in HEAD + text + more])
    whole = PlaceInput(characters).encode(ids)
    follower = PlaceInput(characters).follow()
    for character in ids[: len(HEAD + text)].tolist():
        follower.push(character)
    followers = [follower, copy(follower)]
    for number in range(len(HEAD + text), len(ids)):
        for one in followers:
            assert one.push(int(ids[number])) == tuple(whole[number])


@pytest.mark.slow
def test_what_is_left_of_real_bars_is_what_the_parse_says() -> None:
    right = bars = 0
    for text in folk_tunes()[::4]:
        tune = parse(text)
        if tune.problems or len(tune.voices) != 1:
            continue
        lefts = [left for left, *_ in told(f"<start>\n{text}")][len("<start>\n") :]
        for bar in tune.voices[0].bars:
            if bar.meter.length is not None and bar.end:
                room = bar.meter.length / tune.unit - Fraction(bar.length, tune.ticks) / tune.unit
                expected = int(2 * room) + 1 if room >= 0 else 0
                bars += 1
                right += lefts[bar.end - 1] == expected
    assert bars > 5000
    assert right / bars > 0.99
