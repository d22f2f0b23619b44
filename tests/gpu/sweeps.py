"""Trials per hour on one GPU: python -m tests.gpu.sweeps [--device cpu] [--small] [--out gpu.json]

The same eight trainings (an LSTM of 150 units at 32 streams) with 1, 2, 4 and 8 of them at once,
as a sweep runs them, from the first one's beginning to the last one's end. Each must end with the
same weights, bit for bit, whatever else the GPU does. On a CPU so many workers take its place.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.gpu.record import Record
from tests.tunes import ROOT, tunes


@dataclass(frozen=True)
class Size:
    tunes: int = 6000
    epochs: int = 4
    at_once: tuple[int, ...] = (1, 8, 4, 2)


WHOLE, SMALL = Size(), Size(60, 1, (1, 2))


def run(folder: Path, kind: str, size: Size, at_once: int) -> dict[str, Any]:
    sweep = folder / f"sweep{at_once}"
    device = ["trainer=gpu", f"sweep.trials_per_gpu={at_once}"]
    if kind == "cpu":
        device = ["trainer=cpu", f"sweep.workers={at_once}", "data.batch_size=4", "model.hidden=8"]
    arguments = [
        "data=files",
        f"data.path={folder / 'tunes.txt'}",
        f"data.root={folder / 'data'}",
        "data.split=contiguous",
        f"trainer.max_epochs={size.epochs}",
        "optim.lr=0.001,0.002,0.004,0.008",
        "model.dropout=0.1,0.2",
        "report=false",
        "samples.temperatures=[]",
        "samples.measure=false",
        "samples.media=false",
        "early_stopping.patience=0",
        f"hydra.sweep.dir={sweep}",
        *device,
    ]
    path = os.pathsep.join([str(ROOT), *filter(None, sys.path)])
    subprocess.run(
        [sys.executable, "-m", "musicgen.train", "-m", *arguments],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.DEVNULL,
        check=True,
    )
    begun = min(path.stat().st_mtime for path in sweep.glob("*/config.yaml"))
    results = sorted(sweep.glob("*/result.json"))
    ended = max(path.stat().st_mtime for path in results)
    found = [json.loads(path.read_text()) for path in results]
    assert all(result["status"] == "completed" for result in found), found
    return {
        "trials_per_hour": 3600 * len(found) / (ended - begun),
        "seconds": ended - begun,
        "chars_per_s_of_each": sum(result["chars_per_s"] for result in found) / len(found),
        "val_losses": [result["val_loss"] for result in found],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("gpu.json"))
    asked = parser.parse_args()
    size, record = SMALL if asked.small else WHOLE, Record(asked.out)
    print("| at once | trials per hour | times | chars/s of each | same as alone |")
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tunes.txt").write_text(tunes(size.tunes))
        alone: dict[str, Any] = {}
        for at_once in size.at_once:
            row = run(folder, asked.device, size, at_once)
            alone = alone or row
            row["times"] = row["trials_per_hour"] / alone["trials_per_hour"]
            row["same_as_alone"] = row["val_losses"] == alone["val_losses"]
            record.put("sweeps", str(at_once), value=row)
            figures = f"{row['trials_per_hour']:,.0f} | {row['times']:.2f}"
            each = f"{row['chars_per_s_of_each']:,.0f} | {row['same_as_alone']}"
            print(f"| {at_once} | {figures} | {each} |", flush=True)
    if not all(row["same_as_alone"] for row in record.get()["sweeps"].values()):
        raise SystemExit("trials that share a device ended otherwise than alone")


if __name__ == "__main__":
    main()
