"""Processes of a sweep, as tests find and kill them."""

import contextlib
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """The nest of a driver, and the workers forked from it."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [c for child in map(int, children) for c in (child, *descendants(child))]
    return []


def marked(pid: int) -> list[int]:
    """Nests and workers of a driver wherever they run: their environment names it."""
    mark = f"SWEEP_DRIVER={pid}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found
