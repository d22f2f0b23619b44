from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.corpus.setting import kin_by_title
from musicgen.corpus.tunebook import clean, read_tunebook

BOOK = """\
% A book of airs
This is free text.

X: 12
T: The First  Air
T:Its Other Name
M: 6/8 % as printed
L: 1/8
Z: Somebody <somebody@example.org>
N: bar 3 is a guess
R: Jig
%%scale 0.7
K: D
  A   | d>ed fga |\\
g>af``ec"4"A |   % a comment
% only a comment
"^Fine"d:|
V:2
w:la la la
[M:9/8] [I:octave=1]d3 "0"e3 !4!f3 !fermata!g3 |]
X:13
T:Second
K:E Minor
EFG|
"""

FIRST = """\
T:The First Air
T:Its Other Name
R:jig
M:6/8
L:1/8
K:D
A | d>ed fga |
g>afecA |
"^Fine"d:|
V:2
[M:9/8] d3 e3 f3 !fermata!g3 |]"""


def test_a_book_is_cut_into_clean_tunes() -> None:
    reading = read_tunebook(BOOK)
    assert [setting.text for setting in reading.settings] == [FIRST, "T:Second\nK:Em\nEFG|"]
    assert reading.settings[0].kin == "firstair"
    assert +reading.left_out == {
        "X: lines": 2,
        "Z: lines": 1,
        "N: lines": 1,
        "w: lines": 1,
        "comments and %% lines": 5,
        "fingerings": 3,
        "other fields in brackets": 1,
        "blocks of text between tunes": 1,
    }


@pytest.mark.parametrize("line", ["d:|", "G::", "e:|2 f", "d|:"])
def test_a_note_before_a_repeat_sign_is_no_field(line: str) -> None:
    assert read_tunebook(f"X:1\nK:C\nCDEF\n{line}\n").settings[0].text.endswith(f"\n{line}")


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("E Minor", "Em"),
        ("Emin", "Em"),
        ("Em", "Em"),
        ("Gmajor", "G"),
        ("A Mixolydian", "Amix"),
        ("AMix", "Amix"),
        ("F#m", "F#m"),
        ("Bb", "Bb"),
        ("Eb lydian", "Eblyd"),
        ("Edorian clef=bass", "Edor clef=bass"),
        ("C clef=bass", "C clef=bass"),
        ("Hp", "Hp"),
        ("Dmix=c", "Dmix=c"),
    ],
)
def test_keys_are_written_one_way(written: str, plain: str) -> None:
    assert read_tunebook(f"X:1\nK: {written}\nABc\n").settings[0].text == f"K:{plain}\nABc"


def test_an_escaped_percent_sign_is_no_comment() -> None:
    (setting,) = read_tunebook("X:1\nT:100 \\% Irish\nK:C\nABc\n").settings
    assert setting.text == "T:100 \\% Irish\nK:C\nABc"


@pytest.mark.parametrize(
    ("book", "why"),
    [
        ("X:1\nT:No key\nABc\n", "tunes without K:"),
        ("X:1\nT:No music\nK:C\n", "tunes without notes"),
        ('X:1\nK:C\nz4|"A"z4|\n', "tunes without notes"),
        ("Dear reader,\nABc\n", "blocks of text between tunes"),
    ],
)
def test_what_is_no_tune_is_counted(book: str, why: str) -> None:
    reading = read_tunebook(book)
    assert not reading.settings
    assert reading.left_out[why] == 1


pieces = [
    *("A", "c2", " ", "  ", "\n", "d:|", "|:", "`", "\\", "%x", '"4"', '"Am"', "!3!", "!trill!"),
    *("[K:E minor]", "[I:x]", "\nK:E minor\n", "\nw:la\n", "\nX:2\n", "\n\nT:b\nK:C\n"),
]


@given(st.lists(st.sampled_from(pieces), max_size=12).map("".join))
def test_a_clean_tune_stays_as_it_is(text: str) -> None:
    for setting in read_tunebook(f"X:1\nK:C\nA\n{text}").settings:
        left_out: Counter[str] = Counter()
        assert clean(setting.text.split("\n"), left_out) == setting.text
        assert not +left_out


@pytest.mark.parametrize(
    "title",
    [
        "The Kerry Cobbler",
        "Kerry Cobbler, The",
        "KERRY COBBLER -- JIG",
        " kerry cobbler",
        "A Kerry Cobbler",
    ],
)
def test_titles_of_one_tune_are_kin(title: str) -> None:
    assert kin_by_title(f"T:{title}\nK:D\n") == "kerrycobbler"


def test_no_title_has_no_kin() -> None:
    assert kin_by_title("K:D\nABc") is None
    assert kin_by_title("T: --\nK:D\nABc") is None
