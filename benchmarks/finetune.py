"""What a trained network brings to a small collection: python -m benchmarks.finetune <input.txt>

Tunes of the 2018 report's corpus, as cleaned ABC without marks, are drawn by seed: 200 validate,
80 and 800 others train; settings of one tune (the corpus's rule for variants) stay on one side.
Each collection trains `init=folk`, with its recipe, and the same network from scratch with each of
SCRATCH. Losses are nats per character of the 200 tunes, also without those that are variants of
training tunes of the package's network; measures are of 100 tunes at T = 0.85, `constrain=bars`.

    init=<run>    another network to begin with
    tunes=80      this collection alone
    scratch=0     nothing from scratch; 3: the first three of SCRATCH
    key=value     for both kinds of training, such as trainer.threads=2
"""

import random
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from musicgen import Run, corpus
from musicgen.config.keys import EvaluateConfig
from musicgen.corpus import read_marked
from musicgen.corpus.collection import collect
from musicgen.corpus.setting import Setting
from musicgen.corpus.source import file_sources
from musicgen.corpus.variants import families
from musicgen.generation import Options, RealTunes, draw
from musicgen.music import parse
from musicgen.music.measures import MEMORISED, summarise
from musicgen.training.checkpoint import load_model
from musicgen.workflows import evaluate, initial

VALIDATION, SIZES, SEED, DRAWN = 200, (80, 800), 1, 100
SCRATCH = (
    ["optim=adamw", "optim.lr=0.004", "model.dropout=0.5"],
    ["optim=adamw", "optim.lr=0.002", "model.dropout=0.5", "optim.weight_decay=0.1"],
    ["optim=adamw", "optim.lr=0.004", "model.dropout=0.3"],
    ["optim.lr=0.02", "model.dropout=0.3"],
)
USUAL = ("data.batch_size=8", "trainer.max_epochs=30")
"""Settings of all trainings from scratch; early stopping ends most before."""
MEASURES = ("bars_right", "in_key", "bars_again", "memorised")
ALWAYS = ["samples.measure=false", "samples.media=false", "samples.every=0", "report=false"]


def collections(path: Path, known: Sequence[Setting], out: Path) -> set[int]:
    """Write v.abc and t<n>.abc; returns the tunes of v.abc (from 1) that are variants of known."""
    raw = out / "all.abc"
    raw.write_text("\n\n".join(each.text for each in read_marked(path.read_text()).settings) + "\n")
    settings = collect(file_sources(raw, "data.path", ["abc"]), "data.path").settings
    kin = [[settings[i] for i in family] for family in families(settings)]
    kin.sort(key=lambda family: family[0].text)
    random.Random(SEED).shuffle(kin)
    held: list[Setting] = []
    while len(held) < VALIDATION:
        held += kin.pop()
    held = held[:VALIDATION]
    rest = [setting for family in kin for setting in family]
    _write(out / "v.abc", held)
    for size in SIZES:
        _write(out / f"t{size}.abc", rest[:size])
    mixed = families([*known, *held])
    first = len(known)
    return {
        place - first + 1
        for family in mixed
        if min(family) < first
        for place in family
        if place >= first
    }


def _write(path: Path, settings: Sequence[Setting]) -> None:
    tunes = (f"X:{number}\n{each.text}\n" for number, each in enumerate(settings, 1))
    path.write_text("\n".join(tunes))


def trained(out: Path, size: int, name: str, *overrides: str) -> tuple[Run, float]:
    """A run on a collection, and its wall-clock seconds."""
    data = [f"data.path={out / f't{size}.abc'}", f"data.validation_path={out / 'v.abc'}"]
    where = ["data=files", "data.split=files", *data, f"data.root={out / 'data'}"]
    began = time.perf_counter()
    run = Run.train(*where, *ALWAYS, *overrides, folder=out / f"{size}-{name}")
    return run, time.perf_counter() - began


def without(run: Run, variants: set[int]) -> float:
    """The loss of the validation tunes that are no variants."""
    settings = {"part": "validation", "adapt": False, "adapt_lr": 1.0, "adapt_chars": 1}
    out = str(run.folder / "evaluation")
    asked = EvaluateConfig(run=str(run.folder), data=run.config.data, out=out, **settings)
    rows = [row for row in evaluate.run(asked).tunes if row["number"] not in variants]
    losses = [row[str(run.folder)] for row in rows]
    return float(np.average(losses, weights=[row["characters"] for row in rows]))


def written(run: Run, known: Sequence[Setting]) -> dict[str, float]:
    """Measures of tunes that it writes; `memorised` of its own tunes or of the first network's."""
    network = load_model(run.folder)
    options = Options([0.85], n=DRAWN, max_chars=1000, constrain="bars")
    drawn = draw(network.model, network.vocabulary, options, network.kinds)
    tunes = [parse(one.text) for one in drawn]
    own = RealTunes.of(corpus.of(run.config.data)).training
    found = summarise(tunes, own)
    theirs = own.of(parse(setting.text) for setting in known)
    runs = zip(own.longest_runs(tunes), theirs.longest_runs(tunes), strict=True)
    copied = sum(max(a.notes, b.notes) > MEMORISED for a, b in runs)
    return {name: found[name] for name in MEASURES} | {"memorised": copied / len(tunes)}


def main(path: str, *words: str) -> None:
    given = dict(word.split("=", 1) for word in words)
    begin = given.pop("init", "folk")
    sizes = [int(given.pop("tunes"))] if "tunes" in given else list(SIZES)
    tried = SCRATCH[: int(given.pop("scratch", len(SCRATCH)))]
    both = [f"{key}={value}" for key, value in given.items()]
    out = Path("runs/benchmarks/finetune") / time.strftime("%H-%M-%S")
    out.mkdir(parents=True)
    source = initial.find(begin).description
    known = read_marked(corpus.of(source.config.data).train).settings
    variants = collections(Path(path), known, out)
    model = {k: v for k, v in asdict(source.config.model).items() if k not in ("cell", "dropout")}
    same = [f"model={source.config.model.cell}", *(f"model.{k}={v}" for k, v in model.items())]
    columns = ("tunes", "begins with", "loss", "without variants", "best epoch", "seconds")
    title = f"{len(variants)} of {VALIDATION} tunes are variants"
    table = Table(*columns, *MEASURES, title=title)
    for size in sizes:
        ways = {f"init={begin}": [f"init={begin}", *both]}
        ways |= {" ".join(each): [*same, *USUAL, *each, *both] for each in tried}
        for number, (name, overrides) in enumerate(ways.items()):
            run, seconds = trained(out, size, str(number), *overrides)
            loss, measures = without(run, variants), written(run, known)
            figures = [f"{run.result.val_loss:.4f}", f"{loss:.4f}", str(run.result.best_epoch)]
            cells = [f"{measures[each]:.3f}" for each in MEASURES]
            table.add_row(str(size), name, *figures, f"{seconds:.0f}", *cells)
            print(size, name, *figures, f"{seconds:.0f} s", *cells, flush=True)
    Console(width=160).print(table)


if __name__ == "__main__":
    main(*sys.argv[1:])
