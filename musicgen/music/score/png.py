"""Pictures: SVG to PNG, without a font or a library of the system."""

import re

import resvg_py

from musicgen.errors import InputError
from musicgen.music.score.fonts import TEXT_FAMILY, text_fonts

MAX_PIXELS = 50_000_000
"""Most pixels of a picture: four bytes each while it is drawn."""


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
            font_files=text_fonts(),
            font_family=TEXT_FAMILY,
            serif_family=TEXT_FAMILY,
        )
    )
