"""`%%MIDI` lines and `I:MIDI` fields, which say how a tune sounds (abc2midi's directives)."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from musicgen.music.tune import Tune

_LINE = re.compile(r"^%%[ \t]*MIDI[ \t]+(.*)$", re.MULTILINE)
_FIELD = re.compile(r"MIDI[ \t=]+(.*)")
MAX_WORDS = 8
"""Words of a directive that are read."""


class Directive(NamedTuple):
    """One directive, such as `program 73`."""

    start: int
    """Offset in the text."""
    name: str
    words: tuple[str, ...]
    voice: str
    """Name of its voice; empty for all voices: it stands in the header."""

    def number(self, low: int, high: int) -> int | None:
        """Its last word as a number from `low` to `high`, else None. (`program 1 73` names a
        channel first; musicgen chooses channels itself.)"""
        last = self.words[-1] if self.words else ""
        if not re.fullmatch(r"-?[0-9]{1,4}", last):
            return None
        return int(last) if low <= int(last) <= high else None


def directives(tune: Tune) -> list[Directive]:
    """All directives of a tune, in the order of its text."""
    if "MIDI" not in tune.text:
        return []
    voices = [(f.start, f.value.split()[:1]) for f in tune.fields if f.letter == "V"]
    voices = [pair for pair in voices if pair[0] >= tune.body and pair[1]]
    starts = [start for start, _ in voices]
    first = tune.voices[0].name if tune.voices else ""
    found = []
    for start, text in sorted(_written(tune)):
        name, *words = text.split("%")[0].lower().split()[: MAX_WORDS + 1] or [""]
        place = bisect_right(starts, start)
        inside = voices[place - 1][1][0] if place else first
        found.append(Directive(start, name, tuple(words), inside if start >= tune.body else ""))
    return found


def _written(tune: Tune) -> Iterator[tuple[int, str]]:
    for line in _LINE.finditer(tune.text):
        yield line.start(), line[1]
    for field in tune.fields:
        if field.letter == "I" and (match := _FIELD.match(field.value)):
            yield field.start, match[1]
