"""SVG as verovio writes it, changed to look the same everywhere.

verovio sets some signs as characters of a music font, which neither a browser nor a PNG renderer
has. Here accidentals become characters that every font has, and the notes of metronome marks become
outlines, like all other notes. Signs that would run off the page begin further left.
"""

import html
import re
from collections.abc import Sequence

from musicgen.music.score.fonts import music_sign

_MUSIC = '<tspan font-family="Leipzig"[^>]*>([\ue000-\uf8ff]+)</tspan>'
_TEXT = re.compile(rf'<text x="([0-9]+)" y="([0-9]+)"([^>]*)>((?:<tspan[^>]*>)*){_MUSIC}')
"""A text that begins with music characters."""
_MUSIC_INSIDE = re.compile(_MUSIC)
_ACCIDENTALS = str.maketrans({"\uea64": "♭", "\uea65": "♮", "\uea66": "♯"})
"""SMuFL's accidentals of figured bass, which verovio puts into chord symbols."""
_BOX = re.compile(r'viewBox="0 0 ([0-9]+) ([0-9]+)"')
_SIZE = 0.65
"""Size of the notes in metronome marks: units of the page to a unit of the font."""
_STROKE = 25
"""Stroke around these outlines, in units of the font: without it, a small stem is too thin to see.
"""
_TEXT_SIZE = 405
"""verovio's size of signs at the staff, in units of the page."""
_RIGHT = 20_400
"""Right limit of signs, in units of the page; the staves end at 20,000."""
_LETTER = 0.45 * _TEXT_SIZE
"""Average width of a letter."""
_SIGN = re.compile(
    r'<text x="([0-9]+)"( y="[0-9]+"(?: text-anchor="(middle)")? font-size="0px">(.*?)</text>)',
    re.DOTALL,
)
"""A text at the staff; the size is that of the spans inside."""
_TAG = re.compile("<[^>]*>")


def finished(pages: Sequence[str]) -> str:
    """One picture that needs no music font, from verovio's pages, one below the other."""
    drawn = [
        _SIGN.sub(_on_the_page, _MUSIC_INSIDE.sub(_accidentals, _TEXT.sub(_outlined, page)))
        for page in pages
    ]
    if len(drawn) == 1:
        return drawn[0]
    top, width = 0, 0
    placed = ""
    for page in drawn:
        box = _BOX.search(page)
        assert box is not None
        size = f'y="{top}" width="{box[1]}" height="{box[2]}"'
        placed += page.replace("<svg ", f"<svg {size} ", 1)
        top, width = top + int(box[2]), int(box[1])
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}">{placed}</svg>'


def _accidentals(match: re.Match[str]) -> str:
    return f'<tspan font-size="{_TEXT_SIZE}px">{match[1].translate(_ACCIDENTALS)}</tspan>'


def _on_the_page(match: re.Match[str]) -> str:
    """A sign, moved left by as much as it exceeds the right limit."""
    x, rest, middle, inner = match.groups()
    width = _LETTER * len(html.unescape(_TAG.sub("", inner)))
    right = int(x) + (width / 2 if middle else width)
    return f'<text x="{max(int(x) - max(int(right) - _RIGHT, 0), 0)}"{rest}'


def _outlined(match: re.Match[str]) -> str:
    """The notes before the text as outlines; the text moves right."""
    x, y, rest, spans, characters = match.groups()
    if characters.translate(_ACCIDENTALS) != characters:
        return match[0]
    left = int(x)
    outlines = ""
    for character in characters:
        outline, advance = music_sign(character)
        place = f"translate({left},{y}) scale({_SIZE})"
        outlines += f'<g transform="{place}" stroke-width="{_STROKE}">{outline}</g>'
        left += int((advance + 60) * _SIZE)
    return f'{outlines}<text x="{left + 50}" y="{y}"{rest}>{spans}'
