"""One trained network: its folder, its figures, and the tunes that it writes."""

from pathlib import Path


class Run:
    """A run's folder."""

    def __init__(self, place: str | Path) -> None:
        self.folder = Path(place).absolute()
