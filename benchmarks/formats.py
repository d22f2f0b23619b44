"""What the files of a tune cost: python -m benchmarks.formats <run folder>

Seconds for six tunes at each of three temperatures: drawing them, then each format, with
an engraver that is already there; then how fast tunes are parsed (validation tunes, and 100 of the
network's), and memorisation of these 100 against the run's own training tunes.
"""

import gc
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from musicgen.generation import Options, RealTunes, draw
from musicgen.music import Tune, midi_bytes, parse
from musicgen.music.score import mei, musicxml, png_bytes
from musicgen.music.score.engrave import Engraver
from musicgen.music.wav import wav_bytes
from musicgen.training.checkpoint import load_model
from musicgen.workflows import generate

TEMPERATURES = (0.5, 1.0, 2.0)
T = TypeVar("T")


def main(folder: str) -> None:
    trained = load_model(Path(folder))
    seconds: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))

    def timed(name: str, temperature: float, work: Callable[[], T]) -> T:
        _settle()
        began = time.perf_counter()
        made = work()
        seconds[name][temperature] += time.perf_counter() - began
        return made

    with Engraver() as engraver:
        engraver.svg(mei(parse("X:1\nK:C\nC|]")))
        for t in TEMPERATURES:
            for constrain in ("off", "bars"):
                options = Options([t], 6, constrain=constrain)
                tunes = timed(
                    f"draw, constrain={constrain}",
                    t,
                    lambda o=options: draw(trained.model, trained.vocabulary, o),
                )
            for one in tunes:
                tune = timed("parse", t, lambda x=one.text: parse(x))
                timed("mid", t, lambda x=tune: midi_bytes(x))
                timed("musicxml", t, lambda x=tune: musicxml(x))
                timed("mei", t, lambda x=tune: mei(x))
                svg = timed("svg", t, lambda x=tune: engraver.svg(mei(x)))
                timed("png", t, lambda x=svg: png_bytes(x))
                timed("wav", t, lambda x=tune: wav_bytes(x))
    table = Table("six tunes", *(f"T={t:g} (s)" for t in TEMPERATURES))
    for name, by_temperature in seconds.items():
        table.add_row(name, *(f"{by_temperature[t]:.3f}" for t in TEMPERATURES))
    console = Console(width=100)
    console.print(table)
    if real := generate._real(trained):
        hundred = draw(trained.model, trained.vocabulary, Options([1.0], 100, constrain="off"))
        tunes = [parse(one.text) for one in hundred]
        console.print(_whole(tunes, real))


def _whole(tunes: list[Tune], real: RealTunes) -> Table:
    """What is done to many tunes at once."""
    table = Table("of many tunes", "median of 5", "asked for")
    texts = [*real.validation, *(tune.text for tune in tunes)]
    seconds = _median(lambda: [parse(text) for text in texts])
    rate = sum(map(len, texts)) / seconds
    table.add_row("parse", f"{rate:,.0f} characters/s", "300,000 characters/s")
    seconds = _median(lambda: real.training.longest_runs(tunes))
    table.add_row("memorisation of 100 tunes", f"{seconds:.3f} s", "2 s")
    return table


def _settle() -> None:
    """What was drawn before must not be collected at the cost of what is timed now."""
    gc.collect()
    gc.freeze()


def _median(work: Callable[[], object]) -> float:
    """Seconds."""
    taken = []
    _settle()
    for _ in range(5):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


if __name__ == "__main__":
    main(*sys.argv[1:])
