import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.corpus import Vocabulary
from musicgen.errors import InputError


@given(st.text(st.characters(), min_size=1))
def test_encode_and_decode_are_inverse(text: str) -> None:
    vocabulary = Vocabulary.of(text)
    ids = vocabulary.encode(text)
    assert ids.shape == (len(text),)
    assert vocabulary.decode(ids) == text
    assert vocabulary.decode(ids.astype(np.int64)) == text


@given(st.text(min_size=1), st.text(min_size=1))
def test_numbers_follow_the_sorted_characters(text: str, other: str) -> None:
    vocabulary = Vocabulary.of(text, other)
    assert vocabulary.characters == "".join(sorted(set(text + other)))
    assert vocabulary.encode(vocabulary.characters).tolist() == list(range(len(vocabulary)))


@given(st.text(min_size=1))
def test_a_vocabulary_survives_json(text: str) -> None:
    vocabulary = Vocabulary.of(text)
    assert Vocabulary.from_json(vocabulary.to_json()) == vocabulary


@pytest.mark.parametrize(("size", "dtype"), [(256, "uint8"), (257, "uint16"), (65_537, "int32")])
def test_numbers_take_the_smallest_type(size: int, dtype: str) -> None:
    vocabulary = Vocabulary("".join(chr(0x10000 + place) for place in range(size)))
    ids = vocabulary.encode(vocabulary.characters)
    assert ids.dtype == dtype
    assert ids[-1] == size - 1


@given(st.text(st.characters(exclude_characters="\n")), st.text("abc\n"))
def test_an_unknown_character_is_named_with_its_place(unknown: str, before: str) -> None:
    vocabulary = Vocabulary("\nabc")
    text = before + unknown
    strange = [place for place, character in enumerate(text) if character not in "\nabc"]
    if not strange:
        assert vocabulary.decode(vocabulary.encode(text)) == text
        return
    line = text[: strange[0]].count("\n") + 1
    column = len(text[: strange[0]].split("\n")[-1]) + 1
    with pytest.raises(InputError, match=f"at character {strange[0] + 1:,} ") as caught:
        vocabulary.encode(text)
    assert f"U+{ord(text[strange[0]]):04X}" in str(caught.value)
    assert f"(line {line}, column {column})" in str(caught.value)


def test_empty_text_has_no_numbers() -> None:
    vocabulary = Vocabulary("ab")
    assert vocabulary.encode("").shape == (0,)
    assert vocabulary.decode([]) == ""


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Z:mail me@some-where.co.uk, or not\n", "Z:mail xx@xxxx-xxxxx.xx.xx, or not\n"),
        ("N:a.b+c@example\n", "N:x.x+x@xxxxxxx\n"),
        ('K:D\n"@1,2 a"A2 | @ b@c\n', 'K:D\n"@1,2 a"A2 | @ b@c\n'),
    ],
)
def test_a_network_tells_no_address(text: str, written: str) -> None:
    vocabulary = Vocabulary.of(text, "x")
    assert vocabulary.written(vocabulary.encode(text)) == written
    bare = Vocabulary.of(text.replace("x", "y"))
    again = bare.written(bare.encode(text.replace("x", "y")))
    assert again == written.replace("x", "@")
    assert len(bare.encode(again)) == len(text)


@pytest.mark.parametrize("number", [-1, 2])
def test_a_number_outside_is_refused(number: int) -> None:
    with pytest.raises(ValueError, match=r"0 \.\. 1"):
        Vocabulary("ab").decode([0, number])


@pytest.mark.parametrize("damaged", [[], ["b", "a"], ["a", "a"], ["ab"], ["a", ""], ["a", 3], "ba"])
def test_a_damaged_list_is_refused(damaged: list[str]) -> None:
    with pytest.raises(InputError, match=r"^vocabulary must"):
        Vocabulary.from_json(damaged)


def test_membership_is_of_single_characters() -> None:
    vocabulary = Vocabulary("ab")
    assert "a" in vocabulary
    assert "ab" not in vocabulary
    assert "" not in vocabulary
