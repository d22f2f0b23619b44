"""Pictures: SVG to PNG, without a font or a library of the system."""

import re
from functools import cache
from pathlib import Path

import matplotlib
import resvg_py

from musicgen.errors import InputError

MAX_PIXELS = 50_000_000
"""Of a picture: four bytes each while it is drawn."""

_FONT_FILES = (
    "STIXGeneral.ttf",
    "STIXGeneralBol.ttf",
    "STIXGeneralItalic.ttf",
    "STIXGeneralBolIta.ttf",
    "DejaVuSans.ttf",
    "DejaVuSans-Bold.ttf",
    "DejaVuSans-Oblique.ttf",
)
"""Matplotlib brings them. STIX looks like the Times that verovio measures with; DejaVu stands in
for the letters that it lacks."""


@cache
def _fonts() -> list[str]:
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return [str(folder / name) for name in _FONT_FILES]


def png_bytes(svg: str, width: int = 1200) -> bytes:
    """A picture of an engraved tune, black on white.

    width: in pixels (1 to 10,000). Raises InputError if the picture would have more than
    MAX_PIXELS.
    """
    if not 1 <= width <= 10_000:
        raise InputError(f"width of a picture must be 1 to 10,000 pixels, got {width:,}")
    if box := re.search(r'viewBox="0 0 ([0-9]+) ([0-9]+)"', svg[:1000]):
        height = width * int(box[2]) // max(int(box[1]), 1)
        if width * height > MAX_PIXELS:
            rule = f"a picture holds at most {MAX_PIXELS:,} pixels"
            raise InputError(f"{rule}, got {width:,} x {height:,}; lower its width")
    return bytes(
        resvg_py.svg_to_bytes(
            svg_string=svg,
            width=width,
            background="white",
            skip_system_fonts=True,
            font_files=_fonts(),
            font_family="STIXGeneral",
            serif_family="STIXGeneral",
        )
    )
