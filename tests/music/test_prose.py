"""Words are no music, and music is no words."""

import pytest

from musicgen.music import parse
from musicgen.music.prose import is_prose
from tests.music.corpora import folk_tunes, report_tunes


@pytest.mark.parametrize(
    "line",
    [
        "Hi Bob", "Dear all,", "The tune was great", "Please send me a cake", "D.C. al Fine",
        "Fine", "TRIO", "FIRST PART", "2nd ending", "Part A", "Repeat part A", "-----",
        "</pre>", "<p>abc|def|</p>", "  <br>", "<!-- abc|", "Über den Wäldern", "Dé cadence fâchée",
    ],
)  # fmt: skip
def test_words_are_not_read_as_music(line: str) -> None:
    assert is_prose(line)
    tune = parse(f"M:none\nK:C\nABc|\n{line}\nd|\n")
    assert tune.notes == 4
    assert [(p.line, p.message) for p in tune.problems] == [(4, "words, not music; not read")]


@pytest.mark.parametrize(
    "line",
    [
        "uAvB uAvB", "~A2 Tc2 {g}e", "ABCD EFGA", "(3abc d2", "[1 abc", "z4 x2 y", "w", "Ac d2 H",
        '"^Slowly, with much expression"a2 b2', "!trill!a2 !fermata!b2", "[I:linebreak]c d",
        "a b % Slowly, with much expression", "+trill+a", "c>d<e", "abc\\", "a-|bc:|", ":|", "&",
    ],
)  # fmt: skip
def test_music_is_not_taken_for_words(line: str) -> None:
    assert not is_prose(line)


@pytest.mark.slow
@pytest.mark.parametrize(("tunes", "most"), [(folk_tunes, 0), (report_tunes, 20)])
def test_no_line_of_real_music_is_taken_for_words(tunes, most: int) -> None:  # type: ignore[no-untyped-def]
    """The report's texts have 19 lines of French among their notes."""
    problems = [p for text in tunes() for p in parse(text).problems]
    assert sum(p.message.startswith("words") for p in problems) <= most
