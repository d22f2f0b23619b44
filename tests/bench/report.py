"""How long reports take, and how large they are: python -m tests.bench.report"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

from musicgen.report.write import write
from tests.report.folders import sweep_folder


def main() -> None:
    print("| trials | seconds | report.html, MB |\n|---|---|---|")
    with TemporaryDirectory() as place:
        for trials, epochs in ((50, 30), (1000, 30), (10_000, 30)):
            folder = sweep_folder(Path(place) / str(trials), trials, epochs=epochs)
            begun, worked = time.perf_counter(), time.process_time()
            page = write([folder])
            seconds = time.perf_counter() - begun
            core = time.process_time() - worked
            size = page.stat().st_size / 1e6
            print(f"| {trials:,} | {seconds:.1f} ({core:.1f} of a core) | {size:.2f} |", flush=True)


if __name__ == "__main__":
    main()
