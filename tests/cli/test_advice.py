"""What a door says beside the facts of an error."""

from pathlib import Path
from typing import Any

import pytest

from musicgen import corpus
from musicgen.api.advice import PYTHON
from musicgen.cli.advice import APPLICATION, COMMAND, Words, with_advice
from musicgen.errors import InputError, Remedy, RunError
from musicgen.generation.prime import check_prime


@pytest.mark.parametrize("words", [COMMAND, APPLICATION, PYTHON], ids=["own", "other", "Python"])
def test_every_door_has_words_for_every_remedy(words: Words) -> None:
    assert list(words) == list(Remedy)
    assert all(words.values())


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


@pytest.mark.parametrize(
    ("asked", "remedy"),
    [
        ({"name": "folk", "split": "files"}, Remedy.OWN_FILES),
        ({"name": "folk", "path": "tunes.abc"}, Remedy.OWN_FILES),
        ({"name": "files", "path": "a.abc", "test_path": "b.abc"}, Remedy.OWN_SPLIT),
    ],
)
def test_paths_that_a_corpus_does_not_read_have_a_way_out(
    asked: dict[str, Any], remedy: Remedy, tmp_path: Path
) -> None:
    with pytest.raises(InputError) as caught:
        corpus.load(**{"root": tmp_path, **asked})
    assert caught.value.remedy is remedy
