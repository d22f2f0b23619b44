"""Random walks through what a constraint allows."""

import numpy as np

from musicgen.music import parse
from musicgen.music.constraint import BatchConstraint
from musicgen.music.constraint.rules import END

VOCABULARY = "\n" + "".join(map(chr, range(32, 127)))


def walk(
    constraint: BatchConstraint, tunes: int, seed: int, vocabulary: str = VOCABULARY
) -> list[str]:
    """Texts of characters drawn from those allowed, all alike."""
    rng = np.random.default_rng(seed)
    texts = [""] * tunes
    going = np.arange(tunes)
    while len(going):
        may = constraint.allowed(going)
        assert may.any(axis=1).all()
        drawn = (rng.random(may.shape) * may).argmax(axis=1)
        constraint.push(going, drawn)
        for tune, character in zip(going.tolist(), drawn.tolist(), strict=True):
            texts[tune] += vocabulary[character]
        going = np.array([tune for tune in going if not texts[tune].endswith(END)], np.int64)
    return texts


def complaints(text: str, bars: bool) -> list[str]:
    messages = [problem.message for problem in parse(text).problems]
    return [message for message in messages if bars or not message.startswith("bar too")]
