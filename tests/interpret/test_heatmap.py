"""Pictures: what they say, and that no text breaks them."""

from xml.etree import ElementTree

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from musicgen.interpret.activations import Activations
from musicgen.interpret.heatmap import COLUMNS, MAX_CHARS, MAX_ROWS, heatmap
from musicgen.interpret.overview import alike, overview
from musicgen.music.score import png_bytes

SVG = "{http://www.w3.org/2000/svg}"


def cells(svg: str) -> list[tuple[float, float, str]]:
    """Left edge, top and colour of each character's cell."""
    rects = ElementTree.fromstring(svg).findall(f"{SVG}rect")
    return [
        (float(r.get("x", 0)), float(r.get("y", 0)), r.get("fill", ""))
        for r in rects
        if r.get("height") == "22"
    ]


def test_red_below_zero_white_at_it_blue_above() -> None:
    drawn = cells(heatmap("ab\nc", np.array([-2, 0, 1, 2], np.float32), "t", "c"))
    assert len(drawn) == 4
    red, white, pale, blue = (colour for _, _, colour in drawn)
    assert (red, white, blue) == ("#b2182b", "#ffffff", "#2166ac")
    assert int(pale[5:], 16) > int(pale[1:3], 16) > 0x21
    tops = [top for _, top, _ in drawn]
    assert tops[0] == tops[1] == tops[2] < tops[3]
    assert drawn[3][0] == drawn[0][0]


def test_long_lines_and_long_texts() -> None:
    drawn = cells(heatmap("a" * (COLUMNS + 1), np.ones(COLUMNS + 1, np.float32), "", ""))
    assert drawn[-1][0] == drawn[0][0]
    much = 2 * MAX_CHARS
    assert len(cells(heatmap("a" * much, np.ones(much, np.float32), "", ""))) == MAX_CHARS
    tall = heatmap("\n" * much, np.ones(much, np.float32), "", "")
    assert len(cells(tall)) == MAX_ROWS
    assert png_bytes(tall, 200)


@settings(max_examples=40)
@given(st.text(max_size=60))
def test_no_text_breaks_a_heat_map(text: str) -> None:
    text += "</svg><script>&\0\x1b"
    svg = heatmap(text, np.linspace(-1, 1, len(text), dtype=np.float32), text, text)
    root = ElementTree.fromstring(svg)
    assert len(cells(svg)) == len(text)
    assert not root.findall(f".//{SVG}script")


def test_overview_puts_alike_units_side_by_side(tmp_path) -> None:
    draw = np.random.default_rng(0)
    one, other = draw.normal(size=(2, 300))
    values = np.stack([one, other, one + 0.1, -other, other * 2, one * 3]).astype(np.float32)
    order = alike(values).tolist()
    places = sorted(order.index(unit) for unit in (0, 2, 5))
    assert (places[2] - places[0]) % 6 == 2 or places in ([0, 1, 5], [0, 4, 5])
    text = ("<start>\nT:$x$ <b>\nK:C\n|:CDEF|CDEF:|\n<end>\n" * 9)[:300]
    figure = overview(text, Activations(1, "hidden", values))
    figure.savefig(tmp_path / "overview.png")
    above, main = figure.axes[:2]
    assert [label.get_text() for label in above.get_yticklabels()] == [
        "header",
        "body",
        "bar lines",
        "repeats",
    ]
    assert main.images[0].get_array().shape == (6, 300)
    assert above.images[0].get_array().any(axis=1).all()


def test_a_network_of_one_unit() -> None:
    values = np.zeros((1, 8), np.float32)
    assert alike(values).tolist() == [0]
    overview("<start>\n", Activations(1, "hidden", values))
