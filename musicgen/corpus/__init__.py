"""Corpora of tunes as text: found, cleaned, split, prepared once, and numbered by a vocabulary."""

from musicgen.corpus.corpus import Corpus, load
from musicgen.corpus.setting import END, START
from musicgen.corpus.vocabulary import Vocabulary

__all__ = ["END", "START", "Corpus", "Vocabulary", "load"]
