"""The match with the tune so far: for a whole text and character by character."""

from copy import copy

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.memory import match
from musicgen.memory.match import Match, MatchFollower

SMALL = st.lists(st.integers(0, 3), max_size=120)
MARK = (3, 0)


def by_definition(text: list[int], start: tuple[int, ...], shortest: int) -> list[list[int]]:
    """The match of each character, place by place as the module's docstring says it."""
    found, first = [], 0
    for here in range(len(text)):
        best = (0, 0)
        for there in range(here - 1, max(first, here - match.WINDOW) - 1, -1):
            length = 0
            while (
                length < match.LONGEST
                and there - length >= first
                and text[there - length] == text[here - length]
            ):
                length += 1
            if length >= shortest and length > best[1]:
                best = (text[there + 1] + 1, length)
        found.append(list(best))
        if start and tuple(text[max(first, here + 1 - len(start)) : here + 1]) == start:
            first = here + 1
    return found


@given(text=SMALL, shortest=st.integers(1, 4), marked=st.booleans())
def test_a_match_is_what_its_definition_says(text: list[int], shortest: int, marked: bool) -> None:
    start = MARK if marked else ()
    assert Match(4, shortest, start).encode(np.array(text, np.int64)).tolist() == by_definition(
        text, start, shortest
    )


@given(text=SMALL, shortest=st.integers(1, 4), longest=st.integers(4, 9), window=st.integers(1, 40))
def test_length_and_distance_are_bounded(
    text: list[int], shortest: int, longest: int, window: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(match, "LONGEST", longest)
        patch.setattr(match, "WINDOW", window)
        whole = Match(4, shortest, MARK).encode(np.array(text, np.int64))
        assert whole.tolist() == by_definition(text, MARK, shortest)
        follower = MatchFollower(MARK, shortest)
        assert [list(follower.push(c)) for c in text] == whole.tolist()


@given(
    texts=st.lists(st.lists(st.integers(0, 3), min_size=60, max_size=60), min_size=2, max_size=4),
    shared=st.lists(st.integers(0, 3), max_size=20),
)
def test_texts_that_grow_side_by_side_have_the_matches_of_each(
    texts: list[list[int]], shared: list[int]
) -> None:
    follower = MatchFollower(MARK, 2)
    for character in shared:
        follower.push(character)
    followers = [copy(follower) for _ in texts]
    grown = [
        [list(one.push(character)) for one, character in zip(followers, column, strict=True)]
        for column in zip(*texts, strict=True)
    ]
    for number, text in enumerate(texts):
        whole = Match(4, 2, MARK).encode(np.array(shared + text, np.int64))[len(shared) :].tolist()
        assert [found[number] for found in grown] == whole


def test_a_match_never_reaches_over_a_tunes_start() -> None:
    text = np.array([1, 2, 1, 2, 3, 0, 1, 2, 1, 2])
    found = Match(4, 2, MARK).encode(text)
    assert found[3].tolist() == [2, 2]
    assert not found[6:9].any()
    assert found[9].tolist() == [2, 2]


def test_a_million_same_characters_take_linear_time() -> None:
    found = Match(1, 2).encode(np.zeros(200_000, np.int64))
    assert (found[match.LONGEST :] == [1, match.LONGEST]).all()


def test_an_empty_text_has_no_matches() -> None:
    assert Match(4, 2, MARK).encode(np.zeros(0, np.int64)).shape == (0, 2)
