"""Text in ABC: letters that a keyboard of 1995 did not have, as the characters they stand for.

Source: the ABC standard 2.1, section 8.2 (text strings); HTML's entities; `\\'{e}` is TeX's.
"""

import html
import re
import unicodedata

_LIGATURES = {
    "AE": "Æ", "ae": "æ", "OE": "Œ", "oe": "œ", "AA": "Å", "aa": "å", "ss": "ß",
    "DH": "Ð", "dh": "ð", "TH": "Þ", "th": "þ", "/O": "Ø", "/o": "ø", "/L": "Ł", "/l": "ł",
}  # fmt: skip
_COMBINING = {
    "`": "\u0300", "'": "\u0301", "^": "\u0302", '"': "\u0308", "~": "\u0303", "=": "\u0304",
    ",": "\u0327", "c": "\u0327", "u": "\u0306", "v": "\u030c", "H": "\u030b", "o": "\u030a",
    ";": "\u0328", ".": "\u0307",
}  # fmt: skip
_ACCENTS = "".join(map(re.escape, _COMBINING))
_ESCAPE = re.compile(
    r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})"
    rf"|({'|'.join(map(re.escape, _LIGATURES))})|([{_ACCENTS}])(?:([A-Za-z])|\{{([A-Za-z])\}})"
    r"|([\\%&]))"
)


def plain(text: str) -> str:
    """A text with its escapes resolved: `Caf\\'e`, `Caf&eacute;` and `Caf\\u00e9` are Café.

    An escape that has no meaning stays as it is.
    """
    if "&" in text:
        text = html.unescape(text)
    if "\\" in text:
        text = _ESCAPE.sub(_character, text)
    return unicodedata.normalize("NFC", text)


def _character(found: re.Match[str]) -> str:
    four, eight, ligature, accent, letter, braced, sign = found.groups()
    if code := four or eight:
        number = int(code, 16)
        surrogate = 0xD800 <= number < 0xE000
        return found[0] if number > 0x10FFFF or surrogate else chr(number)
    if ligature:
        return _LIGATURES[ligature]
    if accent:
        return str(letter or braced) + _COMBINING[accent]
    return str(sign)
