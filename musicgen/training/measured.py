"""How musical a trained network is, in numbers for its result."""

import copy

from musicgen.corpus import Corpus, Vocabulary
from musicgen.generation import Options, RealTunes, draw
from musicgen.models.char_rnn import CharRNN
from musicgen.music import parse
from musicgen.music.measures import summarise

TUNES = 100
"""How many tunes: drawn and measured in half a second on one core, with a network of 150 units."""
MAX_CHARS = 1000
"""Length limit of each; most real tunes are shorter."""


def measured(network: CharRNN, vocabulary: Vocabulary, data: Corpus, seed: int) -> dict[str, float]:
    """All measures (`music.measures`) of TUNES tunes at temperature 1, without a constraint."""
    # On the CPU, where such small steps are fastest.
    network = copy.deepcopy(network).cpu().eval()
    options = Options([1.0], n=TUNES, seed=seed, max_chars=MAX_CHARS, constrain="off")
    tunes = [parse(drawn.text) for drawn in draw(network, vocabulary, options)]
    return summarise(tunes, RealTunes.of(data).training)
