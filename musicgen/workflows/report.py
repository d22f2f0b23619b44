"""A report of several folders: first the assets of their networks are made, then the page."""

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
"""The folder of a report of several sources."""
LIMIT_S = 300
"""Seconds for writing tunes. After that the page is made without the missing ones, and says so."""


def write(folders: Sequence[Path], out: Path | None = None) -> Path:
    """Write report.html and its files; returns the page's path.

    out: the report's folder; None: the source's own folder, or COMMON for several sources. Raises
    InputError if a folder holds no result, or if `out` can't be written.
    """
    sources = read_all(folders)
    if out is None:
        out = sources[0].folder if len(sources) == 1 else COMMON
    make_folder(out, "out")
    return report.write(sources, out, _make_assets(tuned(ranking(sources))))


def _make_assets(folders: Sequence[Path]) -> dict[Path, str]:
    """Let networks without tunes write some for the page; returns the reason for each folder whose
    network could not.

    One process does this for all folders, because importing PyTorch takes seconds.
    """
    wanting = [folder for folder in folders if not exhibited(folder)]
    if not wanting:
        return {}
    command = [sys.executable, "-P", "-m", "musicgen.workflows.assets"]
    command += [*map(str, wanting), *naming_plugins()]
    # The process must import the same musicgen and plugins as this one, in any current folder.
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
            with suppress(ValueError, TypeError):  # the line comes from another library
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
