"""What a network may write at its worst, through everything that `generate` writes of a tune."""

import io
import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import mido
import pytest

from musicgen.music import parse
from musicgen.music.files import files
from musicgen.music.formats import formats
from musicgen.music.score.engrave import Engraver
from tests.tunes import ROOT

MEGABYTE = 1_000_000
HEADER = "X:1\nT:x\nM:4/4\nL:1/8\nK:G\n"
HOSTILE = {
    "a megabyte of (": HEADER + "A" + "(" * MEGABYTE,
    "a megabyte of [": HEADER + "A" + "[" * MEGABYTE,
    "a bar of very many notes": HEADER + "A" * MEGABYTE,
    "a bar that just fits": HEADER + "A" * 5_000,
    "a chord never closed": HEADER + "A[" + "CEG" * (MEGABYTE // 3),
    "a chord of very many notes": HEADER + "[" + "CEG" * (MEGABYTE // 3) + "]",
    "an old chord never closed": HEADER + "A+" + "C2E2" * (MEGABYTE // 4),
    "a title of a megabyte": HEADER.replace("T:x", "T:" + "x, " * (MEGABYTE // 3)) + "A8|]",
    "a megabyte of titles": "X:1\n" + "T:x\n" * (MEGABYTE // 4) + "K:G\nA8|]",
    "a note for a year": HEADER + "[Q:1/4=1]" + "A999999999|" * 100,
    "repeats": HEADER + "|:A8::" * 1_000,
    "no end of nothing": "\0" * MEGABYTE,
}
PLAYABLE = {"a megabyte of (", "a title of a megabyte", "a megabyte of titles"}
"""Nothing keeps these from any format."""
LIMIT_S = 40
LIMIT_BYTES = 1_500_000_000


@pytest.mark.slow
def test_time_and_memory_are_bounded() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "tests.generation.hostile"],
        input=json.dumps(HOSTILE),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=len(HOSTILE) * LIMIT_S,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    told = json.loads(process.stdout)
    assert told["peak"] < LIMIT_BYTES
    assert list(told["tunes"]) == list(HOSTILE)
    for name, (seconds, sizes, missing) in told["tunes"].items():
        assert seconds < LIMIT_S, name
        assert {*sizes, *missing} == set(formats()), name
        assert "abc" in sizes
        assert all(why and "\n" not in why for why in missing.values())
        assert name not in PLAYABLE or not missing, (name, missing)
    assert set(told["tunes"]["no end of nothing"][1]) == {"abc"}


TITLES = [
    "</title><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>&a;",
    "]]><![CDATA[",
    "&lt;script&gt;&#60;script&#62;",
    "a\0b\x1b[2Jc\x08\ud800\uffff",
    "../../../etc/passwd",
    "%s{0}$HOME`id`",
]


@pytest.fixture(scope="module")
def engraver() -> Engraver:
    return Engraver()


@pytest.mark.parametrize("field", TITLES)
def test_hostile_titles_stay_text(field: str, engraver: Engraver) -> None:
    header = f"X:1\nT:{field}\nC:{field}\nR:{field}\nM:4/4\nL:1/8\nK:G\n"
    text = f'{header}"^{field}"A8|[P:{field}]B8|]\n'
    with engraver:
        made = files(parse(text), list(formats()), engraver)
    assert made.missing == {}
    svg = made.contents["svg"].decode()
    assert b"\0" not in made.contents["svg"]
    root = ElementTree.fromstring(svg)  # well-formed, and no entity of its own
    names = {element.tag.rpartition("}")[2] for element in root.iter()}
    assert not names & {"script", "img", "image", "foreignObject", "a"}
    events = {key for element in root.iter() for key in element.attrib if key.startswith("on")}
    assert not events
    assert made.contents["png"].startswith(b"\x89PNG")
    assert mido.MidiFile(file=io.BytesIO(made.contents["mid"])).length > 0
