"""Every character in one token, and the meaning of the tokens."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.music.grammar import TOKENS, BarLine, Kind, lexicon, read_bar_line, tokenize

ABC = st.text(st.sampled_from("abcdefgABCDEFGzxZ0123456789/^_=,'|:[](){}<>-\"!~.&%\\ KMLVQ+\t#"))
ANYTHING = st.text(st.characters(exclude_characters="\n"))


@given(ABC | ANYTHING)
def test_tokens_cover_every_character(line: str) -> None:
    tokens = tokenize(line)
    assert "".join(tokens) == line
    assert all(tokens)


@given(ABC)
def test_a_token_alone_is_the_same_token(line: str) -> None:
    """So that meaning can be kept by text, and an automaton need not look beyond the token."""
    for token in tokenize(line):
        assert tokenize(token) == [token]


def test_patterns_are_regular() -> None:
    """No look-around, anchors, back-references or lazy repeats: each is also an automaton."""
    for pattern in TOKENS.values():
        bare = re.sub(r"\[\^?(?:\\.|[^\]\\])+\]", "", pattern)  # without classes
        bare = re.sub(r"\\[^a-zA-Z0-9]", "", bare)  # without escaped signs
        assert not re.search(r"\(\?[^:]|[*+?][?+]|[\^$\\{]", bare), pattern


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("^c'3/2", Kind.NOTE),
        ("_3/4c,2", Kind.NOTE),
        ("c 3/2", Kind.NOTE),
        ('["1st time"', Kind.TEXT_ENDING),
        ("&", Kind.OVERLAY),
        ("__B,,//", Kind.NOTE),
        ("z/", Kind.REST),
        ("Z4", Kind.MULTIREST),
        ("y2", Kind.SPACER),
        (":|2", Kind.BAR),
        ("||:", Kind.BAR),
        ("[|]", Kind.BAR),
        ("|[1,3", Kind.BAR),
        ("::", Kind.BAR),
        (".|", Kind.BAR),
        ("[2-4", Kind.ENDING),
        ("(3:2:4", Kind.TUPLET),
        ("(", Kind.SLUR_OPEN),
        (".(", Kind.SLUR_OPEN),
        (")", Kind.SLUR_CLOSE),
        ("{/g}", Kind.GRACE),
        ("{^ga-}", Kind.GRACE),
        ("-", Kind.TIE),
        (">>", Kind.BROKEN),
        ("[K:Edor]", Kind.INLINE),
        ("[CE-G2]3/2", Kind.CHORD),
        ('["A"C.E]', Kind.CHORD),
        ('"Am7"', Kind.STRING),
        ('"^|slow: ["', Kind.STRING),
        ("!trill!", Kind.DECORATION),
        ("+fine+", Kind.DECORATION),
        ("~", Kind.DECORATION),
        ("% |: no", Kind.COMMENT),
        ("\\", Kind.CONTINUATION),
        ("$", Kind.BREAK),
        ("[", Kind.JUNK),
        ('"', Kind.JUNK),
    ],
)
def test_each_kind_of_token_is_recognized(token: str, kind: Kind) -> None:
    assert tokenize(token) == [token]
    assert lexicon[token].kind is kind


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("A2B/c'", ["A2", "B/", "c'"]),
        ("|[CE]", ["|", "[CE]"]),
        ("|[K:D]d", ["|", "[K:D]", "d"]),
        (":|[2 A", [":|[2", " ", "A"]),
        ("((3abc", ["(", "(3", "a", "b", "c"]),
        ("a>b", ["a", ">", "b"]),
        ("[ab", ["[", "a", "b"]),
        ("{ab", ["{", "a", "b"]),
        ("|:|", ["|:|"]),
        ("A&Bc|", ["A", "&", "B", "c", "|"]),
        ("(&A && B&)(c)", ["(&", "A", " ", "&&", " ", "B", "&)", "(", "c", ")"]),
        ("{_/e^/c}[^3/2c_/e]2", ["{_/e^/c}", "[^3/2c_/e]2"]),
        ("C 2 D/ E", ["C 2", " ", "D/", " ", "E"]),
        ("z 3/2 [CE] /2", ["z 3/2", " ", "[CE] /2"]),
        ('|["last time"CE', ["|", '["last time"', "C", "E"]),
        ("abc!def|!fermata!g!", ["a", "b", "c", "!", "d", "e", "f", "|", "!fermata!", "g", "!"]),
    ],
)
def test_a_line_is_cut_between_its_tokens(text: str, tokens: list[str]) -> None:
    assert tokenize(text) == tokens


@pytest.mark.parametrize(
    ("token", "closes", "opens", "double", "ending"),
    [
        ("|", 0, False, False, ()),
        ("||", 0, False, True, ()),
        ("|]", 0, False, True, ()),
        ("[|", 0, False, True, ()),
        ("|:", 0, True, True, ()),
        (":|", 1, False, True, ()),
        ("::|", 2, False, True, ()),
        ("::", 1, True, True, ()),
        (":|:", 1, True, True, ()),
        (":||:", 1, True, True, ()),
        ("[|]:|", 1, False, True, ()),
        ("[|]", 0, False, False, ()),
        ("|1", 0, False, False, (1,)),
        (":|2", 1, False, True, (2,)),
        ("|[1,3", 0, False, False, (1, 3)),
        (":|[2-4", 1, False, True, (2, 3, 4)),
        ("[1", 0, False, False, (1,)),
        ("|1-999999999", 0, False, False, tuple(range(1, 17))),
    ],
)
def test_bar_lines_say_what_closes_opens_and_ends(
    token: str, closes: int, opens: bool, double: bool, ending: tuple[int, ...]
) -> None:
    assert read_bar_line(token) == BarLine(closes, opens, double, ending)
