"""From what `generate` was asked to a folder of tunes: drawn, measured, written."""

import hashlib
import logging
import math
import os
import platform
from dataclasses import asdict, dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

import musicgen
from musicgen import corpus
from musicgen.config.keys import GenerateConfig
from musicgen.config.overrides import as_override, shell
from musicgen.config.recipe import Recipe, Weights
from musicgen.config.registry import naming_plugins
from musicgen.errors import InputError, Interrupted, advised
from musicgen.generation import Drawn, Options, RealTunes, draw
from musicgen.generation.prime import CUT_IT, FINISHED
from musicgen.models import Cut
from musicgen.music import Tune, parse
from musicgen.music.arrangement import Arrangement, arrangement
from musicgen.music.counts import TuneMeasures, measure
from musicgen.music.files import Files, check_notes, files
from musicgen.music.measures import measures_csv, summarise
from musicgen.music.reference import Run
from musicgen.music.score.engrave import Engraver
from musicgen.music.tempo import duration
from musicgen.system.files import replacing, write_text
from musicgen.system.paths import in_name, make_folder
from musicgen.training.checkpoint import TrainedModel, load_model
from musicgen.training.folder import RunFolder
from musicgen.workflows import runs

MAX_PROBLEMS = 20
"""Of a tune, that its recipe lists."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """A tune, and what is said about it."""

    drawn: Drawn
    tune: Tune
    measures: TuneMeasures
    seconds: float
    """As it sounds, repeats played out."""
    nearest: Run | None
    """The longest run that a training tune has too; None where those are not at hand."""
    missing: dict[str, str]
    """Formats that it could not be had in, and why."""


@dataclass(frozen=True)
class Drawing:
    """Tunes that a network has written, of which nothing is on disk yet."""

    tunes: list[Written]
    """By temperature, then by number. What they miss as files is not known yet."""
    sets: dict[str, dict[str, float]]
    """By temperature, and of real tunes; empty without training tunes to compare to."""
    recipes: "Recipes"
    run: Path
    """The run folder of the network."""


class Watcher:
    """Looks on. This one says nothing."""

    def began(self, weights: Path, tunes: int) -> None:
        """Before the first tune is drawn."""

    def wrote(self, tune: Written) -> None:
        """After each tune is written to disk."""

    def ended(self, out: Path, sets: dict[str, dict[str, float]]) -> None:
        """At the end; `sets` as in `Drawing`."""


def run(asked: GenerateConfig, watcher: Watcher) -> Drawing:
    """Draw tunes; write all of them, their recipes and measures.csv. Returns what was written.

    Raises InputError before anything is written, Interrupted after Ctrl-C.
    """
    drawing = drawn(asked, watcher)
    out = make_folder(RunFolder(drawing.run).tunes if asked.out is None else Path(asked.out), "out")
    formats = list(dict.fromkeys(asked.formats))
    try:
        with Engraver() as engraver:
            for tune in drawing.tunes:
                made = files(tune.tune, formats, engraver, accompanied=asked.accompaniment)
                written = replace(tune, missing=made.missing)
                _write(out, written, made, drawing.recipes)
                watcher.wrote(written)
    except KeyboardInterrupt:
        raise Interrupted(f"stopped; {out} holds the tunes that were ready") from None
    write_text(out / "measures.csv", measures_csv(drawing.sets))
    watcher.ended(out, drawing.sets)
    return drawing


def drawn(asked: GenerateConfig, watcher: Watcher) -> Drawing:
    """Draw tunes and measure them; nothing is written. Raises InputError."""
    options = _options(asked)
    arranged = arrangement(asked.transpose, asked.header.tempo)
    if arranged.tempo and (own := parse(options.prime).field("Q")):
        raise InputError(
            f"header.tempo={arranged.tempo} must agree with the prime, which has 'Q:{own:.40}'; "
            "leave header.tempo out or change the prime"
        )
    formats = list(dict.fromkeys(asked.formats))
    trained = load_model(runs.find(asked.run))
    watcher.began(trained.weights, len(options.temperatures) * options.n)
    torch.set_num_threads(1)
    texts = draw(trained.model, trained.vocabulary, options, trained.kinds)
    _check_going_on(texts, options.prime)
    texts = _arranged(texts, arranged)
    tunes = [parse(one.text) for one in texts]
    with advised("use constrain=bars, a network that was trained longer, or formats=[abc]"):
        check_notes(tunes, formats)
    real = _real(trained)
    nearest = real.training.longest_runs(tunes) if real else [None] * len(tunes)
    measured = [
        Written(one, tune, measure(tune), duration(tune), near, {})
        for one, tune, near in zip(texts, tunes, nearest, strict=True)
    ]
    recipes = Recipes(asked, options, trained, formats)
    return Drawing(measured, _sets(texts, tunes, real), recipes, trained.weights.parent.parent)


def _options(asked: GenerateConfig) -> Options:
    return Options(
        temperatures=_temperatures(asked.temperature),
        n=asked.n,
        first=asked.first,
        seed=asked.seed,
        max_chars=asked.max_chars,
        cut=Cut(asked.top_k, asked.top_p, asked.min_p),
        prime=_prime(asked.prime),
        header=asdict(asked.header),
        constrain=asked.constrain,
    )


def _temperatures(value: Any) -> list[float]:
    listed = value if isinstance(value, list) else [value]
    good = [
        isinstance(t, int | float) and not isinstance(t, bool) and 0 <= t < math.inf for t in listed
    ]
    if not listed or not all(good):
        raise InputError(
            f"temperature must be a number of at least 0, or a list of such, got {value}; "
            "write temperature=1 or 'temperature=[0.5,1,2]' (0: the likeliest character)"
        )
    return [float(t) for t in listed]


def _prime(value: str | None) -> str:
    """The text itself, or a file's."""
    if value is None:
        return ""
    path = Path(value)
    try:
        # Not path.is_file(), which raises for a text that is too long for a name.
        if "\n" not in value and os.path.isfile(value):
            return path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except (OSError, ValueError) as error:
        raise InputError(
            f"prime must be a file of text, got {value} ({error}); convert it"
        ) from None
    if path.suffix in (".abc", ".txt"):
        raise InputError(f"prime must be a file that exists, or ABC, got {value}; check its name")
    return value


