"""How long reports take, and how large they are: python -m tests.bench.report [<run folder>]

With a run folder, its network stands for the best ten of each sweep and writes their tunes.
"""

import os
import shutil
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from musicgen.report.content import TUNED
from musicgen.report.tunes import exhibited
from musicgen.report.write import write
from tests.report.folders import sweep_folder


def main(runs: list[str]) -> None:
    print("| trials | networks | seconds | of a core | report.html, MB |\n|---|---|---|---|---|")
    with TemporaryDirectory() as place:
        for trials in (50, 1000, 10_000):
            folder = sweep_folder(Path(place) / str(trials), trials, epochs=30)
            tuned = [trial for run in runs for trial in _tune(folder, Path(run))]
            begun, worked = time.perf_counter(), _core()
            page = write([folder])
            seconds, core = time.perf_counter() - begun, _core() - worked
            # A network that failed would make the report look fast.
            heard = sum(map(exhibited, tuned))
            size = page.stat().st_size / 1e6
            print(f"| {trials:,} | {heard} | {seconds:.1f} | {core:.1f} | {size:.2f} |", flush=True)


def _tune(sweep: Path, run: Path) -> list[Path]:
    """Give the best trials the network of a run."""
    lines = (sweep / "table.csv").read_text().splitlines()[1 : TUNED + 1]
    trials = [sweep / line.split(",")[0] for line in lines]
    for trial in trials:
        shutil.copytree(run / "checkpoints", trial / "checkpoints")
    return trials


def _core() -> float:
    """Seconds of this process and of those that it waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


if __name__ == "__main__":
    main(sys.argv[1:])
