"""Scores, pictures and sound of what a network may write at its worst: bounded time and memory."""

import contextlib
import os
import time
import tracemalloc
from collections.abc import Callable

import pytest

from musicgen.errors import InputError, RunError
from musicgen.music import Tune, midi_bytes, parse
from musicgen.music.score import engrave, mei, musicxml, png_bytes
from musicgen.music.wav import wav_bytes

HEADER = "M:4/4\nL:1/8\nK:G\n"
SIZE = 100_000
HOSTILE = {
    "a bar of notes": "A" * SIZE,
    "a bar that just fits": "A" * 5_000,
    "bars that just fit": "A8|" * 2_000,
    "parentheses": "(" * SIZE + "A",
    "nested slurs": "(" * 3_000 + "AB" + ")" * 3_000,
    "crossing slurs": "(A" * 2_000 + ")B" * 2_000,
    "braces": "{" * SIZE + "A",
    "a chord never closed": "[CEG" * (SIZE // 4),
    "a chord of everything": "[" + "CDEFGABcdefgab" * (SIZE // 14) + "]",
    "grace notes": "{" + "g" * SIZE + "}A",
    "groups of grace notes": "{g}" * (SIZE // 3) + "A",
    "chord symbols": '"G"' * (SIZE // 3) + "A",
    "a long chord symbol": '"' + "G" * SIZE + '"A',
    "quotes": '"' * (SIZE + 1) + "A",
    "decorations": "~" * SIZE + "A",
    "tuplets": "(3A(5B(7c" * 1_600,
    "ties": "A-" * 5_000,
    "lengths": "A999999999|B/////////////////|" * 10,
    "octaves": "A" + "," * SIZE + "|a" + "'" * SIZE,
    "endings": "|1 A|2 B|3 C" * 600,
    "rests": "Z999|" * 3_000 + "A",
    "keys and meters": "[K:C#]A|[K:Gb]B|[M:3/4]c|[M:7/8]d|" * 400,
    "voices": "".join(f"V:{number}\nABcd|\n" for number in range(2_000)),
    "voices at rest": "V:1\n" + "Z999|" * 100 + "\nV:2\nA",
    "parts": "P:A\nA\n" * 1_500,
    "tempos": "[Q:1/4=1]A[Q:1/1=9999]B" * 1_500,
    "titles": "A\n" + "T:x\n" * (SIZE // 4),
}


JUNK = ["<&", "a, ", "\\'e", "&amp;", "\0", "\ud800", "é", '"', "(1+", "%", "treble "]


def measured(work: Callable[[Tune], object], tune: Tune) -> tuple[float, int]:
    """(Seconds, bytes at the peak); to refuse the tune is work well done."""
    tracemalloc.start()
    start = time.process_time()
    with contextlib.suppress(InputError):
        work(tune)
    seconds = time.process_time() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return seconds, peak


def spent() -> float:
    """The processor's seconds so far, of this process and of its children that have ended."""
    return sum(os.times()[:4])


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_music_becomes_files_within_limits(name: str) -> None:
    tune = parse(HEADER + HOSTILE[name])
    for work in (mei, musicxml, midi_bytes, wav_bytes):
        seconds, peak = measured(work, tune)
        assert seconds < 10
        assert peak < 500_000_000
    try:
        score = mei(tune)
    except InputError:
        return
    start = spent()
    (svg,) = engrave([score], limit_s=3)
    assert spent() - start < 10
    if isinstance(svg, RunError):
        assert "longer than 3 s" in str(svg)
        return
    with contextlib.suppress(InputError):
        png_bytes(svg, 500)
    assert spent() - start < 30


@pytest.mark.slow
@pytest.mark.parametrize("letter", "TCRPQKVM")
@pytest.mark.parametrize("junk", JUNK)
def test_hostile_fields_become_files_within_limits(letter: str, junk: str) -> None:
    text = junk * (SIZE // len(junk))
    tune = parse(f"T:x\n{letter}:{text}\nM:4/4\nK:G\n{letter}:{text}\nABc")
    for work in (mei, musicxml, midi_bytes, wav_bytes):
        seconds, peak = measured(work, tune)
        assert seconds < 2
        assert peak < 100_000_000
    (svg,) = engrave([mei(tune)], limit_s=3)
    assert isinstance(svg, str)
    assert len(svg) < 20_000
