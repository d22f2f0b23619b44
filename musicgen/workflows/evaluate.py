"""The work of `evaluate`: losses of a text under one network or several, by tune and by kind."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from musicgen import corpus
from musicgen.config.keys import EvaluateConfig
from musicgen.errors import InputError
from musicgen.interpret import characters
from musicgen.interpret.annotate import spans
from musicgen.models.dynamic import adaptive_losses
from musicgen.models.evaluation import character_losses
from musicgen.models.mixture import fitted_weights, mixed
from musicgen.music import parse
from musicgen.system.files import write_csv
from musicgen.system.paths import make_folder
from musicgen.training import device
from musicgen.training.checkpoint import TrainedModel, load_model
from musicgen.workflows import runs

MIXTURE = "mixture"
Losses = NDArray[np.float64]

Row = dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """Losses (nats per character) of one text, by the name of the network; `mixture` last."""

    text: str
    """What was scored: name of the corpus and part."""
    kinds: list[Row]
    """A row for all characters, then one for each kind: `kind`, `characters`, and the losses."""
    tunes: list[Row]
    """A row for each tune: `number`, `title`, `characters`, and the losses."""
    weights: dict[str, float]
    """The share of each network in the mixture; empty for one network."""
    fitted: bool
    """Whether the shares were fitted on the validation text; else they are equal."""
    out: Path


def run(asked: EvaluateConfig) -> Evaluation:
    """Score a text and write kinds.csv and tunes.csv. Raises InputError before anything is written.

    The first character of the text has no loss. Shares of a mixture are fitted on the validation
    text, unless that is what is scored or part of it: then they are equal.
    """
    places = _places(asked.run)
    networks = {name: load_model(place) for name, place in places.items()}
    torch.set_num_threads(max(device.threads(each.config.trainer) for each in networks.values()))
    text, fitting = _texts(asked)
    out = _out(asked, next(iter(places.values())))
    losses = {name: _losses(each, text, asked) for name, each in networks.items()}
    weights = {}
    if len(networks) > 1:
        rows = [_losses(each, fitting, asked) for each in networks.values()] if fitting else []
        shares = fitted_weights(np.array(rows)) if rows else np.full(len(losses), 1 / len(losses))
        weights = dict(zip(losses, shares.tolist(), strict=True))
        losses[MIXTURE] = mixed(np.array(list(losses.values())), shares)
    kinds, tunes = _by_kind(text, losses), _by_tune(text, losses)
    write_csv(out / "kinds.csv", kinds)
    write_csv(out / "tunes.csv", tunes)
    name = f"{asked.data.name}, {asked.part}"
    return Evaluation(name, kinds, tunes, weights, bool(fitting), out)


def _places(asked: Any) -> dict[str, Path]:
    """The run folder or checkpoint of each network, by the name that was given."""
    given = asked if isinstance(asked, list) else [asked]
    if not given or not all(isinstance(one, str) and one for one in given):
        raise InputError(f"run must be a run or a list of runs, got {asked}; run=[runs/a,runs/b]")
    found = {name: runs.find(name) for name in given}
    if len(set(found.values())) < len(given):
        raise InputError(f"run must name each network once, got {','.join(given)}; leave one out")
    return found


def _texts(asked: EvaluateConfig) -> tuple[str, str | None]:
    """The text to score, and the text on which a mixture is fitted; None if there is none apart
    from it."""
    if asked.part == "all":
        # Any text, however short: put together again from a split within a tune.
        whole = replace(
            asked.data, split="contiguous", val_fraction=0.5, validation_path=None, test_path=None
        )
        found = corpus.of(whole)
        return found.train + found.validation, None
    found = corpus.of(asked.data)
    text = {"train": found.train, "validation": found.validation, "test": found.test}[asked.part]
    if text is None:
        raise InputError(
            f"part=test needs a corpus with a test text, got data.split={asked.data.split} "
            f"with data.test_fraction={asked.data.test_fraction}; take another part"
        )
    return text, found.validation if asked.part != "validation" else None


def _losses(network: TrainedModel, text: str, asked: EvaluateConfig) -> Losses:
    """The loss of each character; 0 for the first, which nothing predicts."""
    ids = torch.from_numpy(network.vocabulary.encode(text)).long()
    reading = network.model.read(ids)
    if asked.adapt:
        found = adaptive_losses(network.model, reading, lr=asked.adapt_lr, chars=asked.adapt_chars)
    else:
        found = character_losses(network.model, reading)
    return np.concatenate([[0.0], found.numpy()])


def _by_kind(text: str, losses: dict[str, Losses]) -> list[Row]:
    kinds = characters.kinds(text)
    scored = np.arange(len(text)) > 0
    chosen = {"all": scored}
    chosen |= {name: scored & (kinds == number) for number, name in enumerate(characters.NAMES)}
    return [
        {"kind": name, **_means(where, losses)} for name, where in chosen.items() if where.any()
    ]


def _by_tune(text: str, losses: dict[str, Losses]) -> list[Row]:
    """A row for each tune that the text has, without its marks."""
    rows = []
    for number, (start, end, _) in enumerate(spans(text), 1):
        where = np.zeros(len(text), bool)
        where[max(start, 1) : end] = True
        if where.any():
            title = parse(text[start:end]).field("T")
            rows.append({"number": number, "title": title, **_means(where, losses)})
    return rows


def _means(where: NDArray[np.bool_], losses: dict[str, Losses]) -> Row:
    means = {name: float(values[where].mean()) for name, values in losses.items()}
    return {"characters": int(where.sum()), **means}


def _out(asked: EvaluateConfig, place: Path) -> Path:
    folder = place.parent.parent if place.is_file() else place
    usual = runs.beside(folder, "evaluation")
    return make_folder(usual if asked.out is None else Path(asked.out), "out")
