"""Loss and accuracy against epoch, one line per configuration."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from musicgen.paths import replacing

PANELS = {
    "loss": "loss (nats/character)",
    "accuracy": "accuracy (share predicted right)",
}
LARGEST = 20
"""Configurations that are drawn; curves.csv has all."""
STYLES = ("-", "--", "-.", ":")

Curve = dict[str, list[float]]
"""Columns of a metrics.csv by name."""


def draw(folder: Path, rows: Sequence[Mapping[str, Any]], keys: Sequence[str], seeds: int) -> None:
    """Write curves.csv, curves.png and curves.svg of a sweep into its folder.

    rows: the sweep's table, best first. keys: what was swept. seeds: runs of a configuration;
    with several, a line is their mean and a band reaches from the lowest to the highest.
    Nothing is drawn before the first epoch of the first run.
    """
    curves = {int(row["number"]): _read(folder / str(row["number"]), seeds) for row in rows}
    curves = {number: runs for number, runs in curves.items() if runs}
    if not curves:
        return
    _write_csv(folder / "curves.csv", curves)
    best = [row for row in rows if int(row["number"]) in curves][:LARGEST]
    shown = sorted(best, key=lambda row: int(row["number"]))
    names = {int(row["number"]): label(row, keys) for row in shown}
    figure = plot({names[n]: curves[n] for n in names}, len(curves))
    for kind in ("png", "svg"):
        undated = {"Date": None} if kind == "svg" else None
        with replacing(folder / f"curves.{kind}") as file, matplotlib.rc_context(SVG):
            figure.savefig(file, format=kind, dpi=120, metadata=undated)


SVG: Any = {"svg.hashsalt": "musicgen", "svg.fonttype": "none"}
"""The same figure gives the same file, with text that can be searched."""


def label(row: Mapping[str, Any], keys: Sequence[str]) -> str:
    """A configuration in the legend: its swept values."""
    return " ".join(f"{key.rsplit('.', 1)[-1]}={row[key]}" for key in keys)


def plot(curves: Mapping[str, Sequence[Curve]], total: int) -> Figure:
    """A figure of two panels, loss and accuracy; training thin and pale, validation thick.

    curves: the runs of each configuration by its label, in the order of the sweep.
    Lines differ in dashes as well as in colour.
    """
    figure = Figure(figsize=(12, 5), layout="constrained")
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.9, max(2, len(curves))))
    for panel, (kind, axis_label) in enumerate(PANELS.items()):
        axes = figure.add_subplot(1, 2, panel + 1)
        for index, (name, runs) in enumerate(curves.items()):
            style: dict[str, Any] = {"color": colours[index], "linestyle": STYLES[index % 4]}
            for part, width, alpha in (("train", 0.8, 0.6), ("val", 1.8, 1.0)):
                epochs, mean, low, high = _band(runs, f"{part}_{kind}")
                shown = name if part == "val" else None
                marker = "o" if len(epochs) == 1 else ""
                axes.plot(
                    epochs, mean, label=shown, linewidth=width, alpha=alpha, **style, marker=marker
                )
                if len(runs) > 1:
                    axes.fill_between(epochs, low, high, color=colours[index], alpha=0.15)
        axes.set_xlabel("epoch")
        axes.set_ylabel(axis_label)
        axes.grid(alpha=0.25)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if kind == "loss":
            _leave_out_outliers(axes, curves)
    more = f"; the best {len(curves)} of {total} configurations" if len(curves) < total else ""
    figure.suptitle(f"thick: validation, thin: training{more}", fontsize=10)
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right upper", fontsize=8)
    return figure


def _leave_out_outliers(axes: Any, curves: Mapping[str, Sequence[Curve]]) -> None:
    """One diverging run must not press the others flat."""
    columns = [
        run[f"{part}_loss"] for runs in curves.values() for run in runs for part in ("train", "val")
    ]
    values = [value for column in columns for value in column if math.isfinite(value)]
    if values:
        low, high = np.quantile(values, [0, 0.97])
        axes.set_ylim(low - 0.05 * (high - low) - 0.02, high + 0.15 * (high - low) + 0.02)


def _band(
    runs: Sequence[Curve], column: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Epochs, mean, lowest and highest value over runs that may differ in length."""
    longest = max(len(run[column]) for run in runs)
    values = np.full((len(runs), longest), np.nan)
    for line, run in zip(values, runs, strict=True):
        line[: len(run[column])] = run[column]
    epochs = np.arange(1, longest + 1)
    return epochs, np.nanmean(values, 0), np.nanmin(values, 0), np.nanmax(values, 0)


def _read(folder: Path, seeds: int) -> list[Curve]:
    """The metrics of a configuration's runs, as far as they have come."""
    folders = [folder] if seeds == 1 else [folder / f"seed{run}" for run in range(seeds)]
    found = []
    for path in (place / "metrics.csv" for place in folders):
        try:
            with path.open() as file:
                # A row that is being written may lack its end.
                lines = [line for line in csv.DictReader(file) if None not in line.values()]
                columns = {key: [float(line[key]) for line in lines] for key in lines[0]}
        except (OSError, IndexError, ValueError, TypeError):
            continue
        found.append(columns)
    return found


def _write_csv(path: Path, curves: Mapping[int, Sequence[Curve]]) -> None:
    columns = list(next(iter(curves.values()))[0])
    lines = [",".join(["number", "run", *columns])]
    for number in sorted(curves):
        for run, curve in enumerate(curves[number]):
            for values in zip(*(curve[column] for column in columns), strict=True):
                lines.append(",".join(map(str, (number, run, *values))))
    with replacing(path) as file:
        file.write(("\n".join(lines) + "\n").encode())
