"""The work of `generate`: tunes are drawn from a network, measured, and written to a folder."""

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
from musicgen.errors import InputError, Interrupted, Remedy, advised
from musicgen.generation import Drawn, Options, RealTunes, draw
from musicgen.generation.prime import CUT_IT, FINISHED
from musicgen.models.sampler import Cut
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
from musicgen.training import packaged
from musicgen.training.checkpoint import TrainedModel, load_model
from musicgen.training.folder import RunFolder
from musicgen.workflows import runs

MAX_PROBLEMS = 20
"""The most problems of a tune that its recipe lists."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """A tune that a network has written, with its measures."""

    drawn: Drawn
    tune: Tune
    measures: TuneMeasures
    seconds: float
    """The duration of the tune, repeats played out."""
    nearest: Run | None
    """The longest run of notes shared with a training tune; None without training tunes."""
    missing: dict[str, str]
    """The reason for each format in which the tune can't be written."""


@dataclass(frozen=True)
class Drawing:
    """Tunes that a network has written. None of them is on disk yet."""

    tunes: list[Written]
    """The tunes, sorted by temperature, then by number. Their missing formats are not known yet."""
    sets: dict[str, dict[str, float]]
    """Measures by temperature, and those of real tunes; empty without training tunes."""
    recipes: "Recipes"
    run: Path
    """The run folder of the network."""


class Watcher:
    """Is told of the progress. This class ignores it."""

    def began(self, weights: Path, tunes: int) -> None:
        """Called before the first tune is drawn, with the path of the weights and the number of
        tunes."""

    def wrote(self, tune: Written) -> None:
        """Called after each tune is written to disk."""

    def ended(self, out: Path, sets: dict[str, dict[str, float]]) -> None:
        """Called at the end. sets: see `Drawing`."""


def run(asked: GenerateConfig, watcher: Watcher) -> Drawing:
    """Draw tunes, and write them, their recipes and measures.csv; returns what was written.

    Raises InputError before anything is written, Interrupted after Ctrl-C.
    """
    drawing = drawn(asked, watcher)
    usual = runs.beside(drawing.run, RunFolder(drawing.run).tunes.name)
    out = make_folder(usual if asked.out is None else Path(asked.out), "out")
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
    """Draw tunes and measure them, without writing anything. Raises InputError."""
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
    with advised(Remedy.TUNES_WITH_NOTES):
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
    """The value itself, or the text of the file that it names."""
    if value is None:
        return ""
    path = Path(value)
    try:
        # path.is_file() would raise for a text that is too long for a file's name.
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
    """Check that the network has added notes to its prime. A warning names tunes without new notes;
    InputError is raised if no tune has any."""
    if not prime:
        return
    before = parse(prime).notes
    copies = [one.name for one in drawn if parse(one.text).notes <= before]
    if before and len(copies) == len(drawn):
        raise InputError(f"{FINISHED}, got one behind which the network writes no note; {CUT_IT}")
    if before and copies:
        log.warning("%s: nothing comes behind the prime", ", ".join(copies))


def _arranged(drawn: list[Drawn], arranged: Arrangement) -> list[Drawn]:
    """The tunes in the requested key and tempo."""
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
    """The tunes of the network's corpus; None if they are not available. The prepared corpus is
    searched for near the current folder and near the run; otherwise it is prepared again, but not
    for a network of the package, whose first tune should not wait for it."""
    data = trained.config.data
    folders = [Path(), *trained.weights.absolute().parents]
    for folder in folders:
        if found := corpus.prepared_at(folder / data.root, data.name, trained.corpus):
            return RealTunes.of(found)
    if packaged.name_of(trained.weights):
        return None
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
    """Measures by temperature, and those of real tunes; empty without training tunes."""
    if real is None:
        return {}
    by_temperature: dict[float, list[Tune]] = {}
    for one, tune in zip(drawn, tunes, strict=True):
        by_temperature.setdefault(one.temperature, []).append(tune)
    sets = {f"T={in_name(t)}": summarise(some, real.training) for t, some in by_temperature.items()}
    return sets | {"validation": real.measures()}


class Recipes:
    """Makes the recipes of the tunes of one call, from what these tunes share."""

    def __init__(
        self, asked: GenerateConfig, options: Options, trained: TrainedModel, formats: list[str]
    ) -> None:
        self._options = options
        self._formats = formats
        self._transpose, self._accompaniment = asked.transpose, asked.accompaniment
        digest = hashlib.sha256(trained.weights.read_bytes()).hexdigest()
        self._weights = Weights(file=runs.written(trained.weights), sha256=digest)
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
