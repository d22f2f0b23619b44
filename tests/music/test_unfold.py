"""Repeats, endings and parts played out; ties joined."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.music import parse
from musicgen.music.unfold import MAX_EVENTS, expand_parts


def played(music: str, order: str = "") -> str:
    """The letters of the notes as they sound; each bar of the tests has one."""
    tune = parse(f"M:4/4\nL:1/1\nP:{order}\nK:C\n{music}")
    voice = tune.voices[0]
    return "".join(tune.text[voice.events[note.event].start] for note in tune.unfolded()[0])


@pytest.mark.parametrize(
    ("music", "expected"),
    [
        ("A|B|C|]", "ABC"),
        ("|:A|B:|C", "ABABC"),
        ("A|B:|C", "ABABC"),
        ("A:|B:|C", "AABBC"),
        ("A|:B:|C", "ABBC"),
        ("|:A::B:|", "AABB"),
        ("A:|\n|:B:|", "AABB"),
        ("A||B:|", "ABAB"),  # like abc2midi: a double bar alone does not begin a repeat
        ("|::A::|B", "AAAB"),
        ("|:A|1B:|2C|D", "ABACD"),
        ("|:A|[1B:|[2C|]D", "ABACD"),
        ("A|1B:|2C||D|1E:|2F|]", "ABACDEDF"),
        ("|:A|1B:|2C:|\n|:D:|", "ABACDD"),
        ("|:A|1B:|2C::D:|", "ABACDD"),
        ("|:A|1B|C:|2D|E||F", "ABCADEF"),
        ("|:A|1,3B:|2C:|D", "ABACABD"),
        ("|:A|1-3B:|4C|]", "ABABABAC"),
        ("|:A|1B:|C", "ABAC"),
        ("|:A|1B|2C|]", "ABAC"),
        ("|:A|B", "AB"),
        ("|:A|:B:|", "ABB"),
    ],
)
def test_repeats_and_endings_are_played_out(music: str, expected: str) -> None:
    assert played(music) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("", "AAB"),
        ("ABA", "AABAA"),
        ("(AB)2", "AABAAB"),
        ("B", "B"),
        ("AX", "AAB"),
    ],
)
def test_parts_are_played_in_their_order(order: str, expected: str) -> None:
    assert played("P:A\n|:A:|\nP:B\nB|]\n", order) == expected


def test_part_orders_are_expanded() -> None:
    assert expand_parts("A2B") == "AAB"
    assert expand_parts("(A2B)2.C") == "AABAABC"
    assert expand_parts("A)B((") == "AB"
    assert len(expand_parts("((((A9)9)9)9)9")) <= 256


def test_tied_notes_are_one_note() -> None:
    tune = parse("M:4/4\nL:1/4\nK:C\nC2-C-C|C4-|D4|[CE]4-|[EG]4|E4-:|")
    notes = [(n.onset * 4 // tune.ticks, n.length * 4 // tune.ticks, n.pitch, n.event)
             for n in tune.unfolded()[0][:6]]  # fmt: skip
    assert notes == [
        (0, 4, 60, 0),
        (4, 4, 60, 3),
        (8, 4, 62, 4),
        (12, 4, 60, 5),
        (12, 8, 64, 5),
        (16, 4, 67, 6),
    ]


def test_a_tie_is_joined_across_a_repeat() -> None:
    assert [note.length for note in parse("L:1/1\nK:C\n|:C-:|").unfolded()[0]] == [80640 * 2]


@given(st.text(st.sampled_from("AB|:[]123 \n"), max_size=60))
def test_every_bar_sounds_and_onsets_rise(music: str) -> None:
    tune = parse("M:none\nL:1/4\nK:C\n" + music)
    for voice, notes in zip(tune.voices, tune.unfolded(), strict=True):
        assert [note.onset for note in notes] == sorted(note.onset for note in notes)
        if not any(bar.ending for bar in voice.bars):
            assert {note.event for note in notes} == set(range(len(voice.events)))


@pytest.mark.slow
def test_nested_repeats_cannot_explode() -> None:
    tune = parse("P:((((A9)9)9)9)9\nK:C\nP:A\n|:" + "abcd|" * 2000 + "::::::::::|")
    assert len(tune.unfolded()[0]) < 2 * MAX_EVENTS
