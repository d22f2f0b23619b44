"""A given header: checked, and written where the network would have written its own."""

import re
from dataclasses import replace

import pytest
import torch

from musicgen.corpus import END, Vocabulary
from musicgen.errors import InputError
from musicgen.generation import Options, draw
from musicgen.generation.header import LETTERS, Cursor, asked_for
from musicgen.models.char_rnn import CharRNN
from musicgen.music import parse
from tests.generation.trained import JIG
from tests.tunes import tunes

VOCABULARY = Vocabulary.of(tunes(10) + JIG + "'")
GIVEN = {"T": "The Jig", "R": "jig", "M": "6/8", "L": "1/8", "K": "G"}


def written(given: dict[str, str], text: str) -> str:
    """What comes of a network that would write this header."""
    cursor, got, place = Cursor(given), "", 0
    while not cursor.done:
        drawn = text[place : place + 1] or "\n"
        allowed = cursor.allowed()
        if cursor.rest:
            drawn = cursor.rest[0]
        elif allowed and drawn not in allowed:
            drawn = ":" if allowed == ":" else "N"
        character = cursor.instead(drawn)
        inserted = character != drawn
        cursor.push(character)
        got += character
        while cursor.rest or (inserted and not got.endswith("\n")):
            got += (forced := cursor.rest[0] if cursor.rest else ":")
            cursor.push(forced)
            if forced == "\n":
                place = place if inserted else text.index("\n", place) + 1
                break
        else:
            place += 1
    return got


@pytest.mark.parametrize(
    ("given", "text", "expected"),
    [
        ({"K": "G"}, "X:1\nT:A\nM:4/4\nK:D\n", "X:1\nT:A\nM:4/4\nK:G\n"),
        ({"M": "6/8"}, "X:1\nM:4/4\nK:D\n", "X:1\nM:6/8\nK:D\n"),
        ({"R": "jig"}, "X:1\nT:A\nK:D\n", "X:1\nT:A\nR:jig\nK:D\n"),
        ({"T": "B"}, "X:1\nM:3/4\nK:D\n", "X:1\nT:B\nM:3/4\nK:D\n"),
        ({"T": "B"}, "M:3/4\nK:D\n", "T:B\nM:3/4\nK:D\n"),
        (GIVEN, "X:7\nK:D\n", "X:7\nT:The Jig\nR:jig\nM:6/8\nL:1/8\nK:G\n"),
        (GIVEN, "K:D\n", "T:The Jig\nR:jig\nM:6/8\nL:1/8\nK:G\n"),
    ],
)
def test_given_fields_go_where_a_header_has_them(
    given: dict[str, str], text: str, expected: str
) -> None:
    assert written(given, text) == expected


@pytest.mark.parametrize(
    ("prime", "rest", "done"),
    [
        ("", "", False),
        ("X:1\n", "", False),
        ("X:1\nT:The Jig\nM:6", "/8\n", False),
        ("X:1\nT:The Jig\nM:6/8\nR:jig % fast\nL:1/8\nK:G\nGAB", "", True),
        ("X:1\nT:The Jig\nM:6/8\nR:jig\nL:1/8\nK:", "G\n", False),
        ("T", "", False),
    ],
)
def test_a_prime_is_read(prime: str, rest: str, done: bool) -> None:
    cursor = Cursor(GIVEN)
    cursor.read(prime)
    assert (cursor.rest, cursor.done) == (rest, done)


