"""Variants: settings of one tune, recognized by their openings and their titles."""

import re
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from itertools import groupby

from musicgen.corpus.setting import Setting

OPENING_NOTES = 10
"""O'Neill's holds 171 pairs of settings under one number: 160 of them open alike by ten notes,
158 by sixteen, and 167 open alike or share a title. By six notes, 59 settings of all the folk
corpus open alike in one way; by ten, 8 (data/README.md)."""

PICKUP_NOTES = 3
"""At most so many notes before the first bar line are an upbeat, which often differs."""

MAX_NAMESAKES = 10
"""A title of more settings than this is ignored: "Untitled", "Gan Ainm", "Quick Step"."""

_FIELD_LINE = re.compile(r"^(?:[A-Zmrsw+]:(?![|:])|%).*$", re.MULTILINE)
_NO_NOTES = re.compile(r"\"[^\"\n]*\"|\{[^}\n]*\}|!\w[^!\n]*!|\[[A-Zmr]:[^\]\n]*\]")
_TOKEN = re.compile(r"\[[^\]|:\n]*\]|[A-Ga-g][,']*|[|:]")
_NOTE = re.compile(r"([A-Ga-g])([,']*)")


def opening(abc: str) -> tuple[int, ...] | None:
    """How a tune in ABC opens: diatonic steps of its first notes above the first, or None.

    Chords count by their highest note. Ignored, because settings of one tune differ in them: key,
    octave, note lengths, repeated notes, graces, ornaments, and an upbeat.
    """
    music = _NO_NOTES.sub("", _FIELD_LINE.sub("", abc)[:1000])
    bars: list[list[int]] = [[]]
    for token in _TOKEN.findall(music):
        if token in "|:":
            bars.append([])
        elif heights := [_height(*note) for note in _NOTE.findall(token)]:
            bars[-1].append(max(heights))
    bars = [bar for bar in bars if bar]
    if len(bars) > 1 and len(bars[0]) <= PICKUP_NOTES and len(bars[0]) < len(bars[1]):
        del bars[0]
    melody = [height for height, _ in groupby(height for bar in bars for height in bar)]
    return tuple(height - melody[0] for height in melody[:OPENING_NOTES]) or None


def families(settings: Sequence[Setting]) -> list[list[int]]:
    """Indices of the settings, grouped by a shared opening or kin, chains included.

    Families are in the order of their first settings.
    """
    parent = list(range(len(settings)))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    namesakes = Counter(setting.kin for setting in settings)
    first: dict[Hashable, int] = {}
    for place, setting in enumerate(settings):
        keys: list[Hashable] = [opening(setting.text)]
        if namesakes[setting.kin] <= MAX_NAMESAKES:
            keys.append(setting.kin)
        for key in keys:
            if key is not None:
                older, newer = sorted((root(first.setdefault(key, place)), root(place)))
                parent[newer] = older

    members: dict[int, list[int]] = defaultdict(list)
    for place in range(len(settings)):
        members[root(place)].append(place)
    return list(members.values())


def _height(letter: str, octave: str) -> int:
    """Diatonic steps above C; an octave is 7."""
    marks = octave.count("'") - octave.count(",") + letter.islower()
    return "CDEFGAB".index(letter.upper()) + 7 * marks
