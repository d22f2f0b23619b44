"""Character-level recurrent networks and how tunes are drawn from them."""

from musicgen.models.char_rnn import CharRNN
from musicgen.models.evaluation import evaluate
from musicgen.models.sampler import Constraint, Cut, sample

__all__ = ["CharRNN", "Constraint", "Cut", "evaluate", "sample"]
