"""The short tunes that every finished run writes, and measures of more of them."""

import copy
from dataclasses import asdict

from musicgen.config import Config
from musicgen.corpus import END, START, Corpus, Vocabulary
from musicgen.generation import Options, RealTunes, draw
from musicgen.models import CharRNN, sample
from musicgen.music import parse
from musicgen.music.measures import summarise
from musicgen.paths import write_text
from musicgen.training.events import EventLog
from musicgen.training.folder import RunFolder

MEASURED = 100
"""Tunes; drawn and measured in half a second on one core, with a network of 150 units."""
MAX_CHARS = 1000
"""Of each of them: most real tunes are shorter."""


def write_samples(
    network: CharRNN, vocabulary: Vocabulary, config: Config, folder: RunFolder, events: EventLog
) -> None:
    """One tune for each of samples.temperatures, in samples/ and in TensorBoard's text tab."""
    temperatures = config.samples.temperatures
    tunes = sample(
        network,
        vocabulary.encode(START + "\n").tolist(),
        temperatures,
        seed=config.seed,
        max_chars=config.samples.max_chars,
        end=vocabulary.encode(END).tolist(),
    )
    folder.samples.mkdir(exist_ok=True)
    for temperature, tune in zip(temperatures, tunes, strict=True):
        text = vocabulary.decode(tune).removesuffix(END)
        write_text(folder.samples / f"T{temperature:g}.abc", text)
        events.add_text(f"tune at temperature {temperature:g}", text, config.trainer.max_epochs)


def measured(network: CharRNN, vocabulary: Vocabulary, data: Corpus, seed: int) -> dict[str, float]:
    """`SetMeasures` of MEASURED tunes at temperature 1, as the network writes them by itself."""
    # On the CPU, where such small steps are fastest.
    network = copy.deepcopy(network).cpu().eval()
    options = Options([1.0], n=MEASURED, seed=seed, max_chars=MAX_CHARS, constrain="off")
    tunes = [parse(drawn.text) for drawn in draw(network, vocabulary, options)]
    return asdict(summarise(tunes, RealTunes.of(data).training))
