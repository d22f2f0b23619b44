"""Trials per hour: python -m benchmarks.sweep [text of tunes] [orders]

12 configurations of a 150-unit LSTM, run three ways in each order: by Hydra's basic launcher one
after the other (same training code, fp32, all threads), by our sweep, and by our sweep with
asha. Ratios are taken order by order; a sweep's start and end are part of its time.
"""

import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from musicgen.corpus import load
from tests.tunes import ROOT

LEARNING_RATES = ["0.0005", "0.001", "0.002", "0.004", "0.008", "0.016"]
DROPOUTS = ["0.0", "0.1"]
CHARACTERS = 120_000
OURS, BASIC = "musicgen.train", "benchmarks.basic_launcher"


def run(module: str, folder: Path, *arguments: str) -> float:
    """Wall-clock seconds of one command."""
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", module, "-m", *arguments, f"hydra.sweep.dir={folder}"],
        cwd=folder.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return time.perf_counter() - began


def best_of(folder: Path) -> float:
    if (folder / "table.csv").exists():
        with (folder / "table.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if row["status"] == "completed"]
        return min(float(row["val_loss"]) for row in rows)
    results = [json.loads(path.read_text()) for path in folder.rglob("result.json")]
    return min(float(result["val_loss"]) for result in results)


def main() -> None:
    console = Console(width=100)
    orders = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    table = Table(
        "order", "basic s", "sweep s", "asha s", "sweep x", "asha x", "asha's loss - best"
    )
    rows = []
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        text = Path(sys.argv[1]).read_text() if len(sys.argv) > 1 else load("folk").train
        (top / "tunes.txt").write_text(text[:CHARACTERS])
        corpus = [f"data.path={top / 'tunes.txt'}", "data=files", "data.split=contiguous"]
        # Trainings alone: the basic launcher makes no page, and none of the ways writes tunes.
        extras = ["report=false", "samples.temperatures=[]", "samples.measure=false"]
        extras += ["samples.media=false"]
        shared = [*corpus, "trainer.max_epochs=9", "trainer=cpu", *extras]
        threads = f"trainer.threads={len(os.sched_getaffinity(0))}"
        for order in range(orders):
            draw = random.Random(order)
            rates = ",".join(draw.sample(LEARNING_RATES, 6))
            space = [f"optim.lr={rates}", f"model.dropout={','.join(draw.sample(DROPOUTS, 2))}"]
            ways = {
                "basic": (BASIC, ["hydra/sweeper=basic", "trainer.precision=fp32", threads]),
                "sweep": (OURS, []),
                "asha": (OURS, ["pruner=asha"]),
            }
            seconds = {
                way: run(module, top / f"{way}{order}", *shared, *space, *extra)
                for way, (module, extra) in ways.items()
            }
            gap = best_of(top / f"asha{order}") - best_of(top / f"sweep{order}")
            ratios = [seconds["basic"] / seconds[way] for way in ("sweep", "asha")]
            rows.append((*ratios, gap))
            figures = [f"{seconds[way]:.0f}" for way in ways]
            table.add_row(str(order), *figures, *(f"{r:.2f}" for r in ratios), f"{gap:+.4f}")
    medians = [statistics.median(column) for column in zip(*rows, strict=True)]
    table.add_row("median", "", "", "", *(f"{m:.2f}" for m in medians[:2]), f"{medians[2]:+.4f}")
    console.print(f"12 configurations, {os.cpu_count()} cores; x: trials per hour against basic")
    console.print(table)


if __name__ == "__main__":
    main()
