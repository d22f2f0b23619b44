"""What a door says beside the facts of an error."""

from pathlib import Path

import pytest

from musicgen import corpus
from musicgen.cli.advice import WORDS, with_advice
from musicgen.errors import InputError, Remedy, RunError
from musicgen.generation.prime import check_prime


def test_every_remedy_has_words() -> None:
    assert list(WORDS) == list(Remedy)


def test_a_room_says_the_fact_and_the_door_what_to_type() -> None:
    with pytest.raises(InputError) as caught:
        check_prime("GAB|", constrained=True)
    assert "constrain=off" not in str(caught.value)
    assert with_advice(caught.value).endswith("before it, or use constrain=off")
    assert with_advice(RunError("it failed")) == "it failed"


@pytest.mark.parametrize(
    ("text", "given", "remedy"),
    [
        ("X:1\nK:C\nABc|\n", {}, Remedy.CONTIGUOUS_SPLIT),
        ("X:1\nK:C\n\nABc|\n", {}, Remedy.READ_OVER_BLANK_LINES),
        ("X:1\nK:C\n\nABc|\n", {"blank_lines": "allow"}, Remedy.CONTIGUOUS_SPLIT),
        ("some words\n", {}, None),
    ],
)
def test_a_corpus_says_what_else_would_help(
    text: str, given: dict[str, str], remedy: Remedy | None, tmp_path: Path
) -> None:
    (tmp_path / "tunes.abc").write_text(text)
    with pytest.raises(InputError) as caught:
        corpus.load("files", path=tmp_path / "tunes.abc", root=tmp_path / "data", **given)
    assert caught.value.remedy is remedy
