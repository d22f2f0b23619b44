"""What tables and the page show of a search with several objectives and constraints."""

import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from musicgen.sweep.constraints import parsed
from musicgen.sweep.driver import Driver
from musicgen.sweep.local import LocalExecutor
from musicgen.sweep.plan import Plan
from musicgen.sweep.space import Float
from musicgen.workflows.report import write
from tests.report.browser import FLAGS
from tests.sweep.objectives import two_objectives

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("sampler", ["tpe", "gp", "nsgaii"])
def test_the_front_is_marked_and_drawn(sampler: str, tmp_path: Path) -> None:
    plan = Plan(
        {"x": Float(-2, 2), "y": Float(0, 1)},
        n_trials=14,
        sampler=sampler,
        objectives={"loss": "minimize", "parameters": "minimize"},
        constraints=parsed(["loss<=2"]),
        enqueued=({"x": 0.0, "y": 0.0}, {"x": 1.0, "y": 0.0}, {"x": 1.5, "y": 0.5}),
    )
    folder = tmp_path / "sweep"
    rows = Driver(plan, two_objectives, LocalExecutor([{}]), folder).run().rows
    front = [row["number"] for row in rows if row["front"]]
    assert {0, 1} <= {*front}  # nothing beats both of x = 0 and x = 1 at y = 0
    assert 2 not in front
    assert not any(row.get("breaks") for row in rows if row["front"])
    assert any(row.get("breaks") for row in rows)
    page = (folder / "table.md").read_text()
    named = ", ".join(map(str, front))
    assert page.startswith(f"Front (no other beats these in every objective): {named}\n")
    report = write([folder])
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "these tests need chromium: apt install chromium"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        tab = browser.new_page()
        said: list[str] = []
        tab.on("console", lambda message: said.append(message.text))
        tab.on("pageerror", lambda error: said.append(str(error)))
        tab.goto(report.as_uri())
        tab.wait_for_selector("#front svg")
        best = tab.locator("#front circle.best")
        assert best.count() == len(front)
        assert tab.locator("#front circle").count() == len(rows)
        assert tab.locator("#front .staircase").count() == 1
        assert tab.locator("#table th", has_text="breaks").count() == 1
        assert not said
        browser.close()
