"""Corpora of tunes as text: found, cleaned, split, prepared once, and numbered by a vocabulary."""

from musicgen.corpus.corpus import Corpus, arguments, load, of, prepared_at
from musicgen.corpus.setting import END, START, read_marked
from musicgen.corpus.vocabulary import Vocabulary

__all__ = [
    "END",
    "START",
    "Corpus",
    "Vocabulary",
    "arguments",
    "load",
    "of",
    "prepared_at",
    "read_marked",
]
