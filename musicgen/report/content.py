"""The data of a page, as its script reads it: ranked rows, curves, tunes, and what is left out."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from musicgen import __version__
from musicgen.config.registry import about as explanation
from musicgen.music.measures import measures
from musicgen.report.about import about, corpus, label, plain, summary, trial_command
from musicgen.report.source import Source, differing
from musicgen.report.tunes import Playable, playables, scores, weights_digest, written
from musicgen.sweep.constraints import BREAKS
from musicgen.sweep.plan import Direction
from musicgen.sweep.results import Row, rank
from musicgen.sweep.space import Choice
from musicgen.training.folder import RunFolder
from musicgen.training.result import FIGURES, read_metrics

CURVES = 60
"""The number of configurations whose curves the page shows."""
POINTS = 400
"""The largest number of epochs in a curve; a longer curve is thinned."""
TUNED = 10
"""The number of configurations whose tunes the page shows."""
TUNES = 8
"""The largest number of tunes of one configuration."""
ROWS = 20_000
"""The largest number of rows in the page's table; table.csv has all rows."""


def results(objective: str) -> dict[str, tuple[str, str]]:
    """Heading and explanation of each result in the table, by key.

    These are figures of `Result`, then the measures that have a heading or are the objective, then
    `error`, the reason why a row has no result. Measures are computed from tunes that the network
    wrote without a prime, at temperature 1.
    """
    trained = {
        name: (figure.heading or name, figure.about)
        for name, figure in FIGURES.items()
        if figure.about
    }
    drawn = {
        name: (each.heading or name, explanation(each))
        for name, each in measures().items()
        if each.heading or name == objective
    }
    return {
        "n": ("seeds", "runs that completed"),
        **trained,
        "front": ("front", "no other configuration beats it in every objective"),
        BREAKS: ("breaks", "the constraints that it breaks, so that it is never the best"),
        **drawn,
        "error": ("error", "why there is no result"),
    }


def content(
    sources: Sequence[Source], now: datetime, lacking: Mapping[Path, str] | None = None
) -> dict[str, Any]:
    """The data of the page, in types that JSON has.

    lacking: the reason for each run folder whose network could not write tunes for the page.
    """
    first = sources[0]
    keys = differing(sources)
    ranked = ranking(sources)
    shown = ranked[:ROWS]
    columns = _columns(sources, keys, [row for _, row in shown])
    curves = _curves(shown)
    tunes = _tunes(shown, lacking or {})
    left_out = []
    if len(ranked) > ROWS:
        left_out.append(f"{len(ranked) - ROWS:,} configurations; table.csv has all {len(ranked):,}")
    if len(shown) > len(curves) == CURVES:
        left_out.append(f"curves of all but the best {CURVES} configurations")
    if len(tunes) == TUNED < len(shown):
        left_out.append(f"tunes of all but the best {TUNED} configurations")
    return {
        "title": " and ".join(source.name for source in sources),
        "summary": summary([row for _, row in ranked]),
        "made": f"{now:%Y-%m-%d %H:%M}",
        "version": __version__,
        "notices": notices(sources),
        "left_out": left_out,
        "sources": [about(source) for source in sources],
        "objective": _objective(first.objective, first.direction),
        "objectives": [_objective(key, way) for key, way in first.objectives.items()],
        "columns": columns,
        "rows": [[_rounded(_cell(pair, c["key"])) for c in columns] for pair in shown],
        "curves": curves,
        "tunes": tunes,
    }


def _objective(key: str, direction: Direction) -> dict[str, str]:
    figure = FIGURES.get(key)
    unit = figure.unit if figure else ""
    return {"key": key, "label": label(key), "direction": direction, "unit": unit}


Ranked = tuple[Source, Row]


def ranking(sources: Sequence[Source]) -> list[Ranked]:
    """All rows with their sources, sorted by the first source's objective, best first."""
    objectives = {sources[0].objective: sources[0].direction}
    pairs = [(source, row) for source in sources for row in source.rows]
    return sorted(pairs, key=lambda pair: rank(pair[1], objectives))


def notices(sources: Sequence[Source]) -> list[str]:
    """What a reader must know before comparing figures."""
    made = []
    for source in sources:
        if source.running:
            made.append(f"{source.name} is still running; this is how far it has come.")
        made += [f"{source.name}: {problem}." for problem in source.problems]
    kinds = {
        (row["corpus.digest"], row.get("corpus.split"), *_split(source))
        for source in sources
        for row in source.rows
        if row.get("corpus.digest")
    }
    if len(kinds) > 1:
        named = ", ".join(sorted({corpus(row) for s in sources for row in s.rows} - {""}))
        made.append(
            f"Losses here don't compare: they are of different corpora or splits ({named})."
        )
    objectives = {f"{source.objective} ({source.direction})" for source in sources}
    if len(objectives) > 1:
        made.append(f"Objectives differ ({', '.join(sorted(objectives))}); ranked by the first.")
    return made


