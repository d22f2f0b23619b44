"""Kinds of tokens in tunes: fields, decorations, bar lines and other beginnings.

A kind is written as its tokens begin: `T:` a field on a line of its own, `[K:` a field in brackets,
`[1` and `|1` endings, `:|` a bar line, `!trill!` a decoration, `(3` a tuplet, `{/` grace notes. Two
kinds stand for beginnings with any letter: `[c` for a chord, `"c` for a chord symbol.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from musicgen.music.grammar import Kind, lexicon, tokenize
from musicgen.music.harmony import chord

CHORD, CHORD_SYMBOL = "[c", '"c'
HEADER, LINES, SECTION, BAR, WITHIN = PLACES = ("header", "lines", "section", "bar", "within")
"""Where tokens begin: lines of the header; lines of the music that are fields; music where nothing
sounds yet, or since a bar line in which a tune may end (`||`, `:|`); where nothing sounds since
another bar line; and any other music."""
LONGEST = 12
"""Characters of a kind that are kept; hostile text has longer ones."""

_FIELD = re.compile(r"[A-Za-z+]:(?![|:])").match
_ENDING = re.compile(r"(.*?)(\[?[0-9][0-9,\-]*)").fullmatch
_ENDS = re.compile(r":*\|[|\]]|:+\|").fullmatch
_NAME = re.compile(r"![A-Za-z0-9.()<>+]+!").fullmatch
_SOUNDING = {Kind.NOTE, Kind.REST, Kind.MULTIREST, Kind.CHORD}


@dataclass(frozen=True)
class Kinds:
    """How often each kind begins in the tunes of a training text, by place."""

    counted: tuple[tuple[str, str, int], ...]
    """(place, kind, how often), sorted."""

    @classmethod
    def of(cls, tunes: Iterable[str]) -> "Kinds":
        """Count the kinds of tunes in ABC. Takes half a second for a million characters."""
        counts: Counter[tuple[str, str]] = Counter()
        for tune in tunes:
            _count(tune, counts)
        return cls(tuple(sorted((place, kind, n) for (place, kind), n in counts.items())))

    @classmethod
    def from_json(cls, by_place: Mapping[str, Mapping[str, int]]) -> "Kinds":
        """The inverse of `to_json`. Raises ValueError, TypeError or AttributeError if it is
        damaged."""
        triples = [
            (str(place), str(kind), int(count))
            for place, counts in by_place.items()
            for kind, count in counts.items()
        ]
        return cls(tuple(sorted(triples)))

    def to_json(self) -> dict[str, dict[str, int]]:
        """Counts by place and kind."""
        return {place: dict(counts) for place, counts in self._by_place.items()}

    def count(self, place: str) -> Mapping[str, int]:
        """How often each kind begins in this place."""
        return self._by_place.get(place, {})

    def music(self) -> set[str]:
        """Kinds that begin in the music, without lines that are fields."""
        return {kind for place in (SECTION, BAR, WITHIN) for kind in self.count(place)}

    @cached_property
    def _by_place(self) -> dict[str, dict[str, int]]:
        by_place: dict[str, dict[str, int]] = {place: {} for place in PLACES}
        for place, kind, count in self.counted:
            by_place.setdefault(place, {})[kind] = count
        return by_place

    @cached_property
    def _hash(self) -> int:
        return hash(self.counted)

    def __hash__(self) -> int:
        return self._hash


def _count(tune: str, counts: Counter[Any]) -> None:
    place, body = SECTION, False
    for line in tune.split("\n"):
        if _FIELD(line):
            counts[LINES if body else HEADER, line[:2]] += 1
            body = body or line[0] == "K"
            continue
        if not body and "|" not in line:
            continue
        body = True
        for token in tokenize(line):
            for kind in kinds_of(token):
                counts[place, kind] += 1
                if kind[0] in "|:":
                    place = SECTION if _ENDS(kind) else BAR
            if lexicon[token].kind in _SOUNDING:
                place = WITHIN


@lru_cache(maxsize=1 << 14)
def kinds_of(token: str) -> tuple[str, ...]:
    """The kinds of one token of music. A bar line with an ending in brackets has two: `|[1` is `|`
    and `[1`. Plain notes and spaces have none."""
    kind = lexicon[token].kind
    if kind is Kind.NOTE:
        accidental = token.rstrip("0123456789/").rstrip(",'")[:-1]
        return (accidental,) if accidental else ()
    if kind is Kind.SPACE:
        return ()
    if kind in (Kind.BAR, Kind.ENDING):
        return tuple(part[:LONGEST] for part in _parts_of_line(token))
    if kind is Kind.STRING:
        mark = token[1:2]
        return ('"' + (mark if mark in "^_<>@" else "c" if chord(token[1:-1]) else ""),)
    if kind is Kind.DECORATION and len(token) > 1:
        # Between two signs that do not form a pair there may be anything.
        return (token if _NAME(token) and len(token) <= LONGEST else token[0],)
    if kind is Kind.CHORD:
        return (CHORD if token[0] == "[" else "+",)
    if kind is Kind.INLINE:
        return (token[:3],)
    if kind is Kind.GRACE:
        return (token[:2] if token[1] == "/" else "{",)
    if kind in (Kind.TUPLET, Kind.BROKEN):
        return (token[:LONGEST],)
    if kind in (Kind.REST, Kind.MULTIREST, Kind.SPACER, Kind.OVERLAY, Kind.COMMENT):
        return (token[0],)
    return (token[:LONGEST],)


def _parts_of_line(token: str) -> list[str]:
    numbered = _ENDING(token)
    if numbered is None or not numbered[2].startswith("["):
        return [token]
    return [part for part in numbered.groups() if part]
