"""What the files of a tune cost: python -m tests.bench.formats <run folder>

Seconds for six tunes at each of three temperatures: drawing them, then each format, with
an engraver that is already there; and memorisation, for 100 tunes against the run's own corpus.
"""

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from musicgen import generating
from musicgen.generation import Options, draw
from musicgen.music import midi_bytes, parse
from musicgen.music.score import mei, png_bytes
from musicgen.music.score.engrave import Engraver
from musicgen.music.wav import wav_bytes
from musicgen.training.checkpoint import load_model

TEMPERATURES = (0.5, 1.0, 2.0)
T = TypeVar("T")


def main(folder: str) -> None:
    trained = load_model(Path(folder))
    seconds: dict[str, dict[float, float]] = defaultdict(lambda: defaultdict(float))

    def timed(name: str, temperature: float, work: Callable[[], T]) -> T:
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
                svg = timed("svg", t, lambda x=tune: engraver.svg(mei(x)))
                timed("png", t, lambda x=svg: png_bytes(x))
                timed("wav", t, lambda x=tune: wav_bytes(x))
    table = Table("six tunes", *(f"T={t:g} (s)" for t in TEMPERATURES))
    for name, by_temperature in seconds.items():
        table.add_row(name, *(f"{by_temperature[t]:.3f}" for t in TEMPERATURES))
    console = Console(width=100)
    console.print(table)
    real = generating._real(trained)
    if real is None:
        return
    hundred = draw(trained.model, trained.vocabulary, Options([1.0], 100, constrain="off"))
    tunes = [parse(one.text) for one in hundred]
    began = time.perf_counter()
    real.training.longest_runs(tunes)
    console.print(f"memorisation, 100 tunes: {time.perf_counter() - began:.3f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
