"""Prose: lines of a text in ABC notation that are words, not music.

Read as music, words would give notes: every letter from A to G is one. Tune books hold titles over
parts, remarks, letters around tunes, HTML, and blocks of text for the printer.
"""

import re
from collections.abc import Sequence

_NO_WORDS = re.compile(r'"[^"\n]*"|![^!|\n]*!|\+[A-Za-z.]+\+|\[[A-Za-z]:[^\]\n]*\]|(?<!\\)%.*')
_LETTER = re.compile(r"[^\W\d_]")
_TEXTUAL = re.compile(r"[hi-twyINQVW]|[^\W\d_A-Za-z]|(?<=[A-Za-z])[H-W](?![A-Za-z.~^_=({\[\"!+])")
"""Letters that music hardly has: decorations for which ABC 2.1 (section 4.14) has no meaning, any
decoration at the end of a word, and letters of other alphabets."""
_RULE = re.compile(r"[\s=*_~#.+\-]*[=*_~#\-]{3}[\s=*_~#.+\-]*")
_TAG = re.compile(
    r"\s*<(?:!--|!doctype\b|\?xml\b|/?(?:html|head|body|title|meta|link|script|style|pre|code|p|br|hr"
    r"|div|span|table|tr|td|th|ul|ol|li|dl|dt|dd|h[1-6]|font|center|img|em|strong|tt|form|input"
    r"|blockquote|address|small|big|sup|sub|b|i|u|a)(?:\s[^<>]*)?/?>)",
    re.IGNORECASE,
)
_BEGIN = re.compile(r"\s*(?:%%|I:)\s*begin([a-z]+)", re.IGNORECASE)


def is_prose(line: str) -> bool:
    """Whether a line that is no field and no comment is words, HTML, or a ruled line.

    A line with bar lines is music, HTML aside. Another line is words if a quarter of its letters,
    and at least two, are letters that music hardly has.
    """
    if "|" in line:
        return "<" in line and _TAG.match(line) is not None
    if _TAG.match(line) or (len(line) < 1000 and _RULE.fullmatch(line)):
        return True
    bare = _NO_WORDS.sub("", line[:1000])
    textual = len(_TEXTUAL.findall(bare))
    # A colon may be a repeat's, or that of lyrics joined to their line.
    least = 3 if ":" in bare else 2
    return textual >= least and 4 * textual >= len(_LETTER.findall(bare))


def block_end(lines: Sequence[str], number: int) -> tuple[int, bool]:
    """Number of the line after the block of text that begins at this line (`%%begintext`,
    `%%beginps`), and whether the block is ended; the line's own number where none begins. A block
    without an end goes to the next `X:`."""
    found = _BEGIN.match(lines[number])
    if found is None:
        return number, True
    end = re.compile(rf"\s*(?:%%|I:)?\s*end{found[1]}\b", re.IGNORECASE)
    for last in range(number + 1, len(lines)):
        if end.match(lines[last]):
            return last + 1, True
        if lines[last].lstrip().startswith("X:"):
            return last, False
    return len(lines), False
