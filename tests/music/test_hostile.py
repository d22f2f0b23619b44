"""What a network may write: a megabyte of one sign, never closed; time and memory stay bounded."""

import random
import time
import tracemalloc
from itertools import product

import pytest

from musicgen.music import midi_bytes, parse
from tests.cases import a_few_fast
from tests.music.corpora import folk_tunes

SIZE = 1_000_000
UNITS = {
    "slurs": "(",
    "brackets": "[",
    "braces": "{",
    "quotes": '"',
    "exclamations": "!",
    "junk": "\0",
    "notes": "c",
    "open chord": "[a",
    "open grace": "{a",
    "ties": "a-",
    "broken": "a>",
    "tuplets": "(7:11:99a",
    "digits": "1",
    "slashes": "/",
    "octaves": "'",
    "bar lines": "|",
    "repeats": "a::|",
    "endings": "[1-9a|",
    "accidentals": "^c|",
    "overlays": "a&b|",
    "overlays of bars": "a|b&&c|d|",
    "overlays never closed": "&a",
    "microtones": "_3/4c^/d",
    "lengths apart": "c 2 d 3/2 ",
    "line breaks": "a!b|",
    "clefs": "[K:bass octave=-1]a[V:2 transpose=2]b",
    "texts": "\nHello all\n%%begintext\n",
    "rests": "Z999",
    "fields": "[K:D]a[L:1/7]",
    "lines": "a\n",
    "parts": "\nP:A\na",
}


def measured(text: str) -> float:
    """CPU seconds for parse, unfold and MIDI."""
    start = time.process_time()
    tune = parse(text)
    tune.unfolded()
    if tune.notes:
        midi_bytes(tune)
    return time.process_time() - start


@pytest.mark.slow
@pytest.mark.parametrize("name", ["slurs", "open chord", "junk", "notes"])
def test_a_megabyte_of_anything_is_parsed_in_time(name: str) -> None:
    unit = UNITS[name]
    assert measured("M:4/4\nL:1/8\nK:G\nc" + unit * (SIZE // len(unit))) < 20


@pytest.mark.slow
@pytest.mark.parametrize("prefix", ["[", "{", '"', "!", "T:", "K:", "M:", "L:", "Q:", "V:", "P:"])
def test_what_is_never_closed_takes_no_quadratic_time(prefix: str) -> None:
    """In header and body; a pattern that tries again at each character would take minutes."""
    for unit in ("a", "1", "(", " ", "^c ", "1/4 ", "[", ":", "A9"):
        junk = unit * (50_000 // len(unit))
        assert measured(f"T:x\nM:4/4\n{prefix}{junk}\nK:C\n{prefix}{junk}") < 5


@pytest.mark.slow
@pytest.mark.parametrize("opening", ["[", "{"])
def test_no_pattern_of_the_reader_backtracks(opening: str) -> None:
    """All pairs of signs inside of brackets: two ways to match the same signs would show here."""
    for pair in product(" ^c2/z-\"!+.()[{|:'>", repeat=2):
        assert measured("K:C\n" + opening + "".join(pair) * 3_000) < 1, pair


@pytest.mark.parametrize("name", a_few_fast(UNITS, 8))
def test_time_is_linear_in_the_length_of_the_text(name: str) -> None:
    """Sixteen times the text: nearly sixteen times the time, not 256."""
    unit = UNITS[name]
    seconds = []
    for size in (1_000, 16_000):
        text = "K:G\nc" + unit * (size // len(unit))
        runs = []
        for _ in range(3):
            start = time.process_time()
            parse(text)
            runs.append(time.process_time() - start)
        seconds.append(min(runs))
    assert seconds[1] < 64 * max(seconds[0], 0.0002)


@pytest.mark.slow
def test_memory_is_bounded_per_character() -> None:
    """Some hundred bytes for a character, however it is written."""
    tracemalloc.start()
    tune = parse("K:C\n" + "c" * 20_000)
    midi_bytes(tune)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000 * 1000


def test_random_bytes_are_parsed_in_time() -> None:
    chance = random.Random(1)
    for _ in range(100):
        text = chance.randbytes(2000).decode("latin-1")
        measured("M:4/4\nL:1/8\nK:C\n" + text.replace("\n\n", "\n"))


def test_300_thousand_characters_are_parsed_per_second() -> None:
    """At least 300 thousand characters a second."""
    tunes = folk_tunes()[::20]
    start = time.process_time()
    for tune in tunes:
        parse(tune)
    assert sum(map(len, tunes)) / (time.process_time() - start) > 300_000


PIECES = ["&", "&&", "(&", "&)", "[K:bass octave=-1]", "_/", "!", '["last"', " 2 ", "\nV:2 alto\n"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["bytes", "truncations", "splices", "insertions"])
def test_ten_thousand_damaged_texts_raise_nothing(kind: str) -> None:
    """Random bytes, and real tunes cut, joined and spoiled: read, and none takes long."""
    chance = random.Random(kind)
    tunes = folk_tunes()
    for _ in range(10_000):
        first, second = chance.choice(tunes), chance.choice(tunes)
        cut = chance.randrange(len(first))
        if kind == "bytes":
            text = "K:C\n" + chance.randbytes(500).decode("latin-1")
        elif kind == "truncations":
            text = first[:cut]
        elif kind == "splices":
            text = first[:cut] + second[chance.randrange(len(second)) :]
        else:
            text = first[:cut] + chance.choice(PIECES) + chance.choice(PIECES) + first[cut:]
        start = time.process_time()
        parse(text).unfolded()
        assert time.process_time() - start < 2
