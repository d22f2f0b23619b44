from collections import Counter

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from musicgen.corpus.setting import kin_by_title
from musicgen.corpus.tunebook import clean, read_tunebook
from musicgen.music import parse

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


def test_words_among_the_notes_of_a_record_are_counted() -> None:
    left_out: Counter[str] = Counter()
    assert clean(["K:C", "ABc|", "Second time slower", "d|"], left_out) == "K:C\nABc|\nd|"
    assert +left_out == {"lines of words": 1}


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


def cleaned(book: str, **options: bool) -> list[str]:
    return [setting.text for setting in read_tunebook(book, **options).settings]


@pytest.mark.parametrize(
    ("book", "expected"),
    [
        # A file header holds for each tune.
        ("M:3/4\nL:1/4\n\nX:1\nK:C\nCDE|\n", "M:3/4\nL:1/4\nK:C\nCDE|"),
        ("X:1\nM:6/8\nK:\nABc|\n[K:]c\n", "M:6/8\nK:none\nABc|\n[K:]c"),
        ("X:1\nK:F♯m\nABc|\n", "K:F#m\nABc|"),
        # What a voice says of pitch stays.
        (
            'X:1\nV:1 clef=bass name="The Bass"\nV:2 name="A B" octave=-1 stems=up\nK:C\nV:2\nC|\n',
            "V:2 octave=-1\nK:C\nV:2\nC|",
        ),
        ("X:1\nV:1 clef=treble\nK:C treble-8\nV:1\nC|\n", "V:1 clef=treble\nK:C treble-8\nV:1\nC|"),
        # Line breaks of old.
        ("X:1\nK:C\nabc|!def|!fermata!g!\n", "K:C\nabc|def|!fermata!g"),
        ('X:1\nK:C\n"Hi!"a!b"so!"c!\n', 'K:C\n"Hi!"ab"so!"c'),
        # The form of folk-rnn's corpora.
        (
            "[L:1/8]\n[M:4/4]\n[K:CMaj]\n|: C 2 D > E z 3/2 [CE] 2 |1 c /2 :|\n",
            "M:4/4\nL:1/8\nK:C\n|: C2 D > E z3/2 [CE]2 |1 c/2 :|",
        ),
        ('X:1\nK:C\n"A 2"C 2 [K:A] |] 2\n', 'K:C\n"A 2"C2 [K:A] |] 2'),
        ("  X:1\n  T:In\n\tK:C\n  CDE|\n", "T:In\nK:C\nCDE|"),
        # Words.
        ("X:1\nK:C\nABc|\nD.C. al Fine\nThat was it\n</pre>\n", "K:C\nABc|"),
        ("X:1\nK:C\nABc|\n%%begintext\nabc|\n\nabc|\n%%endtext\nc|\n", "K:C\nABc|\nc|"),
    ],
)
def test_books_as_people_write_them(book: str, expected: str) -> None:
    assert cleaned(book) == [expected]


def test_words_and_blank_lines_are_told() -> None:
    reading = read_tunebook("Dear all,\n\nX:1\nK:C\n\nABc|\n\nX:2\nK:C\nc|\nThe end\n")
    assert reading.prose == [(1, "Dear all,"), (11, "The end")]
    assert reading.cut == [5]
    assert [s.text for s in reading.settings] == ["K:C\nc|"]
    assert cleaned("X:1\nK:C\n\nABc|\n\nX:2\nK:C\nc|\n", over_blank_lines=True) == [
        "K:C\nABc|",
        "K:C\nc|",
    ]


@example(["d:|", "!", "A", "[I:x]", "!trill!"])
@example(["!", "A", "!3!"])  # a decoration, and a line break behind the 3
@given(st.lists(st.sampled_from([*pieces, "!", "!f!", "C 2", "&", "^/c", "|"]), max_size=12))
def test_cleaning_changes_no_note(music: list[str]) -> None:
    """What is played of a tune is played of its cleaned text."""
    text = "X:1\nM:none\nL:1/8\nK:C\nA" + "".join(music).replace("\n\n", "\n") + "\n"
    tune = text.split("\nX:2")[0].split("\nT:b")[0]
    if not (found := cleaned(tune)):
        return
    before, after = (parse(abc) for abc in (tune, found[0]))
    assert [[e.pitches for e in v.events] for v in before.voices] == [
        [e.pitches for e in v.events] for v in after.voices
    ]