def _check_going_on(drawn: list[Drawn], prime: str) -> None:
    """Say so where a network has nothing to add to its prime."""
    if not prime:
        return
    before = parse(prime).notes
    copies = [one.name for one in drawn if parse(one.text).notes <= before]
    if before and len(copies) == len(drawn):
        raise InputError(f"{FINISHED}, got one behind which the network writes no note; {CUT_IT}")
    if before and copies:
        log.warning("%s: nothing comes behind the prime", ", ".join(copies))


def _arranged(drawn: list[Drawn], arranged: Arrangement) -> list[Drawn]:
    """The tunes as they were asked for: in another key, at a tempo."""
    if not arranged:
        return drawn
    tunes = []
    for one in drawn:
        try:
            tunes.append(replace(one, text=arranged.apply(one.text)))
        except InputError as error:
            raise InputError(f"{one.name}: {error}") from None
    return tunes


def _real(trained: TrainedModel) -> RealTunes | None:
    """The tunes of the network's corpus, if they are at hand: prepared near here or near the run,
    else prepared again."""
    data = trained.config.data
    folders = [Path(), *trained.weights.absolute().parents]
    for folder in folders:
        if found := corpus.prepared_at(folder / data.root, data.name, trained.corpus):
            return RealTunes.of(found)
    try:
        again = corpus.of(data)
    except InputError as error:
        log.warning("the training tunes are not at hand, so nothing is compared to them: %s", error)
        return None
    if again.digest != trained.corpus:
        log.warning("the training tunes have changed, so nothing is compared to them")
        return None
    return RealTunes.of(again)


def _sets(
    drawn: list[Drawn], tunes: list[Tune], real: RealTunes | None
) -> dict[str, dict[str, float]]:
    """Measures by temperature, and of real tunes; none without training tunes to compare to."""
    if real is None:
        return {}
    by_temperature: dict[float, list[Tune]] = {}
    for one, tune in zip(drawn, tunes, strict=True):
        by_temperature.setdefault(one.temperature, []).append(tune)
    sets = {f"T={in_name(t)}": summarise(some, real.training) for t, some in by_temperature.items()}
    return sets | {"validation": real.measures()}


class Recipes:
    """What makes tunes again: all that those of one call share."""

    def __init__(
        self, asked: GenerateConfig, options: Options, trained: TrainedModel, formats: list[str]
    ) -> None:
        self._options = options
        self._formats = formats
        self._transpose, self._accompaniment = asked.transpose, asked.accompaniment
        digest = hashlib.sha256(trained.weights.read_bytes()).hexdigest()
        self._weights = Weights(file=str(trained.weights), sha256=digest)
        self._corpus = trained.corpus
        self._versions = {
            "musicgen": musicgen.__version__,
            "torch": torch.__version__,
            "numpy": metadata.version("numpy"),
            "python": platform.python_version(),
        }

    def of(self, written: Written) -> Recipe:
        drawn = written.drawn
        options = self._options
        alone = {
            "run": self._weights.file,
            "temperature": drawn.temperature,
            "n": 1,
            "first": drawn.number,
            "seed": options.seed,
            "max_chars": options.max_chars,
            **asdict(options.cut),
            "prime": options.prime or None,
            **{f"header.{name}": value for name, value in options.header.items()},
            "constrain": options.constrain,
            "transpose": self._transpose,
            "accompaniment": self._accompaniment,
            "formats": self._formats,
        }
        given = [f"{key}={as_override(value)}" for key, value in alone.items() if value is not None]
        nearest = written.nearest
        problems = [f"{p.line}:{p.column} {p.message}" for p in written.tune.problems]
        return Recipe(
            command=f"python -m musicgen.generate {shell([*given, *naming_plugins()])}",
            options=alone,
            weights=self._weights,
            corpus=self._corpus,
            complete=drawn.complete,
            problems=problems[:MAX_PROBLEMS],
            measures={**asdict(written.measures), "seconds": round(written.seconds, 2)},
            nearest=nearest and nearest._asdict(),
            missing=written.missing,
            versions=self._versions,
        )


def _write(out: Path, written: Written, made: Files, recipes: Recipes) -> None:
    name = written.drawn.name
    for suffix, content in made.contents.items():
        with replacing(out / f"{name}.{suffix}") as file:
            file.write(content)
    recipes.of(written).write(out / f"{name}.abc")
