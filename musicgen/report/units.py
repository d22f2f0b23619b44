"""tunes/units.json of a run: what hidden units do in its tunes, for pages."""

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
    """Some units in one tune."""

    names: Sequence[str]
    """Of the units, as a page shows them."""
    text: str
    """SHA-256 of the tune's text."""
    values: str
    """For each unit a signed byte for each character (hidden state times 127), in base64."""

    @classmethod
    def of(cls, text: str, names: Sequence[str], values: bytes) -> "TuneUnits":
        return cls(names, text_digest(text), base64.b64encode(values).decode())

    def fits(self, text: str) -> bool:
        """Whether they are of this very text."""
        return self.text == text_digest(text)


@dataclass(frozen=True)
class Units:
    """The units of a run's tunes."""

    weights: str
    """SHA-256 of the weights that the units are of."""
    tunes: Mapping[str, TuneUnits]
    """By the names of the tunes' files, without the ending."""

    def write(self, run: Path) -> None:
        write_text(_file(run), json.dumps(asdict(self)) + "\n")

    @classmethod
    def read(cls, run: Path, weights: str) -> "Units":
        """Those of a run's folder; no tunes if there are none, or if they are of other weights."""
        try:
            found = json.loads(_file(run).read_text())
            tunes = found["tunes"].items() if found["weights"] == weights else ()
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(weights, {})
        read = {str(name): _tune_units(values) for name, values in tunes}
        return cls(weights, {name: units for name, units in read.items() if units is not None})

    def of(self, name: str, text: str) -> TuneUnits | None:
        """The units of a tune, if they are of this very text."""
        found = self.tunes.get(name)
        return found if found is not None and found.fits(text) else None


def text_digest(text: str) -> str:
    """By which units know the text that they are of."""
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
