"""Where the text of a corpus comes from: files on disk, as bytes and as text."""

import glob
import hashlib
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

from musicgen.errors import InputError, Remedy

BOOKS = {
    "oneills1850": "O'Neill's Music of Ireland",
    "ryansMammoth": "Ryan's Mammoth Collection",
    "airdsAirs": "Aird's Airs",
}
"""Folders of the music21 package and the books in them, in the order in which they are read."""

# Ctrl-Z ends the files of DOS programs, of which ABC had many.
_CONTROL = frozenset(range(32)) - set(b"\t\n\v\f\r\x1a") | {127}
_LINE_ENDS = str.maketrans({"\v": "\n", "\f": "\n", "\x1a": ""})


# In Ryan's, a filter has obscured addresses, as in `walsh:mat::h.ubc.ca`, and also `Wat:erloo`.
_MASKED = re.compile(r"(?<=[A-Za-z])at:")


_CHARSET = re.compile(
    rb"(?:^|[\r\n])(?:%+|I:) *abc-charset[ =]+"
    rb"(utf-?8|(?:iso|windows|koi8|mac|latin|cp)[a-z0-9_-]*)\b",
    re.IGNORECASE,
)
"""`%%abc-charset iso-8859-2`; no name of another kind is tried as a codec."""


class UnreadableError(Exception):
    """A file that holds no text of ours; the message says why, without naming the file."""


@dataclass(frozen=True)
class Source:
    """One file, read whole. `label` names it in the manifest."""

    label: str
    data: bytes
    masked: bool = False
    """Whether `at` within its words has become `at:`."""

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    def text(self) -> tuple[str, str]:
        """The text with LF line ends, and its encoding: UTF-8 where it is that, else the one that
        it declares (ABC 2.1, section 8.1), else Latin-1 as Windows extends it.

        Raises UnreadableError for an empty file and for what is not text.
        """
        if not self.data.strip():
            raise UnreadableError("the file is empty")
        if not _CONTROL.isdisjoint(self.data):
            raise UnreadableError("the file is not text in UTF-8 or Latin-1")
        codecs = [("utf-8-sig", "utf-8"), ("cp1252", "latin-1")]
        if found := _CHARSET.search(self.data):
            declared = found[1].decode("ascii").lower()
            codecs.insert(1, (declared, declared))
        for codec, name in codecs:
            try:
                text = self.data.decode(codec)
            except (UnicodeDecodeError, LookupError):
                continue
            text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_LINE_ENDS)
            return _MASKED.sub("at", text) if self.masked else text, name
        raise UnreadableError("the file is not text in UTF-8 or Latin-1")


def folk_sources() -> list[Source]:
    """The tunebooks in the installed music21 package, which is not imported (that takes seconds).

    Raises InputError if they are not there.
    """
    spec = find_spec("music21")
    package = spec.submodule_search_locations if spec else None
    corpus = Path(package[0] if package else ".", "corpus")
    sources = [
        Source(f"{book}/{path.name}", path.read_bytes(), masked=book == "ryansMammoth")
        for book in BOOKS
        for path in sorted((corpus / book).glob("*.abc"))
    ]
    if missing := [book for book in BOOKS if not any(s.label.startswith(book) for s in sources)]:
        raise InputError(
            "the corpus folk must find its tunebooks in the installed package music21, "
            f"got no {' and no '.join(missing)} in '{corpus}'; run `pip install "
            "--force-reinstall music21`",
            Remedy.OWN_FILES,
        )
    return sources


def file_sources(path: str | Path, key: str, endings: Collection[str] = ("abc",)) -> list[Source]:
    """A file, the tunes' files in a folder and its subfolders, or the files that a glob matches.

    key: the configuration key that named the path. endings: of the files that a folder is for.
    Raises InputError if there is no such file.
    """
    given = Path(path).expanduser()
    if given.is_dir():
        inside = (found for found in given.rglob("*") if found.suffix.lower()[1:] in endings)
        paths = [found for found in inside if found.is_file() and not found.name.startswith(".")]
        if not paths:
            raise InputError(
                f"{key} must be a folder with tunes "
                f"({', '.join(f'*.{ending}' for ending in endings)}), got '{path}' without one; "
                f"name another folder, a file, or a glob such as '{path}/*.txt'"
            )
    elif given.exists():
        paths = [given]
    else:
        paths = [Path(found) for found in glob.glob(str(given), recursive=True)]
        paths = [found for found in paths if found.is_file()]
        if not paths:
            raise InputError(
                f"{key} must be a file, a folder or a glob that matches files, "
                f"got '{path}', which is none of them; give the place of your tunes"
            )
    try:
        return [Source(found.as_posix(), found.read_bytes()) for found in sorted(paths)]
    except OSError as error:
        raise InputError(
            f"{key} must be readable, got '{error.filename}' ({error.strerror}); "
            "give yourself the right to read it, or name another file"
        ) from error
