"""The match over melodic steps."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from musicgen.memory import Match, Melody

CHARACTERS = "\n2<>ABCDEFGabcdefgstr|"
MARK = tuple(CHARACTERS.index(character) for character in "<start>")


def ids(text: str) -> np.ndarray:
    return np.array([CHARACTERS.index(character) for character in text], np.int64)


def suggested(text: str, shortest: int = 2) -> str:
    """What the last character's match suggests."""
    (number, _) = Melody(CHARACTERS, shortest, MARK).encode(ids(text))[-1]
    return CHARACTERS[number - 1] if number else ""


def test_a_phrase_that_comes_again_higher_is_found() -> None:
    assert suggested("|CDE2FG|FGA2") == "B"
    assert suggested("|CEG2|FAc") == "2"
    assert not Match(len(CHARACTERS), 3, MARK).encode(ids("|CDE2FG|FGA2"))[-1].any()


def test_octaves_go_by_the_case_of_letters() -> None:
    assert suggested("|ABc2de|fga2") == "b"
    assert suggested("|EDC2BA|ged2") == ""
    assert suggested("|edc2BA|AGF2") == "E"


def test_steps_beyond_the_letters_suggest_nothing() -> None:
    assert suggested("|CDE2F|gab2") == ""


def test_nothing_is_found_over_a_tunes_start() -> None:
    assert suggested("|CDE2FG|FGA2")
    assert not suggested("|CDE2FG|\n<start>FGA2")
    assert suggested("|CDE2FG|\n<start>CDEF2FGA") == "B"


@given(
    st.lists(st.sampled_from(["A", "b", "c", "2", "|", "<start>", "G", "s"]), max_size=60),
    st.integers(1, 4),
)
def test_character_by_character_it_finds_what_it_finds_in_the_whole_text(
    parts: list[str], shortest: int
) -> None:
    text = ids("".join(parts))
    kind = Melody(CHARACTERS, shortest, MARK)
    follower = kind.follow()
    stepped = [list(follower.push(character)) for character in text.tolist()]
    assert stepped == kind.encode(text).tolist()


# Of letters so near to each other that no step leads beyond the letters, which suggests nothing.
@given(st.text("ABcd2|", min_size=4, max_size=40))
def test_a_tune_moved_by_a_degree_has_its_matches_moved(text: str) -> None:
    up = str.maketrans("ABcd", "Bcde")
    kind = Melody(CHARACTERS, 2)
    plain, moved = kind.encode(ids("c" + text)), kind.encode(ids("d" + text.translate(up)))
    # The first letter of a tune is a wide step from C, like no other; behind it all is alike.
    assert (plain[:, 1] == moved[:, 1]).all()
