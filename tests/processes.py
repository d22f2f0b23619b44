"""Processes of a sweep, as tests find and kill them."""

import contextlib
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """The nest of a driver, and the workers forked from it."""
    with contextlib.suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [c for child in map(int, children) for c in (child, *descendants(child))]
    return []
