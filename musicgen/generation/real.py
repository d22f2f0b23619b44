"""Real tunes of a network's corpus, to measure its own tunes against."""

from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache

from musicgen.corpus import Corpus, read_marked
from musicgen.music import parse
from musicgen.music.measures import summarise
from musicgen.music.reference import Reference
from musicgen.system.files import replacing

COMPARED = 300
"""How many validation tunes are measured; fewer where the corpus has fewer."""


@dataclass(frozen=True)
class RealTunes:
    """The real tunes of one corpus."""

    digest: str
    """The corpus' digest, which identifies it."""
    training: Reference = field(compare=False)
    validation: tuple[str, ...] = field(compare=False)
    """Texts of COMPARED validation tunes, evenly spread."""

    @classmethod
    def of(cls, corpus: Corpus) -> "RealTunes":
        """Index all training tunes, which takes 3 s for a million characters; the corpus' folder
        keeps the index."""
        path = corpus.folder / "reference.npz"
        training = Reference.load(path)
        if training is None:
            training = Reference.of(parse(text) for text in _texts(corpus.train))
            with suppress(OSError), replacing(path) as file:  # the folder is read-only
                training.save(file)
        texts = _texts(corpus.validation)
        count = min(COMPARED, len(texts))
        chosen = (texts[number * len(texts) // count] for number in range(count))
        return cls(corpus.digest, training, tuple(chosen))

    def measures(self) -> dict[str, float]:
        """Measures of the validation tunes, which a network should come near."""
        return _measures(self)


@lru_cache(maxsize=1)
def _measures(real: RealTunes) -> dict[str, float]:
    """Cached: a report asks for ten networks of one corpus."""
    return summarise([parse(text) for text in real.validation], real.training)


def _texts(marked: str) -> list[str]:
    return [setting.text for setting in read_marked(marked).settings]
