"""tunes/units.json of a run: the values of hidden units in its tunes, for pages."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from musicgen.system.files import write_text
from musicgen.training.folder import RunFolder


@dataclass(frozen=True)
class TuneUnits:
    """The values of some units in one tune."""

    names: Sequence[str]
    """The names of the units, as the page shows them."""
    text: str
    """SHA-256 of the tune's text."""
    values: str
    """A signed byte per unit and character, in base64: the hidden state times 127. All characters
    of the first unit come first."""

    @classmethod
    def of(cls, text: str, names: Sequence[str], values: bytes) -> "TuneUnits":
        return cls(names, text_digest(text), base64.b64encode(values).decode())

    def fits(self, text: str) -> bool:
        """Whether the values belong to exactly this text."""
        return self.text == text_digest(text)


@dataclass(frozen=True)
class Units:
    """The units of a run's tunes."""

    weights: str
    """SHA-256 of the weights that computed the values."""
    tunes: Mapping[str, TuneUnits]
    """The units of each tune, by the name of the tune's file without the ending."""

    def write(self, run: Path) -> None:
        write_text(_file(run), json.dumps(asdict(self)) + "\n")

    @classmethod
    def read(cls, run: Path, weights: str) -> "Units":
        """The units in a run's folder. They have no tunes if there is no file, or if the file
        belongs to other weights."""
        try:
            found = json.loads(_file(run).read_text())
            tunes = found["tunes"].items() if found["weights"] == weights else ()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(weights, {})
        read = {str(name): _tune_units(values) for name, values in tunes}
        return cls(weights, {name: units for name, units in read.items() if units is not None})

    def of(self, name: str, text: str) -> TuneUnits | None:
        """The units of the tune with this name, if they belong to exactly this text; else None."""
        found = self.tunes.get(name)
        return found if found is not None and found.fits(text) else None


def text_digest(text: str) -> str:
    """The SHA-256 of a tune's text, by which `TuneUnits` recognize it."""
    return hashlib.sha256(text.encode()).hexdigest()


def _tune_units(values: object) -> TuneUnits | None:
    if not isinstance(values, dict):
        return None
    names, packed = values.get("names"), values.get("values")
    if not isinstance(names, list) or not isinstance(packed, str):
        return None
    return TuneUnits(names, str(values.get("text")), packed)


def _file(run: Path) -> Path:
    return RunFolder(run).tunes / "units.json"
