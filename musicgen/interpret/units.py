"""All units of a network, scored over held-out tunes."""

from collections.abc import Iterable, Sequence

import numpy as np

from musicgen.corpus import END, START, Vocabulary
from musicgen.interpret.activations import record
from musicgen.interpret.annotate import annotate, spans
from musicgen.interpret.annotations import annotations
from musicgen.interpret.score import Score, score
from musicgen.models.char_rnn import CharRNN


def marked(text: str, most: int) -> list[str]:
    """The first `most` complete tunes of a corpus's text, from `<start>` to `<end>`."""
    whole = [(start, end) for start, end, ended in spans(text) if ended]
    return [f"{START}\n{text[start:end]}\n{END}\n" for start, end in whole[:most]]


def rank(
    network: CharRNN,
    vocabulary: Vocabulary,
    tunes: Sequence[str],
    states: Sequence[str],
    names: Iterable[str] | None = None,
) -> list[Score]:
    """The scores of every unit and state for every annotation: by annotation, best first.

    tunes: the tunes from `marked`; each is read from a zero state. states: observable states of the
    cell. names: the names of the annotations; None: all.
    """
    if not tunes:
        return []
    asked = list(annotations() if names is None else names)
    found = [annotate(tune, asked) for tune in tunes]
    labels = {name: np.concatenate([of[name] for of in found]) for name in asked}
    texts = [vocabulary.encode(tune) for tune in tunes]
    scores: dict[str, list[Score]] = {name: [] for name in labels}
    for recorded in record(network, texts, states):
        for name, rows in score(recorded, labels).items():
            scores[name] += rows
    return [row for rows in scores.values() for row in sorted(rows, key=lambda row: -row.score)]


def best(scores: Iterable[Score]) -> dict[str, Score]:
    """The best unit for each annotation."""
    found: dict[str, Score] = {}
    for row in scores:
        if row.annotation not in found or row.score > found[row.annotation].score:
            found[row.annotation] = row
    return found


def score_text(row: Score) -> str:
    """A score as text, such as `AUC 0.964` or `1.31 of 2.84 bits`."""
    if row.measure == "auc":
        return f"AUC {row.score:.3f}"
    return f"{row.score:.2f} of {row.most:.2f} bits"
