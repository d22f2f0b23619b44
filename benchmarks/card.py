"""Pack a run as the network of the package: python -m benchmarks.card <run folder> [experiment]

It writes musicgen/networks/folk/: the run's files, its weights in bf16, card.json, and README.md
for people. The losses of the card are those of the rounded weights.
"""

import hashlib
import shutil
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import torch

from musicgen import corpus
from musicgen.corpus import Corpus, read_marked
from musicgen.generation import Options, RealTunes, draw
from musicgen.models.evaluation import evaluate
from musicgen.music import parse
from musicgen.music.measures import summarise
from musicgen.system.files import write_text
from musicgen.training import checkpoint, packaged
from musicgen.training.checkpoint import TrainedModel, load_model
from musicgen.training.folder import RunFolder
from musicgen.training.packaged import Card
from musicgen.training.result import Result

EXPERIMENT = "folk_network"
TUNES = 300
TEMPERATURES = (1.0, 0.85, 0.7)
PAGE = Path(__file__).with_suffix(".md")
"""The page for people, with the names of figures in braces."""
SHOWN = ("parses", "bars_right", "in_key", "bars_again", "loops", "bars", "longer", "memorised",
         "titles")  # fmt: skip
"""The measures on the page; card.json has all."""


def pack(run: RunFolder, to: RunFolder) -> None:
    """Copy the files of a run that a network needs, its weights rounded to bf16."""
    shutil.rmtree(to.path, ignore_errors=True)
    to.checkpoints.mkdir(parents=True)
    for ours, theirs in zip(_kept(run), _kept(to), strict=True):
        shutil.copyfile(ours, theirs)
    content = checkpoint.load(run.best)
    content["weights"] = {n: w.to(torch.bfloat16) for n, w in content["weights"].items()}
    checkpoint.save(to.best, content)


def _kept(run: RunFolder) -> tuple[Path, ...]:
    return run.config, run.result, run.metrics, run.model


def loss(trained: TrainedModel, text: str) -> float:
    """Nats per character of a text."""
    ids = torch.from_numpy(trained.vocabulary.encode(text)).long()
    return evaluate(trained.model, trained.model.read(ids))[0]


def measured(trained: TrainedModel, data: Corpus) -> dict[str, dict[str, float]]:
    """Measures of tunes that the network writes, and of real ones; `titles` beside them, the share
    whose title a training tune has."""
    real = RealTunes.of(data)
    titles = {_title(setting.text) for setting in read_marked(data.train).settings}

    def figures(texts: Sequence[str]) -> dict[str, float]:
        found = summarise([parse(text) for text in texts], real.training)
        return found | {"titles": sum(_title(text) in titles for text in texts) / len(texts)}

    sets = {}
    for constrain, temperatures in {"bars": TEMPERATURES, "off": (1.0,)}.items():
        options = Options(list(temperatures), n=TUNES, max_chars=1000, constrain=constrain)
        drawn = draw(trained.model, trained.vocabulary, options, trained.kinds)
        for t in temperatures:
            name = f"T={t:g}{'' if constrain == 'bars' else ', off'}"
            sets[name] = figures([one.text for one in drawn if one.temperature == t])
    return sets | {"validation": figures(real.validation)}


def _title(text: str) -> str:
    """The title of a tune, without capitals; empty if it has none."""
    return parse(text).field("T").casefold().strip()


def main(folder: str, experiment: str = EXPERIMENT) -> None:
    run = RunFolder(Path(folder))
    to = RunFolder(packaged.NETWORKS / packaged.DEFAULT)
    pack(run, to)
    torch.set_num_threads(1)
    trained = load_model(to.path)
    data = corpus.of(trained.config.data)
    assert data.digest == trained.corpus
    assert data.test is not None
    result = Result.read(run.result)
    figures = data.manifest["splits"]["train"]
    card = Card(
        name=packaged.DEFAULT,
        experiment=experiment,
        config_digest=result.config_digest,
        corpus={**result.corpus, **{name: figures[name] for name in ("tunes", "characters")}},
        parameters=result.parameters or 0,
        sha256=hashlib.sha256(to.best.read_bytes()).hexdigest(),
        losses={
            "validation": loss(trained, data.validation),
            "test": loss(trained, data.test),
            "validation_fp32": loss(load_model(run.path), data.validation),
        },
        sets=measured(trained, data),
        tunes=TUNES,
        versions=result.versions,
    )
    card.write(to.path)
    size = to.best.stat().st_size
    write_text(to.path / "README.md", page(card, trained, result, size, _contents(data)))


def _contents(data: Corpus) -> str:
    """What the training tunes have, in words."""
    texts = [setting.text for setting in read_marked(data.train).settings]
    meters = Counter(parse(text).meter.text for text in texts)
    common = ", ".join(name for name, count in meters.most_common() if count >= len(texts) / 50)
    chords = sum('"' in text for text in texts)
    voices = sum(len(parse(text).voices) > 1 for text in texts)
    return (
        f"mostly in {common}; {chords / len(texts):.1%} of them have chord symbols or other text "
        f"in quotation marks, {voices / len(texts):.1%} a second voice, none lyrics"
    )


def page(card: Card, trained: TrainedModel, result: Result, size: int, contents: str) -> str:
    """The card as Markdown. contents: what the training tunes have."""
    model, data = trained.config.model, card.corpus
    drawn = list(card.sets.items())[:-1]
    unconstrained = card.sets["T=1, off"]
    return PAGE.read_text(encoding="utf-8").format(
        cell=model.cell.upper(),
        layers=model.layers,
        hidden=model.hidden,
        parameters=card.parameters,
        megabytes=size / 1e6,
        sha256=card.sha256[:16],
        corpus=data["name"],
        digest=data["digest"],
        split=data["split"],
        training_tunes=data["tunes"],
        characters=data["characters"],
        contents=contents,
        vocabulary=len(trained.vocabulary),
        experiment=card.experiment,
        config=card.config_digest,
        epochs=result.epochs,
        minutes=(result.seconds or 0) / 60,
        machine=result.machine,
        precision=result.precision,
        torch=card.versions["torch"],
        **card.losses,
        tunes=card.tunes,
        real=card.sets["validation"]["tunes"],
        heads=" | ".join(card.sets),
        rule="---|" * len(card.sets),
        rows="\n".join(_row(name, card) for name in SHOWN),
        copied=", ".join(f"{figures['memorised']:.1%} at {head}" for head, figures in drawn),
        real_memorised=card.sets["validation"]["memorised"],
        bars_right=unconstrained["bars_right"],
        parses=unconstrained["parses"],
    )


def _row(name: str, card: Card) -> str:
    form = ".1f" if name == "bars" else ".1%"
    cells = [f"{figures[name]:{form}}" for figures in card.sets.values()]
    return f"| {name.replace('_', ' ')} | {' | '.join(cells)} |"


if __name__ == "__main__":
    main(*sys.argv[1:])
