"""Engraving and pictures, with the real engraver; what must be seen is looked for in the pixels."""

import io
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import matplotlib.image
import numpy as np
import pytest

from musicgen.errors import InputError, RunError
from musicgen.music import parse
from musicgen.music.score import engrave, mei, note_id, png_bytes
from musicgen.music.score.engrave import Engraver
from tests.cases import a_few_fast
from tests.music.corpora import folk_tunes

SVG = "{http://www.w3.org/2000/svg}"
WIDTH = 1050
"""Pixels: half of the units of the page, a twentieth of those of the drawing."""

TUNE = """T:The Title
T:Subtitle
C:Composer
R:reel
M:4/4
L:1/8
Q:3/8=100
K:G
P:Part
"F#m"GABc "^over"d4|1 "Bb"e8:|2 (3gab g2 .g2 Tg2|]
"""


@pytest.fixture(scope="module")
def picture() -> str:
    (svg,) = engrave([mei(parse(TUNE))])
    assert isinstance(svg, str)
    return svg


def texts(svg: str) -> Iterator[tuple[str, float, float]]:
    """Each text with the pixel where it is anchored."""
    root = ElementTree.fromstring(svg)
    margin = next(g for g in root.iter(SVG + "g") if g.get("class") == "page-margin")
    shift = [int(n) for n in re.findall(r"[0-9]+", margin.get("transform", ""))]
    for text in root.iter(SVG + "text"):
        spans = [text, *text.iter(SVG + "tspan")]
        x, y = (next(s.get(k) for s in spans if s.get(k)) for k in ("x", "y"))
        words = "".join(text.itertext()).strip()
        yield words, (float(x or 0) + shift[0]) / 20, (float(y or 0) + shift[1]) / 20


def pixels(svg: str) -> np.ndarray:
    """Darkness from 0 to 1, (height, width)."""
    return 1 - matplotlib.image.imread(io.BytesIO(png_bytes(svg, WIDTH)))[:, :, 0]


def without(svg: str, words: str) -> str:
    """The picture with one of its texts left out."""
    root = ElementTree.fromstring(svg)
    text = next(t for t in root.iter(SVG + "text") if "".join(t.itertext()).strip() == words)
    for part in list(text.iter()):
        part.text = ""
    return ElementTree.tostring(root, encoding="unicode")


@pytest.mark.parametrize(
    "words",
    a_few_fast(
        (
            "The Title",
            "F♯m",
            "= 100",
            "Subtitle",
            "Composer",
            "reel",
            "Part",
            "B♭",
            "over",
            "1.",
            "2.",
        )
    ),
)
def test_text_is_in_the_pixels(picture: str, words: str) -> None:
    """resvg says nothing when it has no font for a text; so each text is looked for."""
    _, x, y = next(found for found in texts(picture) if found[0] == words)
    here = (slice(int(y) - 16, int(y) + 6), slice(max(int(x) - 120, 0), int(x) + 120))
    ink = pixels(picture)[here] - pixels(without(picture, words))[here]
    assert ink.sum() > 15 * len(words)


@pytest.mark.parametrize(("words", "sign"), [("F♯m", "♯"), ("B♭", "♭")])
def test_accidentals_of_chord_symbols_are_in_the_pixels(
    picture: str, words: str, sign: str
) -> None:
    _, x, y = next(found for found in texts(picture) if found[0] == words)
    here = (slice(int(y) - 20, int(y) + 6), slice(int(x) - 40, int(x) + 40))
    ink = pixels(picture)[here].sum() - pixels(picture.replace(sign, " "))[here].sum()
    assert abs(ink) > 10


def test_signs_of_the_music_font_are_drawn(picture: str) -> None:
    """The dotted quarter of the tempo: no private character is left for a font that no one has."""
    assert not re.search("[\ue000-\uf8ff]", picture)
    _, x, y = next(found for found in texts(picture) if found[0] == "= 100")
    note = pixels(picture)[int(y) - 20 : int(y) + 5, int(x) - 20 : int(x) - 2]
    assert note.sum() > 20


def test_the_notes_of_tempos_have_stems(picture: str) -> None:
    """Dark enough to be seen where a picture is small: above the head, four tenths of ink."""
    _, x, y = next(found for found in texts(picture) if found[0] == "= 100")
    above = pixels(picture)[int(y) - 17 : int(y) - 7, int(x) - 22 : int(x) - 2]
    assert above.max(axis=1).min() > 0.4


@pytest.mark.parametrize("place", "^_")
def test_a_long_annotation_stays_on_the_page(place: str) -> None:
    long = f"{place}{'a long annotation ' * 3}"
    (svg,) = engrave([mei(parse(f'L:1/8\nM:4/4\nK:C\n{"CDEFGABc|" * 4}CDEFGA"{long}"Bc|\nC8|]'))])
    assert isinstance(svg, str)
    assert pixels(svg)[:, -4:].sum() == 0


def test_notes_keep_their_ids(picture: str) -> None:
    root = ElementTree.fromstring(picture)
    names = {element.get("id") for element in root.iter() if element.get("class") == "note"}
    events = parse(TUNE).voices[0].events
    assert names == {note_id(0, index) for index in range(len(events))}


def test_the_same_whatever_was_engraved_before() -> None:
    scores = [mei(parse(TUNE)), mei(parse("K:C\nABc|"))]
    forth, back = engrave(scores), engrave(scores[::-1])
    assert forth == back[::-1]


