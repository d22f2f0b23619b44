"""The README's picture of a page: python -m benchmarks.picture <report.html> docs/report.png [n]

The best network's n-th tune (the first, unless given) plays, and a hidden unit colours the text.
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.report.browser import FLAGS

WIDTH, HEIGHT = 1280, 800
PLAYED_MS = 2500
"""How long the tune has played."""


def main(report: Path, picture: Path, tune: int = 1) -> None:
    with sync_playwright() as play:
        browser = play.chromium.launch(
            executable_path=shutil.which("chromium") or shutil.which("google-chrome"),
            args=[*FLAGS, "--autoplay-policy=no-user-gesture-required"],
        )
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, reduced_motion="reduce"
        )
        page.goto(report.absolute().as_uri())
        card = page.locator("#tunes article:has(.play:enabled)").nth(tune - 1)
        if card.locator("select").count():
            card.locator("select").select_option(index=1)
        card.locator(".play").click()
        card.locator(".score .now >> nth=0").wait_for()
        page.wait_for_timeout(PLAYED_MS)
        card.evaluate("card => card.scrollIntoView()")
        page.screenshot(path=picture)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
