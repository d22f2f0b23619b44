"""The files of a report: the page, and tables and curves for papers."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from musicgen.report.content import content, ranking
from musicgen.report.paper import write_curves, write_tables
from musicgen.report.source import Source, differing
from musicgen.system.files import write_text

PAGE = "report.html"
PARTS = Path(__file__).parent / "page"
SCRIPTS = ("dom", "rows", "table", "plot", "charts", "front", "player", "heat", "tunes",
           "transport", "page")  # fmt: skip
"""The scripts in their order in the page; they share one scope."""


def write(sources: Sequence[Source], out: Path, lacking: Mapping[Path, str]) -> Path:
    """Write report.html, the tables and the curves; returns the page's path.

    lacking: the reason for each run folder that has no tunes.
    """
    data = content(sources, datetime.now().astimezone(), lacking)
    write_text(out / PAGE, page(data))
    write_tables(data, out)
    write_curves(ranking(sources), differing(sources), out)
    return out / PAGE


def page(data: Mapping[str, Any]) -> str:
    """The text of report.html. The page needs no network and runs no script but its own.

    data: the value of `content`.
    """
    script = "\n".join((PARTS / f"{name}.js").read_text() for name in SCRIPTS)
    style = (PARTS / "page.css").read_text()
    policy = [
        "default-src 'none'",
        f"script-src '{_hash(script)}'",
        f"style-src '{_hash(style)}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Template((PARTS / "page.html").read_text()).substitute(
        policy="; ".join(policy),
        title=escape(str(data["title"])),
        style=style,
        # Only a `<` can end a script element or change how it is read.
        data=text.replace("<", "\\u003c"),
        script=script,
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
