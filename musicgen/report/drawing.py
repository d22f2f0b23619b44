"""Engraved scores prepared for a page: only shapes and texts, unique ids, no styles."""

import re
from html import escape
from xml.etree import ElementTree

SHAPES = {
    "svg": ("viewBox", "x", "y", "width", "height", "font-family"),
    "g": (),
    "path": ("d",),
    "use": (),
    "polygon": ("points",),
    "polyline": ("points",),
    "rect": ("x", "y", "width", "height", "rx"),
    "ellipse": ("cx", "cy", "rx", "ry"),
    "circle": ("cx", "cy", "r"),
    "line": ("x1", "y1", "x2", "y2"),
    "text": ("x", "y", "text-anchor", "font-size"),
    "tspan": ("x", "y", "dx", "dy", "text-anchor", "font-size", "font-style", "font-weight"),
    "defs": (),
}
"""The elements that are kept, and the attributes that each keeps besides EVERYWHERE. All others
are dropped."""
EVERYWHERE = ("transform", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin",
              "stroke", "fill", "fill-opacity", "opacity", "visibility")  # fmt: skip
CLASSES = {"ending", "fing", "reh", "tempo", "dir", "dynam", "mNum"}
"""The classes that page.css styles."""
_NOTE = re.compile(r"v[0-9]+e[0-9]+")
_NUMBER = re.compile(r"[0-9]+\.[0-9]{2,}")


def drawing(svg: str, prefix: str) -> str:
    """The SVG with the attribute `data-e` (its `note_id`) at each note, chord and rest. All ids
    begin with `prefix`, so that one page can hold two scores.

    Raises ValueError if the SVG is not well-formed XML.
    """
    try:
        root = ElementTree.fromstring(svg)
    except ElementTree.ParseError as error:
        raise ValueError(f"not an SVG: {error}") from None
    parts: list[str] = []
    _write(root, prefix, parts)
    return "".join(parts).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)


def _write(element: ElementTree.Element, prefix: str, parts: list[str]) -> None:
    tag = _local(element.tag)
    if tag not in SHAPES or "placeholder" in element.get("class", ""):
        return
    attributes = _attributes(element, tag, prefix)
    if tag == "g" and not len(element):
        return
    parts.append(f"<{tag}{attributes}>{escape((element.text or '').strip())}")
    for child in element:
        _write(child, prefix, parts)
        if child.tail and child.tail.strip():
            parts.append(escape(child.tail))
    parts.append(f"</{tag}>")


def _attributes(element: ElementTree.Element, tag: str, prefix: str) -> str:
    kept = ""
    for name, value in element.attrib.items():
        local = _local(name)
        if local == "id":
            # The page finds notes by `data-e`; elements that `use` refers to have ids with a dash.
            if _NOTE.fullmatch(value):
                kept += f' data-e="{value}"'
            elif "-" in value:
                kept += f' id="{escape(prefix + value)}"'
        elif local == "href" and tag == "use" and value.startswith("#"):
            kept += f' href="#{escape(prefix + value[1:])}"'
        elif local == "class" and (known := CLASSES & set(value.split())):
            kept += f' class="{" ".join(sorted(known))}"'
        elif local in SHAPES[tag] or local in EVERYWHERE:
            kept += f' {local}="{escape(_NUMBER.sub(_rounded, value))}"'
    return kept


def _local(name: object) -> str:
    """The name without its namespace; empty for a comment, whose tag is not a string."""
    return name.rpartition("}")[2] if isinstance(name, str) else ""


def _rounded(match: re.Match[str]) -> str:
    return f"{float(match[0]):.3g}" if float(match[0]) < 100 else f"{float(match[0]):.0f}"
