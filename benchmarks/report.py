"""How long reports take, how large they are, and how soon they are heard:
python -m benchmarks.report [<run folder>]

With a run folder, its network stands for the best ten of each sweep and writes their tunes. Each
page is opened in Chromium, and its first tune played by the page's first click.
"""

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, sync_playwright

from musicgen.report.content import TUNED
from musicgen.report.tunes import exhibited
from musicgen.workflows.report import write
from tests.report.browser import FLAGS
from tests.report.folders import sweep_folder

COLUMNS = ("trials", "networks", "seconds", "of a core", "report.html, MB", "opened, s",
           "click to sound, ms", "click to highlight, ms")  # fmt: skip
PLAY = """() => new Promise((done) => {
  const { tunes } = JSON.parse(document.getElementById("data").textContent);
  const [rest] = tunes.flatMap((entry) => entry.tunes).find(({ notes }) => notes.length).notes[0];
  const { start } = AudioScheduledSourceNode.prototype;
  let sound;
  AudioScheduledSourceNode.prototype.start = function (when) {
    const { currentTime, outputLatency, baseLatency } = this.context;
    const later = when - currentTime + (outputLatency || baseLatency);
    sound ??= performance.now() + 1000 * later - begun;
    return start.call(this, when);
  };
  const look = () => {
    if (document.querySelector(".abc .now")) done([sound - rest, performance.now() - begun - rest]);
    else requestAnimationFrame(look);
  };
  const begun = performance.now();
  document.querySelector("article .play:enabled").click();
  look();
})"""
"""From the click to the first note at the loudspeaker and on the screen, less a rest before it. The
first click of a browser, and no press before it, which would start the sound earlier."""


def main(runs: list[str]) -> None:
    print(f"| {' | '.join(COLUMNS)} |\n|{'---|' * len(COLUMNS)}")
    with TemporaryDirectory() as place, _chromium() as browser:
        for trials in (50, 1000, 10_000):
            folder = sweep_folder(Path(place) / str(trials), trials, epochs=30)
            tuned = [trial for run in runs for trial in _tune(folder, Path(run))]
            begun, worked = time.perf_counter(), _core()
            page = write([folder])
            seconds, core = time.perf_counter() - begun, _core() - worked
            # A network that failed would make the report look fast.
            heard = sum(map(exhibited, tuned))
            size = page.stat().st_size / 1e6
            opened, sound, light = _hear(browser, page)
            built = f"| {trials:,} | {heard} | {seconds:.1f} | {core:.1f} | {size:.2f} "
            print(f"{built}| {opened:.2f} | {sound:.0f} | {light:.0f} |", flush=True)


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


@contextmanager
def _chromium() -> Iterator[Browser]:
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=[*FLAGS, "--autoplay-policy=no-user-gesture-required"],
        )
        yield browser
        browser.close()


def _hear(browser: Browser, report: Path) -> tuple[float, float, float]:
    """Seconds until the page shows a tune, milliseconds until the first click sounds and shows."""
    page = browser.new_page()
    begun = time.perf_counter()
    page.goto(report.as_uri())
    page.wait_for_selector("#tunes article")
    opened = time.perf_counter() - begun
    sound, light = page.evaluate(PLAY)
    page.close()
    return opened, sound, light


if __name__ == "__main__":
    main(sys.argv[1:])
