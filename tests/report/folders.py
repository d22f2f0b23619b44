"""Folders as sweeps and runs leave them, made in no time."""

import base64
import csv
import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from musicgen.sweep.plan import Plan, Settings
from musicgen.sweep.record import SweepRecord
from musicgen.sweep.space import Choice, Int
from musicgen.training.folder import RunFolder
from musicgen.training.result import Result

KEYS = ("model.hidden", "model.dropout", "optim.name")
TUNE = """X:1
T:The Test
M:4/4
L:1/8
Q:1/4=240
K:G
|:"G"G2B2 d2g2|(3efg "D7"f2 [Ad]2 z2:|
e4 d4|[GBd]8|]
"""
SECOND = "X:2\nT:Another\nM:6/8\nL:1/8\nQ:3/8=150\nK:Ador\nABc def|edc BAG|A3 A3|]\n"


def sweep_folder(
    folder: Path,
    trials: int = 12,
    *,
    epochs: int = 4,
    tunes: Sequence[str] = (TUNE, SECOND),
    digest: str = "d1",
    optimizer: str = "adam",
    error: str = "out of memory",
) -> Path:
    """A finished sweep over KEYS, whose last trials were pruned, diverged and failed."""
    draw = random.Random(trials)
    folder.mkdir(parents=True)
    rows = [_row(number, trials, draw, digest, optimizer, error) for number in range(trials)]
    order = {"completed": 0}
    rows.sort(key=lambda row: (order.get(row["status"], 1), row["val_loss"] or 99, row["number"]))
    command = ["python", "-m", "musicgen.train"]
    plan = Plan(
        {KEYS[0]: Int(50, 300), KEYS[1]: Choice((0.0, 0.1, 0.2)), KEYS[2]: Choice(("adam", "sgd"))},
        objectives={"val_loss": "minimize"},
        sampler="random",
        n_trials=trials,
        pruner="asha",
        settings=(Settings({"seed": 1, "data.name": "files"}),),
        commands={
            "command": [*command, "-m", "model.hidden=..."],
            "trial_command": [*command, "data=files", "trainer.threads=1"],
        },
    )
    SweepRecord.of(plan, folder.name).write(folder)
    with (folder / "table.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    for row in rows:
        run_files(folder / str(row["number"]), epochs, tunes if row is rows[0] else tunes[:1])
    return folder


def _row(
    number: int, trials: int, draw: random.Random, digest: str, optimizer: str, error: str
) -> dict[str, Any]:
    odd = {trials - 1: "failed", trials - 2: "diverged", trials - 3: "pruned"}
    status = odd.get(number, "completed") if trials > 3 else "completed"
    hidden, dropout = draw.randint(50, 300), draw.choice([0.0, 0.1, 0.2])
    loss = 2.5 - hidden / 300 + dropout + draw.random() / 10
    return {
        "number": number,
        "status": status,
        "model.hidden": hidden,
        "model.dropout": dropout,
        "optim.name": draw.choice([optimizer, "sgd"]),
        "val_loss": loss if status in ("completed", "pruned") else None,
        "val_accuracy": 0.6 - loss / 10,
        "train_loss": loss - 0.1,
        "epochs": 4,
        "seconds": 12.5,
        "device": "cpu",
        "precision": "bf16",
        "machine": "A processor, 2 cores",
        "corpus.name": "files",
        "corpus.digest": digest,
        "corpus.split": "tunes",
        "versions.torch": "2.13",
        "error": error if status == "failed" else None,
    }


def run_files(folder: Path, epochs: int, tunes: Sequence[str] = ()) -> None:
    """metrics.csv and samples/."""
    (folder / "samples").mkdir(parents=True)
    lines = ["epoch,train_loss,train_accuracy,val_loss,val_accuracy"]
    lines += [f"{e},{3 / e + 0.9:.4f},{0.5},{3 / e + 1:.4f},0.4" for e in range(1, epochs + 1)]
    (folder / "metrics.csv").write_text("\n".join(lines) + "\n")
    for index, tune in enumerate(tunes, 1):
        (folder / "samples" / f"T{index}.abc").write_text(tune)


def run_folder(folder: Path, *, digest: str = "d1", **result: Any) -> Path:
    """A finished run."""
    run_files(folder, 4, [TUNE])
    (folder / "config.yaml").write_text("model:\n  hidden: 150\n  dropout: 0.1\nseed: 1\n")
    values: dict[str, Any] = {
        "status": "completed",
        "seed": 1,
        "config_digest": "c1",
        "val_loss": 1.5,
        "epochs": 4,
        "corpus": {"name": "files", "digest": digest, "split": "tunes"},
        "measures": {"parses": 0.9},
        **result,
    }
    Result(**values).write(RunFolder(folder).result)
    return folder


def units_of(text: str, names: Sequence[str] = ("unit 1",), values: bytes = b"") -> dict[str, Any]:
    """As in units.json."""
    packed = base64.b64encode(values).decode()
    return {"text": hashlib.sha256(text.encode()).hexdigest(), "names": names, "values": packed}


def exhibit(folder: Path, tunes: Mapping[str, str], units: Any, weights: bytes = b"w") -> None:
    """Weights, tunes that they wrote, and what their units do, into a run's folder."""
    digest = hashlib.sha256(weights).hexdigest()
    for name in ("checkpoints", "tunes"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "checkpoints" / "best.safetensors").write_bytes(weights)
    for name, text in tunes.items():
        (folder / "tunes" / f"{name}.abc").write_text(text)
        (folder / "tunes" / f"{name}.json").write_text(json.dumps({"weights": {"sha256": digest}}))
    told = json.dumps({"weights": digest, "tunes": units})
    (folder / "tunes" / "units.json").write_text(told)
