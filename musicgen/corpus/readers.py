"""Readers of corpora: what turns a file into tunes.

Each is one class, registered under the ending of its files. Files with an ending that no reader has
are read as ABC.
"""

from abc import ABC, abstractmethod
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from musicgen.config.registry import components, register
from musicgen.corpus.session import read_csv, read_json
from musicgen.corpus.setting import START, Reading, Setting, read_marked
from musicgen.corpus.source import Source
from musicgen.corpus.tunebook import read_tunebook
from musicgen.music.book import read_book

DEFAULT = "abc"


class Reader(ABC):
    """What reads files of one kind; the first line of its documentation explains it to users."""

    in_folders: ClassVar[bool] = True
    """A folder given as a corpus means its files of this kind too."""
    version: ClassVar[int] = 1
    """Increased when the same file gives other tunes, so that corpora are prepared again."""

    @abstractmethod
    def read(self, source: Source, *, over_blank_lines: bool = False) -> Reading:
        """The tunes of a file as a network should read them, in ABC.

        over_blank_lines: a blank line ends no tune, where the format has such lines.
        Raises UnreadableError for a file that is not of this kind.
        """

    def written(self, source: Source) -> Reading:
        """The tunes as they stand there, to be converted; those of `read` where that is no other.

        Raises UnreadableError likewise.
        """
        return self.read(source)


class TextReader(Reader):
    """Reads files of text, in any of the encodings that `Source.text` knows."""

    def read(self, source: Source, *, over_blank_lines: bool = False) -> Reading:
        text, encoding = source.text()
        reading = self.read_text(text, over_blank_lines=over_blank_lines)
        return replace(reading, encoding=encoding)

    @abstractmethod
    def read_text(self, text: str, *, over_blank_lines: bool = False) -> Reading:
        """The tunes of a text with LF line ends. Raises UnreadableError as `read` does."""


@register("reader", "abc")
class ABCReader(TextReader):
    """Tunebooks in ABC, and texts of `<start>` ... `<end>` tunes."""

    def read_text(self, text: str, *, over_blank_lines: bool = False) -> Reading:
        if START in text:
            return replace(read_marked(text), verbatim=text)
        return read_tunebook(text, over_blank_lines=over_blank_lines)

    def written(self, source: Source) -> Reading:
        text, encoding = source.text()
        if START in text:
            return replace(read_marked(text), encoding=encoding)
        book = read_book(text, directives=True)
        settings = [Setting(piece.text[:-1]) for piece in sorted([*book.pieces, *book.keyless])]
        return Reading(settings, cut=book.cut, encoding=encoding)


@register("reader", "csv")
class SessionCSV(TextReader):
    """The Session's dump as tunes.csv."""

    in_folders = False

    def read_text(self, text: str, *, over_blank_lines: bool = False) -> Reading:
        return read_csv(text)


@register("reader", "json")
class SessionJSON(TextReader):
    """The Session's dump as tunes.json."""

    in_folders = False

    def read_text(self, text: str, *, over_blank_lines: bool = False) -> Reading:
        return read_json(text)


def readers() -> dict[str, Reader]:
    """All that are registered, by the ending of their files: ours, then those of plugins."""
    return {name: kind() for name, kind in components("reader").items()}


def kind_of(path: str | Path) -> str:
    """The reader of a file, by its name."""
    ending = Path(path).suffix.lower().removeprefix(".")
    return ending if ending in components("reader") else DEFAULT
