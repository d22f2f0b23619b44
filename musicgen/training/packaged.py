"""The networks that the package carries, each the folder of a run below musicgen/networks/.

Beside a run's own files such a folder has card.json, which says what the network knows and what it
cannot do. `benchmarks/card.py` makes such a folder from a run.
"""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from musicgen.errors import InputError
from musicgen.system.files import write_text
from musicgen.system.paths import PACKAGE
from musicgen.training.folder import RunFolder

NETWORKS = PACKAGE / "networks"
CARD = "card.json"
DEFAULT = "folk"
"""The network of commands that name none."""


def names() -> tuple[str, ...]:
    """The names of the networks."""
    return tuple(sorted(path.name for path in NETWORKS.iterdir() if RunFolder(path).used))


def folder(name: str) -> Path | None:
    """The run folder of the network with this name; None if the package carries none."""
    return NETWORKS / name if name in names() else None


def name_of(path: Path) -> str | None:
    """The name of the network that a path in the package belongs to; None for other paths."""
    absolute = path.absolute()
    return absolute.relative_to(NETWORKS).parts[0] if NETWORKS in absolute.parents else None


@dataclass(frozen=True)
class Card:
    """What is known about a network. Losses in nats per character, shares from 0 to 1."""

    name: str
    experiment: str
    """The experiment that trains it."""
    config_digest: str
    """The digest of the experiment's configuration, as in result.json."""
    corpus: dict[str, Any]
    """`name`, `digest`, `split`, and the training text's `tunes` and `characters`."""
    parameters: int
    sha256: str
    """The SHA-256 of the file of weights."""
    losses: dict[str, float]
    """`validation` and `test` of the weights in the file, `validation_fp32` of those before they
    were rounded to bf16."""
    sets: dict[str, dict[str, float]]
    """Measures (`music.measures`) of sets of tunes, those of real ones as `validation`."""
    tunes: int
    """The number of tunes in each drawn set."""
    versions: dict[str, str]

    def write(self, place: Path) -> None:
        """Write card.json into a network's folder."""
        text = json.dumps(dataclasses.asdict(self), indent=1, ensure_ascii=False)
        write_text(place / CARD, text + "\n")

    @classmethod
    def read(cls, place: Path) -> "Card":
        """The card in a network's folder. Raises InputError if it is missing or damaged."""
        try:
            return cls(**json.loads((place / CARD).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{place / CARD} can't be read ({error}); install again") from None