def test_the_picture_is_as_wide_as_asked(picture: str) -> None:
    assert pixels(picture).shape[1] == WIDTH
    assert png_bytes(picture, WIDTH) == png_bytes(picture, WIDTH)
    for width in (0, 10_001):
        with pytest.raises(InputError, match="1 to 10,000 pixels"):
            png_bytes(picture, width)
    with pytest.raises(InputError, match="lower its width"):
        png_bytes(picture.replace('viewBox="0 0 2100', 'viewBox="0 0 1'), 1000)


GOOD = mei(parse("K:C\nABc|"))
CRASHES = GOOD.replace('<staff n="1">', '<staff n="99">')
"""verovio 6.4.1 ends with a segmentation fault."""
ENDLESS = GOOD.replace('<layer n="1">', '<layer n="1">' + "<beam>" * 50_000 + "</beam>" * 50_000)


def test_a_crash_is_an_error_of_one_tune() -> None:
    before, crashed, unreadable, after = engrave([GOOD, CRASHES, "<mei", GOOD])
    assert isinstance(before, str)
    assert before == after
    assert isinstance(crashed, RunError)
    assert "crashed" in str(crashed)
    assert isinstance(unreadable, RunError)
    assert "could not read" in str(unreadable)


@pytest.mark.slow
def test_a_time_limit_is_kept() -> None:
    with Engraver(limit_s=5.0) as engraver:
        assert "v0e2" in engraver.svg(GOOD)
        with pytest.raises(RunError, match="took longer than 5 s"):
            engraver.svg(ENDLESS)
        assert "v0e2" in engraver.svg(GOOD)


@pytest.mark.slow
def test_the_engravers_start_is_no_tunes_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine it takes seconds to load the library."""
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(6)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (svg,) = engrave([GOOD], limit_s=5.0)
    assert isinstance(svg, str)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("does", "start_s", "reason"),
    [
        ("os._exit(1)", 60, "did not start: is it installed?"),
        ("time.sleep(60)", 2, "did not start within 2 s"),
    ],
)
def test_an_engraver_that_does_not_start_is_tried_once(
    does: str, start_s: float, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = tmp_path / "tries"
    first = f"import os, time\nopen({str(tries)!r}, 'a').write('x')\n{does}\n"
    (tmp_path / "sitecustomize.py").write_text(first)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with Engraver(start_s=start_s) as engraver:
        for _ in range(3):
            with pytest.raises(RunError, match=re.escape(reason)):
                engraver.svg(GOOD)
    assert not tries.exists() or len(tries.read_text()) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the system has no such limit")
def test_a_memory_limit_is_kept() -> None:
    greedy = re.sub(r"(<measure.*</measure>)", lambda match: match[1] * 20_000, GOOD)
    with Engraver(limit_s=60, limit_bytes=200 << 20) as engraver:
        assert "v0e2" in engraver.svg(GOOD)
        with pytest.raises(RunError, match="out of memory"):
            engraver.svg(greedy)
        assert "v0e2" in engraver.svg(GOOD)


def test_a_hostile_title_stays_text() -> None:
    title = '</title><script>alert("&")</script><img src=x onerror=alert(1)>\x00\x1b]]>'
    abc = f'T:{title}\nC:{title}\nR:{title}\nP:{title}\nK:C\nP:{title}\n"^{title[:20]}"AB|'
    (svg,) = engrave([mei(parse(abc))])
    assert isinstance(svg, str)
    tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
    assert not tags & {"script", "img", "foreignObject", "a", "image"}
    assert "<script" not in svg
    assert any(words.startswith("</title><script>") for words, _, _ in texts(svg))


@pytest.mark.slow
def test_a_long_tune_is_one_picture() -> None:
    """More than one of verovio's pages (six metres), one below the other."""
    (svg,) = engrave([mei(parse("L:1/1\nK:C\n" + "A|B|\n" * 900))], limit_s=60)
    assert isinstance(svg, str)
    ElementTree.fromstring(svg)
    assert 'id="v0e1799"' in svg


ALPHABET = "ABCDEFGabcdefgz|:[](){}<>\"!^_=-'/,0123456789 \n%&KMLVQPT.~\\#yZ\0é"


def mutated(text: str, rng: random.Random) -> str:
    """As a network at T = 2 might write: some characters changed, lost, doubled."""
    characters = list(text)
    for _ in range(rng.randint(1, 60)):
        here = rng.randrange(len(characters) + 1)
        there = rng.randrange(len(characters) + 1)
        match rng.randrange(3):
            case 0:
                characters[here : here + 1] = rng.choices(ALPHABET, k=rng.randint(1, 3))
            case 1:
                del characters[here : here + rng.randint(1, 4)]
            case 2:
                characters[here:here] = characters[there : there + rng.randint(1, 40)]
    return "".join(characters)


@pytest.mark.slow
def test_mutated_tunes_are_engraved() -> None:
    rng = random.Random(2)
    scores = []
    for text in rng.sample(folk_tunes(), 150):
        tune = parse(mutated(text, rng))
        if tune.notes:
            scores.append(mei(tune))
            ElementTree.fromstring(scores[-1].encode())
    assert len(scores) > 140
    for svg in engrave(scores):
        assert isinstance(svg, str), svg
        ElementTree.fromstring(svg)
