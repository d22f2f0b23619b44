"""The recipe of a tune: the .json beside its files, which `generate` writes and reports read."""

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
    """The SHA-256 of the weights' file."""


@dataclass(frozen=True)
class Recipe:
    """The command and the options that make a tune again, and what was found in the tune."""

    command: str
    """The command that writes this one tune again."""
    options: Mapping[str, Any]
    """The options of `generate`, by key."""
    weights: Weights
    corpus: str
    """The digest of the corpus that the network was trained on."""
    complete: bool
    """Whether the network ended the tune itself."""
    problems: list[str]
    """Line, column and text of the first problems that the parser found in the tune."""
    measures: Mapping[str, Any]
    nearest: Mapping[str, Any] | None
    """The longest run of notes shared with a training tune: `notes` (its length), and `number` and
    `title` of that tune."""
    missing: Mapping[str, str]
    """The reason for each format in which the tune can't be written."""
    versions: Mapping[str, str]

    def write(self, tune: Path) -> None:
        """Write the recipe beside a tune's file."""
        write_text(_beside(tune), json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, tune: Path) -> "Recipe | None":
        """The recipe of a tune's file; None if there is none, or if it can't be read."""
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
"""The values of fields that a stored recipe lacks."""


def _beside(tune: Path) -> Path:
    return tune.with_suffix(".json")
