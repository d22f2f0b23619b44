"""Tunes and a hidden unit of the network, shown in TensorBoard while it trains and at the end."""

import contextlib
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from musicgen.config.keys import Config
from musicgen.corpus import END, START, Vocabulary
from musicgen.errors import InputError, MusicgenError
from musicgen.interpret.activations import record
from musicgen.interpret.annotations import annotations
from musicgen.interpret.heatmap import heatmap
from musicgen.interpret.units import best, marked, rank, score_text
from musicgen.models.char_rnn import CharRNN
from musicgen.models.sampler import sample
from musicgen.music import Tune, parse
from musicgen.music.score import mei, png_bytes
from musicgen.music.score.engrave import Engraver
from musicgen.music.wav import wav_bytes
from musicgen.system.files import write_text
from musicgen.system.paths import in_name
from musicgen.training.events import EventLog
from musicgen.training.folder import sample_path

# What a browser shows well; event files keep every byte for each run and epoch.
PIXELS = 800
"""Width of a picture."""
RATE = 16_000
"""Samples of sound per second."""
SECONDS = 15.0
"""Seconds of sound of each tune."""

HELD_OUT = 50
"""Validation tunes over which the best unit is sought."""
CHARS = 600
"""Characters in the heat map."""


class Samples:
    """A tune for each of samples.temperatures, and the best unit for each watched annotation.

    Nothing here draws from PyTorch's random generators, so samples do not change a training.
    """

    def __init__(
        self,
        network: CharRNN,
        vocabulary: Vocabulary,
        config: Config,
        validation: str,
        events: EventLog,
        *,
        one_of_many: bool,
    ) -> None:
        """one_of_many: no sound, and pictures only at the end."""
        self.network, self.vocabulary, self.config = network, vocabulary, config
        self.validation, self.events = validation, events
        self.media = config.samples.media
        self.one_of_many = one_of_many

    def show(self, epoch: int) -> None:
        """Write them to the event file."""
        self._show(self._tunes(), epoch, pictures=self.media and not self.one_of_many)

    def write(self, folder: Path, epoch: int) -> None:
        """Write them to the event file at the end of the training, and the tunes to files."""
        tunes = self._tunes()
        folder.mkdir(exist_ok=True)
        for temperature, text in tunes.items():
            write_text(sample_path(folder, temperature), text)
        self._show(tunes, epoch, pictures=self.media)

    def _prime(self) -> list[int]:
        prime: list[int] = self.vocabulary.encode(f"{START}\n").tolist()
        return prime

    def _tunes(self) -> dict[float, str]:
        """One tune for each temperature."""
        temperatures = self.config.samples.temperatures
        tunes = sample(
            self.network,
            self._prime(),
            temperatures,
            seed=self.config.seed,
            max_chars=self.config.samples.max_chars,
            end=self.vocabulary.encode(END).tolist(),
        )
        texts = (self.vocabulary.written(tune).removesuffix(END) for tune in tunes)
        return dict(zip(temperatures, texts, strict=True))

    def _show(self, tunes: dict[float, str], epoch: int, *, pictures: bool) -> None:
        with Engraver() as engraver:
            for temperature, text in tunes.items():
                # A tag belongs to one tab: of contents that share a tag, TensorBoard shows the
                # first kind.
                tag = f"temperature {in_name(temperature)}"
                self.events.add_text(f"tune/{tag}", text, epoch)
                tune = parse(text)
                if pictures and tune.notes:
                    # A tune that cannot be engraved or played is shown as far as possible.
                    with contextlib.suppress(MusicgenError):
                        png = png_bytes(engraver.svg(mei(tune)), PIXELS)
                        self.events.add_png(f"score/{tag}", png, epoch)
                    self._play(f"sound/{tag}", tune, epoch)
        if pictures:
            for asks, png in self._heatmaps():
                self.events.add_png(f"hidden unit/{asks}", png, epoch)

    def _play(self, tag: str, tune: Tune, epoch: int) -> None:
        if not self.one_of_many:
            with contextlib.suppress(InputError):
                self.events.add_wav(tag, wav_bytes(tune, RATE, SECONDS), epoch)

    @cached_property
    def _held_out(self) -> list[str]:
        return marked(self.validation, HELD_OUT)

    def _heatmaps(self) -> Iterator[tuple[str, bytes]]:
        """A picture for each watched annotation that the validation tunes give cause to ask."""
        watched = {name: each.asks for name, each in annotations().items() if each.watched}
        scores = rank(self.network, self.vocabulary, self._held_out, ["hidden"], watched)
        units = best(scores)
        if not units:
            return
        (ids,) = sample(self.network, self._prime(), [1.0], seed=self.config.seed, max_chars=CHARS)
        text = f"{START}\n{self.vocabulary.written(ids)}"
        read = [self.vocabulary.encode(text)]
        layers = {found.layer: found for found in record(self.network, read, ["hidden"])}
        for name, unit in units.items():
            verdict = f"{watched[name]}: {score_text(unit)} (chance {unit.chance:.2f})"
            svg = heatmap(text, layers[unit.layer].values[unit.unit], unit.name, verdict)
            yield watched[name], png_bytes(svg, PIXELS)