@pytest.mark.parametrize(
    ("prime", "message"),
    [
        ("X:1\nK:D\n", "header.key=G must agree with the prime, which has 'K:D'"),
        ("X:1\nM:4", "header.meter=6/8 must agree with the prime, which has 'M:4'"),
        ("X:1\nT:The Jig\nK:G\nABc", "header.rhythm=jig must agree"),
        ("GAB|", "header.title=The Jig must agree"),
    ],
)
def test_a_prime_that_contradicts_the_header_is_refused(prime: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        Cursor(GIVEN).read(prime)


@pytest.mark.parametrize(
    ("key", "written"),
    [("Gminor", "Gm"), ("G Minor", "Gm"), ("Gmajor", "G"), ("A Dorian", "Ador"), ("G", "G")],
)
def test_keys_are_written_as_the_corpus_has_them(key: str, written: str) -> None:
    assert asked_for({"key": key}, Vocabulary.of("K:GmAdor\n")) == {"K": written}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("key", "H", "header.key must be as an ABC K: field has it, got 'H'"),
        ("meter", "six", "header.meter must be"),
        ("unit", "8", "header.unit must be"),
        ("title", "", "header.title must be one line"),
        ("title", "a\nb", "header.title must be one line"),
        ("title", "<end>", "header.title must be one line"),
        ("title", "ß", "header.title: its line's text must use only the"),
    ],
)
def test_values_that_no_header_has(name: str, value: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        asked_for({name: value}, VOCABULARY)


@pytest.fixture(scope="module")
def network() -> CharRNN:
    torch.manual_seed(3)
    return CharRNN(len(VOCABULARY), 8).eval()


@pytest.mark.parametrize("constrain", ["off", "syntax", "bars"])
def test_tunes_have_the_header(constrain: str, network: CharRNN) -> None:
    """An untrained network at temperature 1 writes noise; the header stands all the same."""
    header = dict(zip(LETTERS, GIVEN.values(), strict=True))
    options = Options([1.0], n=4, max_chars=300, header=header, constrain=constrain)
    tunes = [parse(drawn.text) for drawn in draw(network, VOCABULARY, options)]
    with_body = [tune for tune in tunes if tune.field("K")]
    assert len(with_body) == 4 or constrain == "off"
    for tune in with_body:
        head = [field for field in tune.fields if field.start < tune.body]
        for letter, value in GIVEN.items():
            assert [field.value for field in head if field.letter == letter] == [value]
        if constrain != "off":
            assert tune.notes


@pytest.mark.slow
@pytest.mark.parametrize(("constrain", "max_chars"), [("syntax", 256), ("bars", 260)])
def test_a_header_leaves_room_to_end(constrain: str, max_chars: int, network: CharRNN) -> None:
    header = {"title": "A Tune of the Fiddler", "meter": "6/8", "rhythm": "jig", "key": "Ador"}
    options = Options([1.0, 3.0], 4, max_chars=max_chars, header=header, constrain=constrain)
    for drawn in draw(network, VOCABULARY, options):
        assert drawn.complete, drawn.text


def test_what_a_constraint_cannot_write(network: CharRNN) -> None:
    header = {"meter": "(3+4)/8"}
    vocabulary = Vocabulary.of(VOCABULARY.characters + "+)")
    wider = CharRNN(len(vocabulary), 8).eval()
    options = Options([1.0], n=1, header=header, constrain="bars")
    with pytest.raises(InputError, match=r"header.meter must be one that constrain=bars knows"):
        draw(wider, vocabulary, options)
    free = Options([1.0], n=1, header=header, constrain="off", max_chars=50)
    assert draw(wider, vocabulary, free)


def test_a_header_that_leaves_no_room_is_refused(network: CharRNN) -> None:
    header = {"title": "A Tune"}
    with pytest.raises(InputError, match="max_chars must be at least"):
        draw(network, VOCABULARY, Options([1.0], n=1, max_chars=80, header=header))


def test_a_tune_hangs_on_its_number_alone(network: CharRNN) -> None:
    options = Options([0.0, 0.5, 2.0], n=5, max_chars=200, header={"key": "G"}, constrain="off")
    many = draw(network, VOCABULARY, options)
    alone = draw(network, VOCABULARY, replace(options, temperatures=[2.0], n=1, first=4))
    assert alone == [one for one in many if one.name == "T2-4"]


def test_a_prime_is_continued(network: CharRNN) -> None:
    prime = "X:1\nT:The Jig\nM:6/8\nK:G\nGAB cde|"
    options = Options([1.0], n=3, prime=prime, max_chars=100)
    assert all(one.text.startswith(prime) for one in draw(network, VOCABULARY, options))
    for bad, message in (("GAB|", "must begin with a header"), ("T:a\nGAB|", "music at once")):
        with pytest.raises(InputError, match=message):
            draw(network, VOCABULARY, Options([1.0], n=1, prime=bad))
        assert draw(network, VOCABULARY, Options([1.0], n=1, prime=bad, constrain="off"))
    with pytest.raises(InputError, match="not finished, got one that ends in"):
        draw(network, VOCABULARY, Options([1.0], n=1, prime=f"{prime}G3|]\n", constrain="off"))
    for bad, message in ((f"{prime}ß", "prime must use only the"), (END, "must not end the tune")):
        with pytest.raises(InputError, match=message):
            draw(network, VOCABULARY, Options([1.0], n=1, prime=bad))
