"""A tunebook: where its tunes begin and end, and the file header that holds for all of them.

Source: the ABC standard 2.1, sections 2.2 (file structure) and 2.3 (ABC in HTML).
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from musicgen.music.prose import block_end, is_prose

_FIELD = re.compile(r"\s*([A-Za-z+]):(?![|:])")
_HEADER_FIELD = re.compile(r"\s*[A-Z]:")
_COMMENT = re.compile(r"(?<!\\)%.*")
_HEADER_LINE = re.compile(r"(?:\s*\[[A-Za-z]:[^\]\n]*\])+\s*")
_BRACKET = re.compile(r"\[([A-Za-z]):([^\]\n]*)\]")
_NOTE = re.compile(r"[A-Ga-g]")
FILE_HEADER = "ABCDFGHILMNOQRSUZmr"
"""Fields of a file header that hold for each tune (ABC 2.1, section 3)."""
_NO_NOTES = re.compile(r'"[^"\n]*"|![^!|\n]*!|\[[A-Za-z]:[^\]\n]*\]')

_HTML = re.compile(r"<(?:!doctype|html|head|body|pre|br|table)\b[^<>]*>", re.IGNORECASE)
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)", re.DOTALL | re.I)
_TAGS = re.compile(
    r"</?(?!start>|end>)[a-z][a-z0-9]+(?:\s[^<>\n]*)?/?>|</[a-z]>|<!doctype[^<>]*>"
    r"|(?<![A-Ga-gzx0-9/,'\])])<[a-z](?:\s[^<>\n]*)?>",
    re.IGNORECASE,
)
"""Tags of HTML. `<b>` after a note is none: it is a broken rhythm on both sides of another note.
"""


class Piece(NamedTuple):
    """One tune of a book."""

    line: int
    """Number of its first line, from 1."""
    lines: tuple[str, ...]
    """Without comments, text and blank lines; fields begin in column 1. The file header's fields
    that the tune does not have itself come first."""

    @property
    def text(self) -> str:
        """The tune's text, to parse or to write to a file of its own."""
        return "\n".join(self.lines) + "\n"


@dataclass
class Book:
    """The content of a text in ABC."""

    pieces: list[Piece] = field(default_factory=list)
    """Blocks with a header that ends in `K:`."""
    keyless: list[Piece] = field(default_factory=list)
    """Blocks that begin like a tune (`X:`, `T:`) and have no `K:`."""
    texts: int = 0
    """Blocks of text between tunes."""
    prose: list[tuple[int, str]] = field(default_factory=list)
    """Number and text of each line, in a tune or between tunes, that was taken for text."""
    comments: int = 0
    """How many lines have a comment or a directive (`%%`)."""
    directives: list[str] = field(default_factory=list)
    """`%%` lines before the first tune, if they are kept."""
    cut: list[int] = field(default_factory=list)
    """Numbers of the blank lines that ended a tune before its first note."""


@dataclass
class _Block:
    """Lines between two blank lines, or up to the next `X:`."""

    first: int
    """Number of its first line."""
    numbered: bool = False
    """Whether it begins with `X:`."""
    lines: list[str] = field(default_factory=list)
    """Without comments and prose."""
    ended: int = 0
    """Number of the blank line that ended it; 0 if none did."""
    key: int = 0
    """Index of the line after the first `K:`; 0 without one."""
    titled: bool = False
    """Whether it has an `X:` or a `T:`."""
    music: bool = False
    """Whether it has bar lines, or a note after its `K:`."""
    fields: bool = True
    """Whether every line is a field."""
    directives: list[tuple[int, str]] = field(default_factory=list)
    """`%%` lines that are kept, each with the number of other lines before it."""

    def add(self, line: str, *, is_field: bool) -> None:
        self.lines.append(line)
        if is_field:
            self.titled = self.titled or line.startswith(("X:", "T:"))
            if line.startswith("K:") and not self.key:
                self.key = len(self.lines)
            return
        self.fields = False
        if not self.music:
            notes = self.key and _NOTE.search(_NO_NOTES.sub("", line))
            self.music = "|" in line or bool(notes)

    def join(self, following: "_Block") -> None:
        """Append the next block to this one."""
        if not self.key and following.key:
            self.key = len(self.lines) + following.key
        moved = ((len(self.lines) + place, line) for place, line in following.directives)
        self.directives += moved
        self.lines += following.lines
        self.titled = self.titled or following.titled
        self.music = self.music or following.music
        self.fields = self.fields and following.fields
        self.ended = following.ended

    @property
    def headless(self) -> bool:
        """Whether it may continue the tune before it."""
        return not self.numbered and (self.key > 0 or self.music or self.fields)

    def defaults(self) -> dict[str, str] | None:
        """Fields by letter if it can be a file header: it has fields alone, and no tune's own
        fields."""
        if not self.fields or self.key or self.titled:
            return None
        return {line[0]: line for line in self.lines if line[0] in FILE_HEADER}


