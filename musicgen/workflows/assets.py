"""The assets of a report: tunes and units of trained networks.

    python -m musicgen.workflows.assets <run folder> ...

Each folder gets tunes, and tunes/units.json with the values of the network's units in them, unless
it has these for its present weights. Reports start this module as a process of its own, because
reports do not import PyTorch.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from musicgen.config import composition
from musicgen.config.keys import GenerateConfig
from musicgen.config.overrides import as_override
from musicgen.corpus import START
from musicgen.errors import MusicgenError
from musicgen.interpret.activations import record
from musicgen.interpret.annotations import annotations
from musicgen.interpret.score import Score
from musicgen.interpret.units import marked, rank
from musicgen.report.tunes import exhibited, read_text, weights_digest, written
from musicgen.report.units import TuneUnits, Units
from musicgen.training.checkpoint import TrainedModel, load_model
from musicgen.workflows import generate
from musicgen.workflows.explain import held_out

TEMPERATURES = (0.5, 1.0)
HELD_OUT = 60
"""The number of validation tunes over which units are ranked; `musicgen.heatmap` uses more."""
EACH = 3
"""The number of units for each annotation."""


def show(run: Path) -> None:
    """Write the missing assets. Raises MusicgenError, OSError or ValueError if that fails."""
    if exhibited(run):
        return
    digest = weights_digest(run)
    if not written(run, digest):
        generate.run(_asked(run), generate.Watcher())
    texts = {path.stem: read_text(path) for path in written(run, digest)}
    Units(digest, _units(load_model(run), texts)).write(run)


def _asked(run: Path) -> GenerateConfig:
    temperature = f"temperature={list(TEMPERATURES)}"
    given = [f"run={as_override(str(run))}", "n=1", temperature, "formats=[abc]"]
    return composition.shipped_config("generate", GenerateConfig, given)


def _units(trained: TrainedModel, texts: dict[str, str]) -> dict[str, TuneUnits]:
    """The values of the best units in each tune, by the tune's name."""
    torch.set_num_threads(1)
    scores = rank(
        trained.model, trained.vocabulary, marked(held_out(trained), HELD_OUT), ["hidden"]
    )
    chosen = _chosen(scores)
    shown = {}
    for name, text in texts.items():
        # We add the `X:` line, and a network trained without such lines may lack its characters.
        known = np.array([character in trained.vocabulary for character in text], bool)
        seen = "".join(character for character in text if character in trained.vocabulary)
        read = trained.vocabulary.encode(f"{START}\n{seen}")
        layers = {r.layer: r.values for r in record(trained.model, [read], ["hidden"])}
        rows = [np.zeros(len(text), np.float32) for _ in chosen]
        for row, values in zip(chosen, rows, strict=True):
            values[known] = layers[row.layer][row.unit][len(START) + 1 :]
        names = [_name(row, len(layers)) for row in chosen]
        shown[name] = TuneUnits.of(text, names, _packed(np.stack(rows)) if rows else b"")
    return shown


def _chosen(scores: list[Score]) -> list[Score]:
    """The EACH best units for each annotation, without repetition, the most informative first."""
    scores = sorted(scores, key=lambda row: -_worth(row))
    counts = dict.fromkeys(annotations(), 0)
    chosen: dict[tuple[int, int], Score] = {}
    for row in scores:
        if counts[row.annotation] < EACH and (row.layer, row.unit) not in chosen:
            chosen[row.layer, row.unit] = row
            counts[row.annotation] += 1
    return list(chosen.values())


def _worth(row: Score) -> float:
    """A score from 0 (no better than chance) to 1 (perfect)."""
    return (row.score - row.chance) / max(row.most - row.chance, 1e-9)


def _name(row: Score, layers: int) -> str:
    layer = f"layer {row.layer}, " if layers > 1 else ""
    auc = row.measure == "auc"
    figure = f"AUC {row.score:.2f}" if auc else f"{row.score:.1f} of {row.most:.1f} bits"
    return f"{layer}unit {row.unit}: {annotations()[row.annotation].asks} ({figure})"


def _packed(values: NDArray[np.float32]) -> bytes:
    """Values as signed bytes, multiplied by 127: hidden states are between -1 and 1."""
    small = np.clip(np.rint(values * 127), -127, 127).astype(np.int8)
    return small.tobytes()


def main(arguments: list[str]) -> None:
    """Print a line of JSON, `{folder: why}`, for each folder whose assets cannot be made.

    arguments: folders, and `plugins=[...]` that their networks need.
    """
    composition.use_plugins(arguments)
    for folder in arguments:
        if folder.startswith("plugins=["):
            continue
        try:
            show(Path(folder))
        except (MusicgenError, OSError, ValueError) as error:
            # The page then shows the samples of the training.
            print(json.dumps({folder: str(error)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
