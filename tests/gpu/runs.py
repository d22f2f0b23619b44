"""Trainings of the size that the device is tried with."""

from pathlib import Path

from tests.tunes import small

SIZE = ["data.batch_size=16", "data.seq_len=50", "model.hidden=48", "data.val_fraction=0.2"]


def overrides(folder: Path, on_device: list[str], *more: str, n: int = 150) -> list[str]:
    return [*small(folder, n=n), *SIZE, *on_device, *more]
