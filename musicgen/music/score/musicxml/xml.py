"""Elements of XML."""

import html
from collections.abc import Iterable
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from musicgen.music.score.signs import readable

MAX_TEXT = 1000
"""Characters of a text, which is not cut to fit a page here."""


def element(
    tag: str, inner: str | int | Iterable[Element] = "", /, **attributes: object
) -> Element:
    """inner: text, or elements. `default_x` becomes `default-x`; `type_`, reserved in Python
    without its underscore, becomes `type`."""
    made = Element(
        tag, {key.rstrip("_").replace("_", "-"): str(value) for key, value in attributes.items()}
    )
    if isinstance(inner, str | int):
        made.text = str(inner) or None
    else:
        made.extend(inner)
    return made


def plain(text: str) -> str:
    """Text of ABC with accents resolved, without what XML forbids."""
    return html.unescape(readable(text, MAX_TEXT))


def written(root: Element, doctype: str) -> str:
    """The document."""
    ElementTree.indent(root, " ")
    body = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n{doctype}\n{body}\n'
