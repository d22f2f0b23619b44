"""One setting: a tune as one person wrote it down, and the marks around it."""

import re
from collections import Counter
from dataclasses import dataclass, field

START = "<start>"
END = "<end>"

_MARKED = re.compile(f"{START}(.*?)(?:({END})|(?={START})|\\Z)", re.DOTALL)
_TITLE = re.compile(r"^T:(.*)", re.MULTILINE)
_ARTICLE = re.compile(r"^(?:the|an?)\s+|,\s*(?:the|an?)$|\s--?\s.*")


@dataclass(frozen=True)
class Setting:
    """A tune's text, and which tune it is a setting of, according to its source.

    text: the lines between the marks, without a final line end. kin: settings with the same value
    are settings of one tune; None where the source does not say.
    """

    text: str
    kin: str | None = None

    @property
    def marked(self) -> str:
        """The setting as it stands in a corpus: `<start>`, its lines, `<end>`."""
        return f"{START}\n{self.text}\n{END}\n"


@dataclass
class Reading:
    """The settings of one text, and what was left out of it: why, and how often."""

    settings: list[Setting] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    prose: list[tuple[int, str]] = field(default_factory=list)
    """Lines that were taken for words, as (number from 1, text)."""
    cut: list[int] = field(default_factory=list)
    """Numbers of the blank lines that ended a tune before its first note."""
    verbatim: str | None = None
    """The whole text if it marks its tunes itself; a corpus of one such file uses it unchanged."""
    encoding: str = "binary"
    """Encoding of the file, if it is text."""


def kin_by_title(text: str) -> str | None:
    """The first title of a tune in ABC without its variable parts, or None.

    `kerrycobbler` for "The Kerry Cobbler", "Kerry Cobbler, The" and "KERRY COBBLER -- JIG".
    """
    found = _TITLE.search(text)
    plain = _ARTICLE.sub("", found[1].strip().lower()) if found else ""
    return re.sub(r"\W", "", plain) or None


def read_marked(text: str) -> Reading:
    """The settings of a text that marks them itself, each unchanged."""
    reading = Reading()
    for found in _MARKED.finditer(text):
        body = found[1].strip("\n")
        if found[2] is None:
            reading.left_out[f"tunes without {END}"] += 1
        elif not body.strip():
            reading.left_out["empty tunes"] += 1
        else:
            reading.settings.append(Setting(body, kin_by_title(body)))
    return reading
