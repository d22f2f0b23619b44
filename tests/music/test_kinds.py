"""What kinds of tokens a training text has."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from musicgen.music.kinds import BAR, HEADER, LINES, PLACES, SECTION, WITHIN, Kinds, kinds_of

TUNE = """T:A Tune!
R:reel
M:4/4
K:D
|:"D"A2 [ce]2 !trill!^c4|[K:G](3abc (de) z2 ~g>f||
P:B
[M:3/4]{/g}a6|1 f2 f4:|2 _f6|[1=f6:|[2 "^end"f6|]
"""


@pytest.mark.parametrize(
    ("token", "kinds"),
    [
        ("c2", ()),
        (" ", ()),
        ("^c,2/", ("^",)),
        ("__c", ("__",)),
        ("|", ("|",)),
        ("|:", ("|:",)),
        ("|1", ("|1",)),
        (":|2", (":|2",)),
        ("|[1", ("|", "[1")),
        (":|[2", (":|", "[2")),
        ("[1", ("[1",)),
        ("[1,3", ("[1,3",)),
        ("[CE]2", ("[c",)),
        ("[K:G]", ("[K:",)),
        ('"Am7"', ('"c',)),
        ('"^slow"', ('"^',)),
        ('"slow"', ('"',)),
        ('"D.C."', ('"',)),
        ('"Fine"', ('"',)),
        ("!trill!", ("!trill!",)),
        ("!", ("!",)),
        ("+trill+", ("+",)),
        ("~", ("~",)),
        ("(", ("(",)),
        ("(3", ("(3",)),
        ("(3:2:2", ("(3:2:2",)),
        ("{ab}", ("{",)),
        ("{/a}", ("{/",)),
        (">>", (">>",)),
        ("-", ("-",)),
        ("z4", ("z",)),
        ("\\", ("\\",)),
    ],
)
def test_the_kinds_of_a_token(token: str, kinds: tuple[str, ...]) -> None:
    assert kinds_of(token) == kinds


def test_kinds_are_counted_by_place() -> None:
    """Counted by hand."""
    counted = Kinds.of([TUNE])
    assert counted.to_json() == {
        HEADER: {"K:": 1, "M:": 1, "R:": 1, "T:": 1},
        LINES: {"P:": 1},
        SECTION: {"|:": 1, "[M:": 1, "{/": 1, "[2": 1, '"^': 1},
        BAR: {'"c': 1, "[K:": 1, "(3": 1, "_": 1, "[1": 1, "=": 1},
        WITHIN: {
            "[c": 1,
            "!trill!": 1,
            "^": 1,
            "(": 1,
            ")": 1,
            "z": 1,
            "~": 1,
            ">": 1,
            "|": 2,
            "||": 1,
            "|1": 1,
            ":|2": 1,
            ":|": 1,
            "|]": 1,
        },
    }


@given(st.lists(st.text('CDEab|:[]12()z^=_-/ \n"!+{}>V:KT<', max_size=80), max_size=3))
def test_counts_come_back_from_json(tunes: list[str]) -> None:
    counted = Kinds.of(tunes)
    assert set(counted.to_json()) == set(PLACES)
    again = Kinds.from_json(json.loads(json.dumps(counted.to_json())))
    assert again == counted
    assert hash(again) == hash(counted)
    assert all(len(kind) <= 12 for kind in counted.music())