def _split(source: Source) -> tuple[str | int | float | None, ...]:
    keys = ("data.val_fraction", "data.test_fraction", "data.split_seed", "data.stateful")
    return tuple(source.settings.get(key) for key in keys if key not in source.space)


def _columns(
    sources: Sequence[Source], keys: Sequence[str], rows: Sequence[Row]
) -> list[dict[str, Any]]:
    columns = [_column("number", "trial", "its number, and its folder's name")]
    if len(sources) > 1:
        columns.append(_column("source", "from", "run or sweep", numeric=False))
    columns.append(_column("status", "state", "how it ended", numeric=False))
    sweeps = any(source.is_sweep for source in sources)
    for key in keys:
        spaces = [source.space[key] for source in sources if key in source.space]
        log = any(not isinstance(dimension, Choice) and dimension.log for dimension in spaces)
        about = " / ".join(map(plain, spaces)) or "set otherwise in one than in another"
        numeric = not any(isinstance(row.get(key), str) for row in rows)
        # If a source is a sweep, charts show swept keys only. A key that merely differs between
        # sources is a column of the table.
        drawn = {"swept": bool(spaces) or not sweeps, "log": log}
        columns.append(_column(key, key, about, numeric=numeric) | drawn)
    objective = sources[0].objective
    known = results(objective)
    others = (key for source in sources for key in source.objectives)
    order = [objective, f"{objective}_std", *others, *known]
    for key in dict.fromkeys(order):
        if any(row.get(key) is not None for row in rows):
            label, about = known.get(key, (key, ""))
            if key.endswith("_std"):
                label, about = "± std", "standard deviation over the seeds"
            columns.append(
                _column(key, label, about, numeric=key not in ("error", "front", BREAKS))
            )
    return columns


def _column(key: str, label: str, about: str, *, numeric: bool = True) -> dict[str, Any]:
    return {"key": key, "label": label, "about": about, "numeric": numeric,
            "swept": False, "log": False}  # fmt: skip


def _cell(pair: Ranked, key: str) -> Any:
    """A row's value of a key, or the source's setting if the sweep did not vary the key."""
    source, row = pair
    if key == "source":
        return source.name
    if key in row or key not in source.settings:
        return row.get(key)
    return source.settings[key]


def _rounded(value: Any) -> Any:
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _curves(rows: Sequence[Ranked]) -> list[dict[str, Any]]:
    """The curves of the best configurations that have finished an epoch."""
    made: list[dict[str, Any]] = []
    for index, (source, row) in enumerate(rows):
        runs = [
            {name: _thinned(found[name]) for name in ("epoch", *_CURVES)}
            for folder in source.run_folders(row)
            if (found := read_metrics(RunFolder(folder).metrics))
        ]
        if runs:
            made.append({"row": index, "runs": runs})
        if len(made) == CURVES:
            break
    return made


_CURVES = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")


def _thinned(values: Sequence[float]) -> list[float | None]:
    step = -(-len(values) // POINTS)
    kept = [*values[:-1:step], values[-1]]
    return [float(f"{value:.5g}") if abs(value) < 1e9 else None for value in kept]


def tuned(rows: Sequence[Ranked]) -> list[Path]:
    """The run folders whose tunes the page shows: the best ones that kept their weights."""
    folders = [source.run_folders(row)[0] for source, row in rows]
    kept = (f for f in folders if RunFolder(f).best.is_file())
    return list(islice(kept, TUNED))


def _tunes(rows: Sequence[Ranked], lacking: Mapping[Path, str]) -> list[dict[str, Any]]:
    """The tunes of the best configurations that have any."""
    found: list[tuple[int, str, list[Playable]]] = []
    for index, (source, row) in enumerate(rows):
        folder = source.run_folders(row)[0]
        if tunes := playables(folder):
            note = f"{_without(folder)}: {lacking[folder]}." if folder in lacking else ""
            found.append((index, note, tunes[:TUNES]))
        if len(found) == TUNED:
            break
    engraved = iter(scores([tune for _, _, tunes in found for tune in tunes]))
    return [
        {
            "row": index,
            "command": trial_command(*rows[index]),
            "note": note,
            "tunes": [
                tune.data(next(engraved), f"r{index}t{number}-")
                for number, tune in enumerate(tunes)
            ],
        }
        for index, note, tunes in found
    ]


def _without(folder: Path) -> str:
    """The reason why the page can't show what a network writes."""
    if written(folder, weights_digest(folder)):
        return "Not what its units do"
    return "Samples of its training; no other tunes, no units"
