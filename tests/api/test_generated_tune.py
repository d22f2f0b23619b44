"""Tunes in a notebook: made as files when they are asked for, and safe to show."""

import pytest

from musicgen.api.generated import GeneratedTune
from musicgen.errors import RunError
from musicgen.generation import Drawn
from musicgen.music import parse
from musicgen.music.counts import measure
from musicgen.music.files import files
from musicgen.music.score.engrave import Engraver
from musicgen.workflows.generate import Written

SCALE = "X:1\nT:A scale\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|]\n"


def generated(text: str) -> GeneratedTune:
    tune = parse(text)
    drawn = Drawn(1.0, 1, text, complete=True)
    return GeneratedTune(Written(drawn, tune, measure(tune), 4.0, None, {}), {}, True)


def test_files_are_those_that_the_command_writes() -> None:
    tune = generated(SCALE)
    with Engraver() as engraver:
        made = files(tune.tune, ["mid", "svg", "png", "wav", "musicxml"], engraver).contents
    assert tune.midi == made["mid"]
    assert tune.svg == made["svg"]
    assert tune.png == made["png"]
    assert tune.wav == made["wav"]
    assert tune.as_format("musicxml") == made["musicxml"]
    assert tune.midi.startswith(b"MThd")
    assert tune.abc == SCALE
    assert tune.tune.notes == 8
    assert repr(tune) == "<tune T1-1 'A scale': 2 bars, 8 notes>"
    assert repr(tune.tune) == "<tune 'A scale': 2 bars, 8 notes, 0 problems>"


@pytest.mark.parametrize("notes", ["CDEF|GABc|]", ""], ids=["a score", "no notes"])
def test_a_title_cannot_become_html(notes: str) -> None:
    title = "<img src=x onerror=alert(1)></svg><script>alert(2)</script>"
    tune = generated(f"X:1\nT:{title}\nM:4/4\nL:1/4\nK:C\n{notes}\n")
    shown = tune._repr_html_()
    assert shown == tune.tune._repr_html_()
    assert shown.startswith("<svg" if notes else "<pre>")
    assert "<img" not in shown
    assert "<script" not in shown
    assert "&lt;img" in shown


def test_a_tune_without_notes_has_no_sound() -> None:
    with pytest.raises(RunError, match=r"T1-1\.wav can't be had: "):
        generated("X:1\nT:Empty\nK:C\n").wav  # noqa: B018 - reading it makes the file
