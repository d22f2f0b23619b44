"""Labels for each character of a text of tunes."""

import re
from collections.abc import Iterable, Iterator

import numpy as np

from musicgen.corpus import END, START
from musicgen.errors import RunError
from musicgen.interpret.annotations import ABSENT, Labels, annotations, beginnings
from musicgen.music import parse

_TUNE = re.compile(f"{START}\n(.*?)(\n{END}|(?={START})|\\Z)", re.DOTALL)


def spans(text: str) -> Iterator[tuple[int, int, bool]]:
    """(first character, end, whether `<end>` follows) of each tune in a text."""
    for found in _TUNE.finditer(text):
        yield *found.span(1), bool(found[2])


def annotate(text: str, names: Iterable[str] | None = None) -> dict[str, Labels]:
    """The labels of a text of `<start>` ... `<end>` tunes, by the annotation's name.

    The marks themselves have no label. A tune that the text's end cuts off is labelled up to there.
    names: names of `annotations`; None: all. Raises RunError if a plugin's annotation sets a class
    that it does not have.
    """
    known = annotations()
    asked = known if names is None else {name: known[name] for name in names}
    labels = {name: np.full(len(text), ABSENT, np.int8) for name in asked}
    for start, end, ended in spans(text):
        tune = parse(text[start:end])
        for name, annotation in asked.items():
            if ended or not annotation.whole:
                annotation.mark(tune, labels[name][start:end])
    for name, annotation in asked.items():
        classes, highest = len(annotation.classes), labels[name].max(initial=ABSENT)
        if highest >= classes:
            raise RunError(
                f"annotation {name} must mark classes below {classes}, got {highest}; mend its "
                "plugin"
            )
    return labels


def bar_lines(text: str) -> list[int]:
    """The indices of the bar lines in a text of tunes."""
    places = []
    for start, end, _ in spans(text):
        voices = (voice for voice in parse(text[start:end]).voices if not voice.overlay)
        places += [start + bar.end for voice in voices for bar in voice.bars if bar.line]
    return sorted(places)


def part_starts(text: str) -> list[int]:
    """The indices in a text of tunes at which a part begins that is not the first of its tune."""
    places = []
    for start, end, _ in spans(text):
        for voice in parse(text[start:end]).voices:
            if voice.overlay:
                continue
            begun = zip(voice.bars, beginnings(voice), strict=True)
            places += [start + bar.start for bar, begins in begun if begins][1:]
    return sorted(places)
