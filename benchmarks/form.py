"""Form of what a network writes beside that of real tunes: python -m benchmarks.form <run folder>

One table: real validation tunes, and TUNES tunes of the network with `constrain=bars` at T = 1, at
T = 0.7 and as the README recommends for listening; at T = 1 also without any constraint. More
settings can be asked for: python -m benchmarks.form <run folder> 0.9,0.05 0.85 (temperature,
min_p).

Rows: the measures of `musicgen.music.measures`, and shares of sounding bars whose last
like was 1, 2, 4, 8 or 16 bars, or another number of bars ago (`structure.Structure.returns`).
"""

import sys
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from musicgen import corpus
from musicgen.generation import Options, RealTunes, draw
from musicgen.models.sampler import Cut
from musicgen.music import Tune, parse
from musicgen.music.measures import summarise
from musicgen.music.reference import Reference
from musicgen.music.structure import DISTANCES, structure
from musicgen.training.checkpoint import load_model

TUNES = 300
MAX_CHARS = 1000
"""As in `conf/generate.yaml`; of the default corpus, 0.1 % of tunes have more."""
RECOMMENDED = (0.85, 0.0)
"""Temperature and min_p for listening."""


def column(tunes: list[Tune], reference: Reference) -> dict[str, str]:
    """Figures by the names of their rows."""
    found = summarise(tunes, reference)
    figures: dict[str, str | float] = {
        name: f"{value:.1f}" if name in ("bars", "parts", "part_bars", "pitches", "run") else value
        for name, value in found.items()
    }
    returns = np.sum([structure(tune).returns for tune in tunes], axis=0)
    shares = returns / max(returns.sum(), 1)
    ago = [*map(str, DISTANCES), "other"]
    figures |= {f"{n} bars ago": float(share) for n, share in zip(ago, shares, strict=False)}
    return {
        name: value if isinstance(value, str) else f"{value:.3f}" if value % 1 else f"{value:.0f}"
        for name, value in figures.items()
    }


def main(folder: str, *settings: str) -> None:
    torch.set_num_threads(1)
    trained = load_model(Path(folder))
    real = RealTunes.of(corpus.of(trained.config.data))
    asked = {"T=1": (1.0, 0.0, "bars"), "T=0.7": (0.7, 0.0, "bars")}
    for temperature, min_p in [RECOMMENDED, *(_setting(text) for text in settings)]:
        asked[f"T={temperature:g}, min_p={min_p:g}"] = (temperature, min_p, "bars")
    asked |= {"T=1, off": (1.0, 0.0, "off"), "T=0.7, off": (0.7, 0.0, "off")}
    columns = {"real": column([parse(text) for text in real.validation], real.training)}
    for name, (temperature, min_p, constrain) in asked.items():
        options = Options(
            [temperature],
            n=TUNES,
            max_chars=MAX_CHARS,
            cut=Cut(min_p=min_p),
            constrain=constrain,
        )
        drawn = draw(trained.model, trained.vocabulary, options, trained.kinds)
        columns[name] = column([parse(one.text) for one in drawn], real.training)
    table = Table("measure", *columns, title=f"{TUNES} tunes each, constrain=bars unless off")
    for name in columns["real"]:
        table.add_row(name, *(figures[name] for figures in columns.values()))
    Console(width=24 + 18 * len(columns)).print(table)


def _setting(text: str) -> tuple[float, float]:
    temperature, _, min_p = text.partition(",")
    return float(temperature), float(min_p or 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
