"""How a tune was made: the .json beside its files, written by `generate`, read by reports."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from musicgen.system.files import write_text


@dataclass(frozen=True)
class Weights:
    """The network that wrote a tune."""

    file: str
    sha256: str
    """Of the file."""


@dataclass(frozen=True)
class Recipe:
    """What makes a tune again, and what was found in it."""

    command: str
    """Writes the tune again, and nothing else."""
    options: Mapping[str, Any]
    """By key of `generate`."""
    weights: Weights
    corpus: str
    """Digest of the corpus that the network was trained on."""
    complete: bool
    """Whether the network ended the tune itself."""
    problems: list[str]
    """Line, column and text of the parser's first problems with it."""
    measures: Mapping[str, Any]
    nearest: Mapping[str, Any] | None
    """The longest run of notes that a training tune has too: `notes`, `number`, `title`."""
    missing: Mapping[str, str]
    """Formats that the tune could not be had in, and why."""
    versions: Mapping[str, str]

    def write(self, tune: Path) -> None:
        """Write it beside a tune's file."""
        write_text(_beside(tune), json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, tune: Path) -> "Recipe | None":
        """The recipe of a tune's file; None if there is none, or none that can be read."""
        try:
            found = json.loads(_beside(tune).read_text(encoding="utf-8"))
            values = {**_ABSENT, **{name: found[name] for name in _ABSENT if name in found}}
            digest = str(found["weights"]["sha256"])
            values["weights"] = Weights(str(found["weights"].get("file", "")), digest)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None
        whole = isinstance(values["options"], dict)
        whole = whole and (values["nearest"] is None or isinstance(values["nearest"], dict))
        return cls(**values) if whole else None


_ABSENT: dict[str, Any] = {
    "command": "",
    "options": {},
    "corpus": "",
    "complete": False,
    "problems": [],
    "measures": {},
    "nearest": None,
    "missing": {},
    "versions": {},
}
"""What a recipe that lacks something has there."""


def _beside(tune: Path) -> Path:
    return tune.with_suffix(".json")
