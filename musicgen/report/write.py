"""What a report leaves in its folder: the page, and tables and curves for papers."""

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from musicgen.paths import PACKAGE, make_folder, write_text
from musicgen.report.content import content, ranking, tuned
from musicgen.report.paper import write_curves, write_tables
from musicgen.report.source import differing, read_all, without_folders
from musicgen.report.tunes import exhibited

COMMON = Path("runs/report")
"""Where the report of several sources goes."""
LIMIT_S = 300
"""For the networks' tunes; then the page does with what there is, and says so."""
PARTS = Path(__file__).parent / "page"
SCRIPTS = ("dom", "rows", "table", "plot", "charts", "player", "heat", "tunes", "transport",
           "page")  # fmt: skip
"""In the order in which they stand in the page; they share one scope."""


def write(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Write report.html and what goes with it; returns the page's path.

    out: None for the source's own folder, or COMMON for several. Raises InputError if a folder
    holds no result, or `out` can't be written.
    """
    sources = read_all(folders)
    if out is None:
        out = sources[0].folder if len(sources) == 1 else COMMON
    make_folder(out, "out")
    lacking = _exhibit(tuned(ranking(sources)))
    data = content(sources, datetime.now().astimezone(), lacking)
    write_text(out / "report.html", page(data))
    write_tables(data, out)
    write_curves(ranking(sources), differing(sources), out)
    return out / "report.html"


def _exhibit(folders: Sequence[Path]) -> dict[Path, str]:
    """Let networks write tunes that a page can show, where they have not yet; why some could not.

    One process for all of them: it takes seconds to import PyTorch.
    """
    wanting = [folder for folder in folders if not exhibited(folder)]
    if not wanting:
        return {}
    command = [sys.executable, "-P", "-m", "musicgen.exhibits", *map(str, wanting)]
    # The same musicgen as here, whatever lies in the current folder.
    path = os.pathsep.join(filter(None, [str(PACKAGE.parent), os.environ.get("PYTHONPATH")]))
    try:
        done = subprocess.run(
            command,
            env={**os.environ, "PYTHONPATH": path},
            timeout=LIMIT_S,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        said = done.stderr.strip().splitlines()
    except subprocess.TimeoutExpired:
        said = [f"{LIMIT_S} s for all networks were not enough"]
    own = dict(line.split(": ", 1) for line in said if ": " in line)
    last = said[-1] if said else "the process that draws them ended early"
    return {
        folder: without_folders(own.get(str(folder), last))[:200]
        for folder in wanting
        if not exhibited(folder)
    }


def page(data: Mapping[str, Any]) -> str:
    """The file around what its script draws. It needs no network, and no other script runs in it.

    data: as `content` gives it.
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
        # Inside a script element nothing but `<` can end it, or change how it is read.
        data=text.replace("<", "\\u003c"),
        script=script,
    )


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"
