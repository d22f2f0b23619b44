"""Loss and accuracy against epoch, one line per configuration."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from musicgen.system.files import replacing
from musicgen.training.folder import RunFolder
from musicgen.training.result import read_metrics

PANELS = {
    "loss": "loss (nats/character)",
    "accuracy": "accuracy (share predicted right)",
}
LARGEST = 20
"""The largest number of configurations that are drawn; curves.csv has all."""
STYLES = ("-", "--", "-.", ":")

SVG: Any = {"svg.hashsalt": "musicgen", "svg.fonttype": "none"}
"""Settings of matplotlib: equal figures give equal files, and their text can be searched."""


def draw(folder: Path, rows: Sequence[Mapping[str, Any]], keys: Sequence[str], seeds: int) -> None:
    """Write curves.csv, curves.png and curves.svg of a sweep into its folder.

    rows: the sweep's table, best first. keys: the swept keys. seeds: the number of runs of a
    configuration. With several, a line is their mean, and a band reaches from the lowest to the
    highest value.
    Nothing is drawn before the first epoch of the first run.
    """
    names = {int(row["number"]): label(row, keys) for row in rows}
    parts = [part for n in sorted(names) for part in read(n, _folders(folder / str(n), seeds))]
    if not parts:
        return
    curves = pd.concat(parts, ignore_index=True)
    with replacing(folder / "curves.csv") as file:
        curves.to_csv(file, index=False, lineterminator="\n")
    begun = set(curves["number"])
    best = [number for number in names if number in begun][:LARGEST]
    figure = plot(curves, {number: names[number] for number in best})
    save(figure, folder, ("png", "svg"))


def save(figure: Figure, folder: Path, kinds: Iterable[str]) -> None:
    """Write curves.<kind> (png, svg or pdf) for each kind."""
    for kind in kinds:
        undated: dict[str, Any] = {
            "svg": {"Date": None},
            "pdf": {"CreationDate": None},
        }.get(kind, {})
        with replacing(folder / f"curves.{kind}") as file, matplotlib.rc_context(SVG):
            figure.savefig(file, format=kind, dpi=120, metadata=undated)


def label(row: Mapping[str, Any], keys: Sequence[str]) -> str:
    """A configuration in the legend: its swept values."""
    parts = (f"{key.rsplit('.', 1)[-1]}={_short(row[key])}" for key in keys if key in row)
    return " ".join(parts).replace("$", r"\$")


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def plot(curves: pd.DataFrame, names: Mapping[int, str]) -> Figure:
    """A figure of two panels, loss and accuracy. Training lines are thin and pale, validation
    lines thick.

    curves: rows of metrics.csv with the columns `number` and `run` in front. names: the label of
    each configuration to draw, by number, in the order of the legend. Lines differ in dashes as
    well as in colour.
    """
    figure = Figure(figsize=(12, 5), layout="constrained")
    colours = matplotlib.colormaps["viridis"](np.linspace(0, 0.8, max(2, len(names))))
    shown = curves[curves["number"].isin(names)]
    for panel, (kind, axis_label) in enumerate(PANELS.items()):
        axes = figure.add_subplot(1, 2, panel + 1)
        for index, (number, name) in enumerate(names.items()):
            style: dict[str, Any] = {"color": colours[index], "linestyle": STYLES[index % 4]}
            by_epoch = shown[shown["number"] == number].groupby("epoch")
            for part, width, alpha in (("train", 0.8, 0.6), ("val", 1.8, 1.0)):
                band = by_epoch[f"{part}_{kind}"].agg(["mean", "min", "max"])
                style["marker"] = "o" if len(band) == 1 else ""
                text = name if part == "val" else None
                axes.plot(band["mean"], label=text, linewidth=width, alpha=alpha, **style)
                if by_epoch.size().max() > 1:
                    edges = (band.index, band["min"], band["max"])
                    axes.fill_between(*edges, color=colours[index], alpha=0.15)
        axes.set_xlabel("epoch")
        axes.set_ylabel(axis_label)
        axes.grid(alpha=0.25)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if kind == "loss":
            # One diverging run must not stretch the axis until the other lines look flat.
            losses = shown[["train_loss", "val_loss"]].to_numpy().ravel()
            low, high = np.quantile(losses[np.isfinite(losses)], [0, 0.97])
            axes.set_ylim(low - 0.05 * (high - low) - 0.02, high + 0.15 * (high - low) + 0.02)
    total = curves["number"].nunique()
    more = f"; the best {len(names)} of {total} configurations" if len(names) < total else ""
    # The title is at the left because a wide legend would reach into the middle.
    figure.suptitle(f"thick: validation, thin: training{more}", x=0.01, ha="left", fontsize=10)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right upper", fontsize=8)
    return figure


def read(number: int, folders: Sequence[Path]) -> Iterator[pd.DataFrame]:
    """The metrics of a configuration's runs, up to their last finished epochs."""
    for run, folder in enumerate(folders):
        if columns := read_metrics(RunFolder(folder).metrics):
            epochs = {"epoch": np.array(columns.pop("epoch"), dtype=int)}
            yield pd.DataFrame({"number": number, "run": run, **epochs, **columns})


def _folders(trial: Path, seeds: int) -> list[Path]:
    return [trial / f"seed{run}" for run in range(seeds)] if seeds > 1 else [trial]
