"""A report of some folders: first the assets of their networks, then the page."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from musicgen.config.registry import naming_plugins
from musicgen.report import write as report
from musicgen.report.content import ranking, tuned
from musicgen.report.source import read_all, without_folders
from musicgen.report.tunes import exhibited
from musicgen.system.paths import PACKAGE, make_folder

COMMON = Path("runs/report")
"""Folder of the report of several sources."""
LIMIT_S = 300
"""Seconds for the networks' tunes; after that the page is made without the rest, and says so."""


def write(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Write report.html and its files; returns the page's path.

    out: None for the source's own folder, or COMMON for several. Raises InputError if a folder
    holds no result, or `out` cannot be written.
    """
    sources = read_all(folders)
    if out is None:
        out = sources[0].folder if len(sources) == 1 else COMMON
    make_folder(out, "out")
    return report.write(sources, out, _make_assets(tuned(ranking(sources))))


def _make_assets(folders: Sequence[Path]) -> dict[Path, str]:
    """Let networks without tunes write some for the page; returns why some could not.

    One process for all of them: it takes seconds to import PyTorch.
    """
    wanting = [folder for folder in folders if not exhibited(folder)]
    if not wanting:
        return {}
    command = [sys.executable, "-P", "-m", "musicgen.workflows.assets"]
    command += [*map(str, wanting), *naming_plugins()]
    # The same musicgen as here, in any current folder; plugins are found as here.
    found = sys.path if naming_plugins() else [os.environ.get("PYTHONPATH")]
    path = os.pathsep.join(filter(None, [str(PACKAGE.parent), *found]))
    own: dict[str, str] = {}
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
        for line in done.stdout.splitlines():
            with suppress(ValueError, TypeError):  # another library has printed something
                own |= json.loads(line)
        said = done.stderr.strip().splitlines()[-1:]
        why = said[0] if said else "the process that draws them ended early"
    except subprocess.TimeoutExpired:
        why = f"{LIMIT_S} s for all networks were not enough"
    return {
        folder: without_folders(own.get(str(folder), why))[:400]
        for folder in wanting
        if not exhibited(folder)
    }