def read_book(text: str, *, over_blank_lines: bool = False, directives: bool = False) -> Book:
    """The tunes of a text. A tune ends before the next `X:`, or at a blank line.

    over_blank_lines: read on after a blank line, up to the next `X:`, or to the next `K:` that
    comes after music. directives: keep the `%%` lines of tunes and of the file header.
    """
    book = Book()
    defaults: dict[str, str] = {}
    current: _Block | None = None
    begun = False
    for block in _blocks(_without_html(text), book, directives):
        begun = begun or block.titled or block.key > 0
        if not begun and (found := block.defaults()) is not None:
            defaults |= found
            continue
        if current and current.ended and block.headless and not (current.key and current.music):
            if over_blank_lines:
                current.join(block)
                continue
            if current.titled or current.key:
                book.cut.append(current.ended)
        elif over_blank_lines and current and block.headless and not block.key:
            current.join(block)
            continue
        if current:
            _settle(current, defaults, book)
        current = block
    if current:
        _settle(current, defaults, book)
    return book


def _settle(block: _Block, defaults: dict[str, str], book: Book) -> None:
    if not block.key and not block.titled:
        book.texts += 1
        return
    own = {line[0] for line in block.lines[: block.key or len(block.lines)]}
    added = [line for letter, line in defaults.items() if letter not in own]
    added += book.directives
    for place, line in reversed(block.directives):
        block.lines.insert(place, line)
    start = int(block.numbered)
    lines = (*block.lines[:start], *added, *block.lines[start:])
    (book.pieces if block.key else book.keyless).append(Piece(block.first, lines))


def _blocks(text: str, book: Book, directives: bool) -> Iterator[_Block]:
    """The blocks of a text; comments and text are counted and left out."""
    lines = text.split("\n")
    block = _Block(1)
    prose = number = 0
    begun = False
    while number <= len(lines):
        line = lines[number] if number < len(lines) else ""
        end = block_end(lines, number)[0] if number < len(lines) else number
        number += 1
        found = _FIELD.match(line)
        numbered = found is not None and found[1] == "X"
        if not line.strip() or numbered:
            if block.lines:
                block.ended = 0 if numbered else number
                yield block
            elif prose:
                book.texts += 1
            block, prose = _Block(number, numbered), 0
        if end >= number:  # a block of text
            book.comments += end - number + 1
            words = ((n, lines[n - 1].strip("% \t")) for n in range(number + 1, end))
            book.prose += [(n, word) for n, word in words if word]
            number = end
            continue
        code = _COMMENT.sub("", line)
        book.comments += code != line
        if directives and line.startswith("%%"):
            if block.lines:
                block.directives.append((len(block.lines), line))
            elif not begun:
                book.directives.append(line)
        if not code.strip():
            continue
        begun = begun or numbered
        if not block.lines:
            block.first = number
        if _FIELD.match(code) or (block.lines and not block.key and _HEADER_FIELD.match(code)):
            block.add(code.strip(), is_field=True)
        elif not block.key and _HEADER_LINE.fullmatch(code):
            for letter, value in _BRACKET.findall(code):
                block.add(f"{letter}:{value.strip()}", is_field=True)
        elif is_prose(code):
            book.prose.append((number, code.strip()))
            prose += 1
        else:
            block.add(code, is_field=False)


def _without_html(text: str) -> str:
    """A text in HTML as a browser shows it, with its lines in place; other text unchanged."""
    if "<" not in text or not _HTML.search(text):
        return text
    text = _HIDDEN.sub(lambda hidden: "\n" * hidden[0].count("\n"), text)
    return html.unescape(_TAGS.sub("", text))
