"""All that the sources of one corpus hold: every setting once, and what could not be used."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from musicgen.corpus.readers import kind_of, readers
from musicgen.corpus.setting import START, Reading, Setting
from musicgen.corpus.source import Source, UnreadableError
from musicgen.errors import InputError, Remedy

EXAMPLE = "`X:1 / T:Title / M:4/4 / L:1/8 / K:D / DEFG ABcd|`, a line for each /"


@dataclass(frozen=True)
class Collection:
    settings: list[Setting]
    """Distinct settings in the order of the sources."""
    text: str
    """The settings between their marks. The text of a single source that has marks is unchanged."""
    verbatim: bool
    """Whether `text` is such an unchanged text, from which nothing is left out."""
    left_out: Counter[str]
    """What was left out of the settings, by reason."""
    unreadable: dict[str, str]
    """Files of which nothing could be used, and why."""
    files: list[dict[str, Any]]
    """Manifest entries of the files that were used."""
    words: list[str]
    """Lines that were taken for words, not music, each with its file and number."""
    cut: dict[str, list[int]]
    """The numbers of blank lines that ended a tune before its first note, by file."""


def ended_tunes(lines: Sequence[int]) -> str:
    """A line about blank lines with these numbers, each of which ended a tune."""
    if len(lines) == 1:
        return f"a blank line ends a tune: 1 tune ended before its first note, at line {lines[0]}"
    return (
        f"a blank line ends a tune: {len(lines):,} tunes ended before their first note, "
        f"the first at line {lines[0]}"
    )


def collect(sources: Sequence[Source], key: str, *, over_blank_lines: bool = False) -> Collection:
    """Read and clean all sources; what cannot be read is left out and listed.

    key: the configuration key that named the sources. over_blank_lines: a blank line ends no tune.
    Raises InputError if none holds a tune.
    """
    settings: dict[str, Setting] = {}
    left_out: Counter[str] = Counter()
    unreadable: dict[str, str] = {}
    files = []
    words: list[str] = []
    cut: dict[str, list[int]] = {}
    verbatim = None
    known = readers()
    ended = False
    for source in sources:
        try:
            kind = kind_of(source.label)
            reading = known[kind].read(source, over_blank_lines=over_blank_lines)
            if not reading.settings:
                ended = ended or bool(reading.cut)
                raise UnreadableError(_why_empty(reading))
        except UnreadableError as error:
            unreadable[source.label] = str(error)
            continue
        verbatim = reading.verbatim if len(sources) == 1 else None
        left_out += reading.left_out
        words += (f"{source.label}, line {line}: {text}" for line, text in reading.prose)
        if reading.cut:
            cut[source.label] = reading.cut
        for setting in reading.settings:
            left_out["exact duplicates"] += setting.text in settings
            settings.setdefault(setting.text, setting)
        files.append(
            {
                "path": source.label,
                "sha256": source.sha256,
                "bytes": len(source.data),
                "reader": kind,
                "encoding": reading.encoding,
                "tunes": len(reading.settings),
            }
        )
    if not settings:
        label, why = next(iter(unreadable.items()))
        others = f", nor in {len(unreadable) - 1:,} others" if len(unreadable) > 1 else ""
        raise InputError(
            f"{key} must hold tunes (ABC such as {EXAMPLE}, {START} ... <end>, or The Session's "
            f"dump), got none in '{label}' ({why}){others}; name a file with tunes",
            Remedy.READ_OVER_BLANK_LINES if ended else None,
        )
    marked = "".join(setting.marked for setting in settings.values())
    return Collection(
        settings=list(settings.values()),
        text=marked if verbatim is None else verbatim,
        verbatim=verbatim is not None,
        left_out=+left_out,
        unreadable=unreadable,
        files=files,
        words=words,
        cut=cut,
    )


def _why_empty(reading: Reading) -> str:
    """Why a text gave no tune."""
    if reading.cut:
        return ended_tunes(reading.cut)
    return "there is no tune in it"
