"""All that the sources of one corpus hold: every setting once, and what could not be used."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from musicgen.corpus.session import read_csv, read_json
from musicgen.corpus.setting import START, Reading, Setting, read_marked
from musicgen.corpus.source import Source, UnreadableError
from musicgen.corpus.tunebook import read_tunebook
from musicgen.errors import InputError


@dataclass(frozen=True)
class Collection:
    settings: list[Setting]
    """Distinct settings in the order of the sources."""
    text: str
    """The settings between their marks; of a single source that has marks, all as it stands."""
    verbatim: bool
    """Whether the text is that source's, from which nothing is left out."""
    left_out: Counter[str]
    """What was left out of the settings, by reason."""
    unreadable: dict[str, str]
    """Files of which nothing could be used, and why."""
    files: list[dict[str, Any]]
    """Manifest entries of the files that were used."""


def collect(sources: Sequence[Source], key: str) -> Collection:
    """Read and clean all sources; what cannot be read is left out and listed.

    key: the configuration key that named the sources. Raises InputError if none holds a tune.
    """
    settings: dict[str, Setting] = {}
    left_out: Counter[str] = Counter()
    unreadable: dict[str, str] = {}
    files = []
    verbatim = None
    for source in sources:
        try:
            text, encoding = source.text()
            reading = _read(source, text)
            if not reading.settings:
                raise UnreadableError("there is no tune in it")
        except UnreadableError as error:
            unreadable[source.label] = str(error)
            continue
        verbatim = text if len(sources) == 1 and _marks(source, text) else None
        left_out += reading.left_out
        for setting in reading.settings:
            left_out["exact duplicates"] += setting.text in settings
            settings.setdefault(setting.text, setting)
        files.append(
            {
                "path": source.label,
                "sha256": source.sha256,
                "bytes": len(source.data),
                "encoding": encoding,
                "tunes": len(reading.settings),
            }
        )
    if not settings:
        label, why = next(iter(unreadable.items()))
        others = f", nor in {len(unreadable) - 1:,} others" if len(unreadable) > 1 else ""
        raise InputError(
            f"{key} must hold tunes (ABC with X: and K: lines, {START} ... <end>, or The Session's "
            f"dump), got none in '{label}' ({why}){others}; name a file with tunes"
        )
    marked = "".join(setting.marked for setting in settings.values())
    return Collection(
        settings=list(settings.values()),
        text=marked if verbatim is None else verbatim,
        verbatim=verbatim is not None,
        left_out=+left_out,
        unreadable=unreadable,
        files=files,
    )


def _read(source: Source, text: str) -> Reading:
    if source.kind == ".csv":
        return read_csv(text)
    if source.kind == ".json":
        return read_json(text)
    return read_marked(text) if _marks(source, text) else read_tunebook(text)


def _marks(source: Source, text: str) -> bool:
    return source.kind == ".abc" and START in text
