"""A run or a sweep in words: what was tried, on which corpus, with which settings."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from musicgen.config.overrides import as_override, shell
from musicgen.report.importance import importances
from musicgen.report.source import Source, without_folders
from musicgen.sweep.results import Row
from musicgen.sweep.space import Dimension
from musicgen.sweep.table import swept_value
from musicgen.training.result import FIGURES


def label(objective: str) -> str:
    """The name of an objective in a sentence."""
    figure = FIGURES.get(objective)
    return figure.label if figure and figure.label else objective


def about(source: Source) -> dict[str, Any]:
    shares = importances(source.rows, source.space, source.objective, source.direction)
    return {
        "name": source.name,
        "keys": list(source.space),
        "question": _question(source),
        "command": without_folders(shell(source.command)),
        "facts": [[name, fact] for name, fact in _facts(source).items() if fact],
        "settings": sorted((key, str(value)) for key, value in source.settings.items()),
        "importances": [[key, round(share, 4)] for key, share in shares.items()],
    }


def _question(source: Source) -> str:
    if not source.is_sweep:
        return "What does this one network write?"
    way = "lowest" if source.direction == "minimize" else "highest"
    tried = "; ".join(
        f"{key} ({plain(dimension).strip('[]')}{_where(dimension)})"
        for key, dimension in source.space.items()
    )
    return f"Which values give the {way} {label(source.objective)}: {tried}?"


def plain(dimension: Dimension) -> str:
    """The values or the range that were tried for a key, as text."""
    return str(dimension).replace('"', "")


def _where(dimension: Dimension) -> str:
    """The condition under which a key applies; empty if it always applies."""
    return f", with {dimension.only}" if dimension.only else ""


def _facts(source: Source) -> dict[str, str]:
    """The facts about all trials together, by heading; an empty fact is not shown."""
    corpora = Counter(corpus(row) for row in source.rows)
    seconds = sum(
        row["seconds"] * (row.get("n") or 1)
        for row in source.rows
        if isinstance(row.get("seconds"), int | float)
    )
    versions = {
        key.removeprefix("versions."): source.common(key)
        for key in (source.rows[0] if source.rows else {})
        if key.startswith("versions.")
    }
    settings = {key: str(value) for key, value in source.settings.items()}
    few = source.seeds_for
    who = "per configuration" if few is None else f"for the best {few}, 1 for the others"
    return {
        "Corpus": "; ".join(text for text in corpora if text),
        "Trials": ", ".join(
            f"{count:,} {status}"
            for status, count in Counter(str(row["status"]) for row in source.rows).items()
        ),
        "Seeds": f"{source.seeds} {who}, from {settings.get('seed', '?')}"
        if source.seeds > 1
        else settings.get("seed", ""),
        "Sampler": settings.get("sampler", ""),
        "Pruner": settings.get("pruner", ""),
        "Network": " ".join(
            settings[key] for key in ("model.cell", "model.hidden") if key in settings
        ),
        "Optimizer": settings.get("optim.name", ""),
        "Device": " ".join(str(source.common(key) or "") for key in ("device", "precision")),
        "Machine": "; ".join(_distinct(source, "machine")),
        "Training time": f"{seconds:,.0f} s" if seconds < 7200 else f"{seconds / 3600:,.1f} h",
        "Versions": ", ".join(f"{name} {version}" for name, version in versions.items() if version),
    }


def _distinct(source: Source, key: str) -> list[str]:
    return sorted({str(row[key]) for row in source.rows if row.get(key)})


def summary(rows: Sequence[Row]) -> str:
    """The number of configurations, and how many ended in each status."""
    states = Counter(str(row["status"]) for row in rows)
    counts = ", ".join(f"{count:,} {status}" for status, count in states.most_common())
    return f"{len(rows):,} configurations: {counts}" if len(rows) > 1 else f"One run, {counts}"


def corpus(row: Row) -> str:
    name, split = row.get("corpus.name"), row.get("corpus.split")
    return f"{name} {row.get('corpus.digest')}, split {split}" if name else ""


def trial_command(source: Source, row: Row) -> str:
    """The command that trains a configuration of a sweep again; empty if the folder has none."""
    if not source.trial_command:
        return ""
    return without_folders(shell([*source.trial_command, *swept_values(source, row)]))


def swept_values(source: Source, row: Row) -> list[str]:
    """The swept keys of a configuration as overrides."""
    return [
        f"{key}={as_override(swept_value(row[key]))}"
        for key in source.space
        if row.get(key) is not None
    ]
