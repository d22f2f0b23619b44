"""The picture of the 2018 report: one unit over the characters of a text, as SVG.

It is written without a plotting library, because matplotlib takes seconds for a thousand letters,
and trainings draw this picture while they run.
"""

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

NEGATIVE, POSITIVE = (178, 24, 43), (33, 102, 172)
"""Red and blue of ColorBrewer's RdBu, which colour-blind readers can tell apart."""
MAX_CHARS = 5_000
"""The most characters that are drawn."""
MAX_ROWS = 1_000
COLUMNS = 100
"""The characters in a row; a longer line of the text continues in the next row."""

_WIDTH, _HEIGHT, _MARGIN, _TOP, _CAPTION = 11, 22, 20, 76, 270
_STYLE = (
    "text{font-family:'DejaVu Sans Mono',monospace;font-size:15px;text-anchor:middle}"
    ".d{fill:#fff}.n{fill:#666}"
    ".t{font-family:'DejaVu Sans',sans-serif;font-size:17px;text-anchor:start}"
    ".c{font-family:'DejaVu Sans',sans-serif;font-size:13px;text-anchor:start;fill:#444}"
)


def heatmap(text: str, values: Floats, title: str, caption: str) -> str:
    """An SVG with each character in a coloured cell, in reading order, with the text's line breaks.

    values: (characters,). A cell is red below zero, white at zero and blue above. The deepest
    colour stands for the magnitude that one hundredth of the text exceeds. title, caption: one line
    each, cut if too long. The first MAX_CHARS characters are drawn, in MAX_ROWS rows at most.
    """
    cells = [cell for cell in _placed(text[:MAX_CHARS]) if cell[0] < MAX_ROWS]
    text, values = text[: len(cells)], values[: len(cells)]
    limit = float(np.quantile(np.abs(values), 0.99)) if len(values) else 0.0
    limit = limit or 1.0
    colours = rgb(values / limit)
    columns = max(68, max((column for _, column in cells), default=0) + 1)
    rows = max((row for row, _ in cells), default=0) + 1
    width, height = columns * _WIDTH + 2 * _MARGIN, rows * _HEIGHT + _TOP + _MARGIN
    caption = caption[: (width - _MARGIN - _CAPTION) // 7]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}"><style>{_STYLE}</style>'
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
        f'<text class="t" x="{_MARGIN}" y="28">{_shown(title[: columns - 4])}</text>',
        f'<text class="c" x="{_CAPTION}" y="54">{_shown(caption)}</text>',
        *_legend(limit),
    ]
    for character, (row, column), colour in zip(text, cells, colours, strict=True):
        x, y = _MARGIN + column * _WIDTH, _TOP + row * _HEIGHT
        red, green, blue = colour
        parts.append(
            f'<rect x="{x}" y="{y}" width="{_WIDTH}" height="{_HEIGHT}" '
            f'fill="#{red:02x}{green:02x}{blue:02x}"/>'
        )
        if character != " ":
            dark = 0.3 * red + 0.59 * green + 0.11 * blue < 128
            kind = ' class="d"' if dark else ' class="n"' if character == "\n" else ""
            letter = "¶" if character == "\n" else _shown(character)
            parts.append(f'<text x="{x + _WIDTH / 2:g}" y="{y + 16}"{kind}>{letter}</text>')
    return "\n".join([*parts, "</svg>\n"])


def rgb(shares: Floats) -> NDArray[np.uint8]:
    """The colours, (..., 3), of numbers from -1 to 1."""
    ends = np.where(shares[..., None] < 0, NEGATIVE, POSITIVE)
    depth = np.minimum(np.abs(shares[..., None]), 1)
    return (255 + (ends - 255) * depth).round().astype(np.uint8)


def _placed(text: str) -> Iterator[tuple[int, int]]:
    """(row, column) of each character; a line's end has the column after its last character."""
    row = column = 0
    for character in text:
        if column == COLUMNS and character != "\n":
            row, column = row + 1, 0
        yield row, column
        column += 1
        if character == "\n":
            row, column = row + 1, 0


def _legend(limit: float) -> Sequence[str]:
    steps = np.linspace(-1, 1, 21)
    left = _MARGIN + 55
    bars = [
        f'<rect x="{left + 6 * place}" y="42" width="6" height="14" fill="rgb{tuple(colour)}"/>'
        for place, colour in enumerate(rgb(steps.astype(np.float32)).tolist())
    ]
    return [
        f'<text class="c" x="{_MARGIN}" y="54">{-limit:.2f}</text>',
        *bars,
        f'<text class="c" x="{left + 6 * len(steps) + 6}" y="54">{limit:.2f}</text>',
    ]


def _shown(text: str) -> str:
    """A network's text without characters that XML can't hold."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))
