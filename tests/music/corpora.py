"""The two corpora against which reading is measured. Neither is part of the project."""

import importlib.util
import re
from pathlib import Path

import pytest

REPORT = Path("shared/data/cse253/input.txt")
"""The report's corpus, in the repository's folder or beside it; its owners gave it no licence."""


def folk_tunes() -> list[str]:
    """O'Neill, Ryan and Aird as music21 carries them, uncleaned, one text for each tune."""
    spec = importlib.util.find_spec("music21")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "corpus"
    tunes = []
    for book in ("oneills1850", "ryansMammoth", "airdsAirs"):
        for path in sorted((folder / book).glob("*.abc")):
            text = path.read_text(encoding="utf-8").replace("\r\n", "\n").replace("\r", "\n")
            for tune in re.split(r"^(?=X:)", text, flags=re.MULTILINE)[1:]:
                tunes.append(re.split(r"\n[ \t]*\n", tune)[0] + "\n")
    return tunes


def report_tunes() -> list[str]:
    """The report's corpus; skips the test where it is not at hand."""
    repository = Path(__file__).parents[2]
    for folder in (repository, repository.parent):
        if (folder / REPORT).exists():
            return re.findall(r"<start>\n(.*?)<end>", (folder / REPORT).read_text(), re.DOTALL)
    pytest.skip(f"the report's corpus is not at {REPORT}")
