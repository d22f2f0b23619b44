"""The work of `heatmap`: it writes tables and pictures of hidden units to a folder."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import torch
from matplotlib.figure import Figure

from musicgen import corpus
from musicgen.config.keys import HeatmapConfig
from musicgen.corpus import END, START
from musicgen.errors import InputError
from musicgen.interpret.activations import Activations, record
from musicgen.interpret.annotations import annotations
from musicgen.interpret.heatmap import MAX_CHARS, heatmap
from musicgen.interpret.overview import overview
from musicgen.interpret.parts import Course, courses
from musicgen.interpret.score import Score
from musicgen.interpret.units import best, marked, rank, score_text
from musicgen.models.sampler import sample
from musicgen.music.score import png_bytes
from musicgen.system.files import replacing, write_csv, write_text
from musicgen.system.paths import make_folder
from musicgen.training import device
from musicgen.training.checkpoint import TrainedModel, load_model
from musicgen.workflows import runs

TUNES = 200
"""The number of held-out tunes over which units are scored."""
CHARS = 1_000
"""The number of characters of the tune that the network writes, as in the 2018 report."""

Key = tuple[int, str]
"""Layer and state."""


@dataclass(frozen=True)
class Explained:
    """The best units, and the folder with their tables and pictures."""

    best: dict[str, Score]
    """The best score by annotation, without annotations that do not occur in the tunes."""
    courses: list[tuple[Score, Course]]
    """The best unit for header or body in each layer and state, best first."""
    tunes: int
    out: Path


def run(asked: HeatmapConfig) -> Explained:
    """Score all units, and draw the best one for each annotation. Raises InputError."""
    place = runs.find(asked.run)
    trained = load_model(place)
    # On busy cores, more threads made this 40 times slower, because they spin while they wait.
    torch.set_num_threads(device.threads(trained.config.trainer))
    states = _states(asked, trained)
    layer = _layer(asked, trained)
    text = _tune(asked, trained)
    tunes = marked(held_out(trained), TUNES)
    out = make_folder(
        Path(asked.out) if asked.out else runs.beside(_folder(place), "heatmap"), "out"
    )

    scores = rank(trained.model, trained.vocabulary, tunes, states)
    parts = courses(trained.model, trained.vocabulary, tunes, scores)
    write_csv(out / "units.csv", [dataclasses.asdict(row) for row in scores])
    write_csv(
        out / "parts.csv",
        [
            {"layer": row.layer, "state": row.state, "unit": row.unit, **dataclasses.asdict(course)}
            for row, course in parts
        ],
    )
    write_text(out / "tune.txt", text)
    text = text[:MAX_CHARS]
    read = [trained.vocabulary.encode(text)]
    recorded = {(r.layer, r.state): r for r in record(trained.model, read, states)}
    winners = best(scores)
    for name, row in winners.items():
        _draw_unit(
            out / name.replace(" ", "-"), text, recorded[row.layer, row.state], row.unit, row
        )
    key = (layer, states[0])
    if asked.unit is None and asked.layer is None and "header" in winners:
        key = (winners["header"].layer, winners["header"].state)
    if asked.unit is not None:
        drawn = out / f"layer{layer}-{states[0]}-unit{asked.unit}"
        found = {(row.layer, row.state, row.unit, row.annotation): row for row in scores}
        row_of_unit = found.get((layer, states[0], asked.unit, "header"))
        _draw_unit(drawn, text, recorded[key], asked.unit, row_of_unit)
    _draw_overview(out / "overview", text, recorded[key])
    return Explained(winners, parts, len(tunes), out)


def _folder(place: Path) -> Path:
    """The run folder that `run=` names."""
    return place.parent.parent if place.is_file() else place


def _states(asked: HeatmapConfig, trained: TrainedModel) -> Sequence[str]:
    cell = trained.model.cell
    if asked.state is None:
        return cell.observable
    if asked.state not in cell.observable:
        raise InputError(
            f"state must be one of {', '.join(cell.observable)} for a network of "
            f"model.cell={cell.cell}, got {asked.state}; choose one of these"
        )
    return (asked.state,)


def _layer(asked: HeatmapConfig, trained: TrainedModel) -> int:
    model = trained.config.model
    if asked.layer is not None and asked.layer > model.layers:
        raise InputError(
            f"layer must be at most {model.layers}, the network's layers, got {asked.layer}; "
            "lower layer"
        )
    if asked.unit is not None and asked.unit >= model.hidden:
        raise InputError(
            f"unit must be at most {model.hidden - 1}, as the network has {model.hidden} units "
            f"from 0, got {asked.unit}; lower unit"
        )
    return asked.layer or model.layers


def _tune(asked: HeatmapConfig, trained: TrainedModel) -> str:
    """The text to draw, from `<start>` on. A text that the network writes goes on after `<end>`."""
    vocabulary = trained.vocabulary
    if asked.tune is None:
        prime = vocabulary.encode(f"{START}\n").tolist()
        (ids,) = sample(trained.model, prime, [1.0], seed=asked.seed, max_chars=CHARS)
        return f"{START}\n{vocabulary.written(ids)}"
    try:
        text = Path(asked.tune).read_text(encoding="utf-8").strip("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise InputError(
            f"tune must be a file with a tune in ABC, got {asked.tune} ({reason}); name another"
        ) from None
    if not text:
        raise InputError(
            f"tune must be a file with a tune in ABC, got {asked.tune}, which is "
            "empty; name another"
        )
    text = text if START in text else f"{START}\n{text}\n{END}\n"
    try:
        vocabulary.encode(text)
    except InputError as error:
        raise InputError(f"tune={asked.tune}: {error}") from None
    return text


def held_out(trained: TrainedModel) -> str:
    """The validation text of the run."""
    data = trained.config.data
    found = corpus.prepared_at(Path(data.root), data.name, trained.corpus) or corpus.of(data)
    if found.digest != trained.corpus:
        raise InputError(
            f"run was trained on other tunes than data.name={data.name} has now (digest "
            f"{trained.corpus}, now {found.digest}); bring those back"
        )
    return found.validation


def _draw_unit(stem: Path, text: str, recorded: Activations, unit: int, row: Score | None) -> None:
    """Write <stem>.svg, .png and .csv of one unit."""
    values = recorded.values[unit]
    title = f"layer {recorded.layer}, {recorded.state.replace('_', ' ')}, unit {unit}"
    svg = heatmap(text, values, title, _verdict(row) if row else "")
    write_text(stem.with_suffix(".svg"), svg)
    with replacing(stem.with_suffix(".png")) as file:
        file.write(png_bytes(svg))
    pairs = enumerate(zip(text, values.tolist(), strict=True))
    rows = [{"place": place, "character": c, "value": round(v, 4)} for place, (c, v) in pairs]
    write_csv(stem.with_suffix(".csv"), rows)


def _verdict(row: Score) -> str:
    return f"{annotations()[row.annotation].asks}: {score_text(row)} (chance {row.chance:.2f})"


def _draw_overview(stem: Path, text: str, recorded: Activations) -> None:
    """Write <stem>.svg, .png and .csv of all units of a layer and state."""
    figure = overview(text, recorded)
    for kind in ("png", "svg"):
        _save(figure, stem.with_suffix(f".{kind}"))
    names = [f"unit{unit}" for unit in range(len(recorded.values))]
    rows = [
        {"place": place, "character": character, **dict(zip(names, column, strict=True))}
        for place, (character, column) in enumerate(
            zip(text, recorded.values.T.astype(float).round(4).tolist(), strict=True)
        )
    ]
    write_csv(stem.with_suffix(".csv"), rows)


def _save(figure: Figure, path: Path) -> None:
    kind = path.suffix[1:]
    settings: Any = {"svg.hashsalt": "musicgen", "svg.fonttype": "none"}
    undated = {"Date": None} if kind == "svg" else None
    with replacing(path) as file, matplotlib.rc_context(settings):
        figure.savefig(file, format=kind, dpi=110, metadata=undated)
