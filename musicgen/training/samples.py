"""The short tunes that every finished run writes."""

from musicgen.config import Config
from musicgen.corpus import END, START, Vocabulary
from musicgen.models import CharRNN, sample
from musicgen.paths import write_text
from musicgen.training.events import EventLog
from musicgen.training.folder import RunFolder


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
