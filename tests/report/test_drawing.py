"""Scores cleaned for a page."""

import re

import pytest

from musicgen.music import parse
from musicgen.music.score import engrave, mei
from musicgen.report.drawing import drawing
from tests.report.folders import TUNE


def test_a_score_keeps_its_notes_and_nothing_that_could_act() -> None:
    tune = parse(TUNE)
    (svg,) = engrave([mei(tune)])
    assert isinstance(svg, str)
    drawn = drawing(svg, "p-")
    events = {f"v0e{n}" for n, event in enumerate(tune.voices[0].events) if event.pitches}
    assert events <= set(re.findall(r'data-e="([^"]+)"', drawn))
    used = set(re.findall(r'href="#([^"]+)"', drawn))
    assert used
    assert used == set(re.findall(r' id="([^"]+)"', drawn))
    assert not re.search(r"<style|<script| style=| on\w+=|class=\"note", drawn)
    # Verovio hides a dot where a section or a system begins by a style.
    assert 'placeholder"><ellipse' in svg
    assert "<ellipse" not in drawn
    assert len(drawn) < len(svg)


def test_what_is_not_a_drawing_is_dropped() -> None:
    hostile = (
        '<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><script>x()</script>'
        '<a href="javascript:x()"><path d="M0 0"/></a><foreignObject><p/></foreignObject>'
        '<use href="https://example.org/#a"/><text x="1" onclick="x()">&lt;b&gt;</text></svg>'
    )
    drawn = drawing(hostile, "")
    assert "x()" not in drawn
    assert "example" not in drawn
    assert "&lt;b&gt;" in drawn
    with pytest.raises(ValueError, match="not an SVG"):
        drawing("<svg>", "")
