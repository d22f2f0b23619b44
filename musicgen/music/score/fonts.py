"""Fonts: letters and music signs from other packages.

The packages are found, not imported: matplotlib would take half a second.
"""

import importlib.util
import re
from functools import cache
from pathlib import Path

_STIX = ("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta")
_DEJAVU = ("DejaVuSans", "DejaVuSansMono", "DejaVuSans-Bold", "DejaVuSans-Oblique")
_ADVANCE = re.compile(r'<g c="([0-9A-F]{4})"[^>]* h-a-x="([0-9]+)"')

TEXT_FAMILY = "STIXGeneral"
"""Resembles the Times with which verovio measures; DejaVu has the letters that it lacks."""


def _folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


@cache
def text_fonts() -> list[str]:
    """Font files for text, from matplotlib."""
    folder = _folder("matplotlib") / "mpl-data" / "fonts" / "ttf"
    return [str(folder / f"{name}.ttf") for name in _STIX + _DEJAVU]


@cache
def music_sign(character: str) -> tuple[str, int]:
    """A character of verovio's music font as an outline in SVG, and its width.

    In thousandths of the font's size, y upward from the baseline.
    """
    data = _folder("verovio") / "data"
    code = f"{ord(character):04X}"
    advances = dict(_ADVANCE.findall((data / "Leipzig.xml").read_text()))
    outline = (data / "Leipzig" / f"{code}.xml").read_text()
    return re.sub(r' id="[^"]*"', "", outline), int(advances.get(code, 500))
