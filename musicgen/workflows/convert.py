"""Conversion of files of tunes in ABC to other formats, without a network."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from musicgen.config.keys import ConvertConfig
from musicgen.corpus.collection import ended_tunes
from musicgen.corpus.readers import DEFAULT, kind_of, readers
from musicgen.corpus.source import Source, UnreadableError
from musicgen.errors import InputError, Interrupted, RunError, advised
from musicgen.music import Tune, parse
from musicgen.music.arrangement import Arrangement, arrangement
from musicgen.music.files import check_notes, files
from musicgen.music.score.engrave import Engraver
from musicgen.system.files import replacing
from musicgen.system.paths import display_path, make_folder

MAX_PROBLEMS = 5
"""The most problems of a tune that are printed."""


@dataclass(frozen=True)
class Converted:
    """A tune and its files."""

    source: Path
    name: str
    """The name of its files, without their endings."""
    tune: Tune


def run(asked: ConvertConfig, tell: Callable[[str], None]) -> None:
    """Write each tune of each file in each format. tell: called with each line to print.

    Raises InputError before anything is written, and Interrupted after Ctrl-C. Raises RunError if a
    tune could not be written in a format; all other files are written before.
    """
    arranged = arrangement(asked.transpose, asked.header.tempo)
    formats = list(dict.fromkeys(asked.formats))
    if not formats:
        raise InputError("formats must name a format, got none; write formats=[musicxml,mid]")
    paths = [Path(path).expanduser() for path in dict.fromkeys(asked.files)]
    if not paths:
        raise InputError("convert needs a file of tunes, got none; name one, such as tune.abc")
    tunes = [found for path in paths for found in _tunes(path, arranged, tell)]
    with advised("see that music stands after K:"):
        check_notes([found.tune for found in tunes], formats)
    targets = _targets(tunes, formats, asked.out)
    folder = make_folder(Path(asked.out), "out") if asked.out else None
    missing = 0
    try:
        with Engraver() as engraver:
            for found, places in zip(tunes, targets, strict=True):
                made = files(found.tune, formats, engraver, accompanied=asked.accompaniment)
                for name, content in made.contents.items():
                    with replacing(places[name]) as file:
                        file.write(content)
                for line in _about(found, made.missing):
                    tell(line)
                missing += len(made.missing)
    except KeyboardInterrupt:
        raise Interrupted("stopped; the files of the tunes that were ready are there") from None
    where = {display_path(folder.absolute())} if folder else {str(path.parent) for path in paths}
    count = f"{len(tunes)} tune{'s' * (len(tunes) != 1)}"
    tell(f"{count} as {', '.join(formats)} in {', '.join(sorted(where))}")
    if missing:
        raise RunError(f"{missing} files could not be made; the lines above say why")


def _tunes(path: Path, arranged: Arrangement, tell: Callable[[str], None]) -> Iterator[Converted]:
    """The tunes of a file, arranged."""
    texts = _texts(path, tell)
    names: set[str] = set()
    for place, text in enumerate(texts, start=1):
        number = re.match(r"X:\s*([0-9]{1,6})", text)
        name = f"{path.stem}-{number[1] if number else place}" if len(texts) > 1 else path.stem
        while name in names:
            name = f"{name}-{place}"
        names.add(name)
        try:
            yield Converted(path, name, parse(arranged.apply(text)))
        except InputError as error:
            raise InputError(f"{name}: {error}") from None


def _texts(path: Path, tell: Callable[[str], None]) -> list[str]:
    """The tunes of a file, unchanged."""
    try:
        source = Source(path.name, path.read_bytes())
        kind = kind_of(path)
        reading = readers()[kind].written(source)
    except OSError as error:
        raise InputError(
            f"{path} must be a file of tunes in ABC ({error.strerror}); check its name"
        ) from None
    except UnreadableError as error:
        raise InputError(f"{path} must be a file of tunes in ABC: {error}; convert it") from None
    if reading.cut:
        tell(f"{path.name}: {ended_tunes(reading.cut)}; take it out of the file")
    if not reading.settings and kind != DEFAULT:
        raise InputError(f"{path} must hold tunes, got none; name another file")
    if not reading.settings:
        text, _ = source.text()
        first = next((line.strip() for line in text.split("\n") if line.strip()), "")
        raise InputError(
            f"{path} must hold tunes with a header, got none ({first!r:.40}); put lines such as "
            "X:1, M:4/4, L:1/8 and K:G before the music"
        )
    return [f"{setting.text}\n" for setting in reading.settings]


def _targets(tunes: list[Converted], formats: list[str], out: str | None) -> list[dict[str, Path]]:
    """The path of each tune's file by format. Raises InputError if a file would replace a source,
    or if two tunes would have the same file."""
    sources = {found.source.resolve() for found in tunes}
    taken: dict[Path, Converted] = {}
    targets = []
    for found in tunes:
        folder = Path(out).expanduser() if out else found.source.parent
        places = {name: folder / f"{found.name}.{name}" for name in formats}
        for place in places.values():
            if place.resolve() in sources:
                raise InputError(
                    f"out must be another folder than that of {place}, which would be replaced; "
                    "name one with out=<folder>"
                )
            if place in taken:
                raise InputError(
                    f"files must have names of their own, got {taken[place].source} and "
                    f"{found.source}, which both become {place}; convert one at a time"
                )
            taken[place] = found
        targets.append(places)
    return targets


def _about(found: Converted, missing: dict[str, str]) -> Iterator[str]:
    """The lines that are printed about a tune."""
    lines = found.tune.text.split("\n")
    for problem in found.tune.problems[:MAX_PROBLEMS]:
        at = lines[problem.line - 1].strip()[:60]
        yield f"{found.name}: {problem.message}, in {at!a}"
    if (more := len(found.tune.problems) - MAX_PROBLEMS) > 0:
        yield f"{found.name}: {more} more problems"
    for name, why in missing.items():
        yield f"{found.name}.{name} is missing: {why}"
