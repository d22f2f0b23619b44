"""The page in a real browser, from file://."""

import fcntl
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from musicgen.music import parse
from musicgen.report.tunes import Playable
from musicgen.workflows.report import write
from tests.report.browser import FLAGS
from tests.report.folders import KEYS, SECOND, TUNE, exhibit, run_folder, sweep_folder, units_of

pytestmark = pytest.mark.slow  # a browser

PATIENCE_S = 120
MARKUP = "<img src=x onerror=document.title='owned'>"
SCRIPT = "</script><script>document.title='owned'</script>"
LINK = "javascript:document.title='owned'"
HOSTILE = (
    f'X:1\nT:{MARKUP}{SCRIPT}\nR:{LINK}\nK:C\nC2"{MARKUP}"D2 "^{SCRIPT}"E2|]\n',
    f"X:1\nT:{'long' * 250_000}\nK:C\nCDEF|]\n",
    "no tune at all",
)
SOUND = """
window.live = new Set(); window.most = 0; window.voices = 0;
const {connect, disconnect} = AudioNode.prototype, {start} = AudioScheduledSourceNode.prototype;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof DynamicsCompressorNode) live.add(this);
  return connect.call(this, target, ...rest);
};
AudioNode.prototype.disconnect = function (...rest) {
  live.delete(this);
  return disconnect.apply(this, rest);
};
AudioScheduledSourceNode.prototype.start = function (...rest) {
  voices++;
  return start.apply(this, rest);
};
"""
"""Counts the tunes that can be heard, and the notes that were given to the sound card."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.fail("these tests need chromium: apt install chromium")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = sweep_folder(tmp_path_factory.mktemp("reports") / "sweep")
    best = read_best(folder)
    tunes = {"T1": TUNE, "T2": SECOND}
    values = bytes([127, 0, 129] * 200)
    names = ["unit 7: header (AUC 0.97)", "unit 3: bars (0.5 bits)"]
    units = {name: units_of(text, names, values[: 2 * len(text)]) for name, text in tunes.items()}
    exhibit(folder / best, tunes, units)
    return write([folder])


def read_best(folder: Path) -> str:
    return (folder / "table.csv").read_text().splitlines()[1].split(",")[0]


@pytest.fixture
def page(browser: Browser, report: Path) -> Iterator[Page]:
    yield from opened(browser, report)


def opened(browser: Browser, report: Path, **settings: object) -> Iterator[Page]:
    """The page; at the end nothing must have been fetched, and nothing complained about."""
    context = browser.new_context(**settings)  # type: ignore[arg-type]
    context.set_default_timeout(1000 * PATIENCE_S)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.add_init_script(SOUND)
    page.goto(report.as_uri())
    page.wait_for_selector("#tunes article")
    yield page
    assert not said
    assert asked == [report.as_uri()]
    context.close()


LATER = {"v0e5 f", "v0e6 g", "v0e7 f2", "v0e8 [Ad]2", "v0e10 e4", "v0e11 d4", "v0e12 [GBd]8"}
"""What is highlighted in TUNE behind its first notes; a rest is not."""

RECORD = """() => {
  window.seen = new Set();
  const look = () => {
    const head = document.querySelector(".score .now")?.dataset.e;
    const text = [...document.querySelectorAll(".abc .now")].map(e => e.textContent).join("");
    seen.add(`${head} ${text}`);
    requestAnimationFrame(look);
  };
  look();
}"""
"""Keeps what is highlighted in score and text at each frame."""


def until(page: Page, expression: str) -> None:
    """Playwright's own waiting needs eval, which the page forbids."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"{expression} stays false")


def test_a_note_moves_through_score_and_text_together(page: Page) -> None:
    page.evaluate(RECORD)
    page.locator("#loop").check()
    page.locator("article .play").first.click()
    until(page, "seen.size > 10")
    first = {"v0e0 G2", "v0e1 B2", "v0e2 d2", "v0e3 g2", "v0e4 e"}
    assert set(page.evaluate("[...seen]")) <= {"undefined ", *first, *LATER}
    assert len(first & set(page.evaluate("[...seen]"))) >= 3
    page.locator(".transport .play").click()
    assert page.locator(".now").count() == 0
    until(page, "live.size === 0")
    before = page.evaluate("voices")
    assert before >= 4
    page.wait_for_timeout(500)
    assert page.evaluate("voices") == before


def test_it_says_what_won_and_plays_it(page: Page) -> None:
    header = page.locator("body > header")
    assert "Which values give the lowest validation loss: model.hidden (50 to 300)" in (
        header.text_content() or ""
    )
    best = page.locator("#table tbody tr").first.locator("td").all_text_contents()
    assert f"hidden={best[2]}" in (header.locator(".best").text_content() or "")
    assert f"validation loss {best[5]} nats per character" in (header.text_content() or "")
    page.locator("#loop").check()  # so that it plays for as long as one looks
    header.locator(".play").click()
    until(page, "document.querySelector('article .now')")
    assert page.evaluate("document.activeElement.textContent") == "■ Stop"
    top = "document.querySelector('article.playing').getBoundingClientRect().top"
    until(page, f"{top} >= 0 && {top} < 100")


def test_the_player_works_without_a_mouse(page: Page) -> None:
    page.locator("#loop").press("Space")
    assert page.locator("#loop").is_checked()
    page.locator(".winner .play").focus()
    page.keyboard.press("Space")
    assert page.locator(".transport [role=status]").text_content() == "playing The Test"
    page.keyboard.press("Enter")
    assert page.locator("article.playing").count() == 0
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "ABC"
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert page.evaluate(outline) == "solid"
    page.locator("#loop").press("Space")
    page.locator(".transport .play").press("Enter")
    page.locator(".transport .place").press("End")
    until(page, "!document.querySelector('article.playing')")
    page.locator(".transport .place").focus()
    for _ in range(10):
        page.keyboard.press("PageUp")
    until(page, "!document.querySelector('article.playing')")
    assert page.locator(".now").count() == 0
    page.locator("article").nth(1).locator(".play").press("Space")
    assert page.locator(".transport .title").text_content() == "Another"
    page.keyboard.press("Escape")
    assert page.locator("article.playing").count() == 0


def test_the_volume_is_that_of_the_slider(page: Page) -> None:
    page.locator("#volume").fill("50")
    page.locator("#loop").check()
    page.locator("article .play").first.click()
    assert page.evaluate("[...live].map(bus => bus.gain.value)") == [0.25]
    page.locator("#volume").fill("0")
    until(page, "[...live].every(bus => bus.gain.value < 0.001)")


def test_two_tunes_never_sound_at_once(page: Page) -> None:
    first, second = page.locator("article .play").all()[:2]
    page.locator("#loop").check()  # neither ends by itself
    first.click()
    page.wait_for_timeout(100)
    second.click()
    assert page.locator("article.playing").count() == 1
    assert page.locator(".transport .title").text_content() == "Another"
    until(page, "live.size === 1")
    page.keyboard.press("Escape")
    assert page.locator("article.playing").count() == 0


def test_it_ends_by_itself_or_goes_round(page: Page) -> None:
    second = page.locator("article").nth(1)
    page.locator("#tempo").fill("200")
    second.locator(".play").click()
    until(page, "!document.querySelector('article.playing')")
    page.locator("#loop").check()
    second.locator(".play").click()
    notes = 13
    before = page.evaluate("voices")
    until(page, f"voices > {before + notes + 2}")
    assert page.locator("article.playing").count() == 1


def test_a_click_on_a_note_plays_from_there(page: Page) -> None:
    page.evaluate(RECORD)
    page.locator("#tempo").fill("40")  # the chord is there for seconds, a frame of them is enough
    start = TUNE.index("[GBd]8")
    page.locator(f'.abc [data-i="{start + 1}"]').first.click()
    until(page, "seen.has('v0e12 [GBd]8')")
    assert not {"v0e10 e4", "v0e11 d4"} & set(page.evaluate("[...seen]"))


def test_the_table_is_sorted_and_narrowed(page: Page) -> None:
    def column(number: int) -> list[str]:
        return page.locator(f"#table tbody tr td:nth-child({number})").all_text_contents()

    losses = [float(text) for text in column(6) if text]
    assert losses[:9] == sorted(losses[:9])
    assert len(column(1)) == 12
    heading = page.locator('th[data-key="model.hidden"]')
    heading.locator("button").click()
    assert [int(t) for t in column(3)] == sorted(int(t) for t in column(3))
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.locator("button").press("Enter")
    assert [int(t) for t in column(3)] == sorted((int(t) for t in column(3)), reverse=True)
    page.locator("#filter").fill("hidden>=150 dropout=0.1")
    kept = list(zip(column(3), column(4), strict=True))
    assert kept
    assert all(int(hidden) >= 150 and dropout == "0.1" for hidden, dropout in kept)
    page.locator("#filter").fill("")
    page.get_by_role("button", name=re.compile("failed 1")).click()
    assert column(2) == ["✕ failed"]


def test_a_unit_colours_the_text(page: Page) -> None:
    def colours() -> list[str]:
        return page.evaluate(
            """[...document.querySelector(".abc").children].slice(0, 3)
            .map(e => e.style.backgroundColor)"""
        )

    assert colours() == ["", "", ""]
    select = page.locator("article select").first
    select.select_option(label="unit 7: header (AUC 0.97)")
    first = colours()
    assert first[1] == ""
    assert len(set(first)) == 3
    select.select_option(label="unit 3: bars (0.5 bits)")
    assert colours() != first
    select.select_option(index=0)
    assert colours() == ["", "", ""]


def test_a_unit_is_followed_while_a_tune_plays(page: Page) -> None:
    card = page.locator("article").first
    assert not card.locator(".scale").is_visible()
    card.locator("select").select_option(index=1)
    assert card.locator(".scale").is_visible()
    assert not card.locator(".mark").is_visible()
    page.evaluate("""() => {
      window.marks = new Set();
      const article = document.querySelector("article"), mark = article.querySelector(".mark");
      const look = () => {
        const now = article.querySelector(".abc .now");
        if (now) marks.add(`${now.dataset.i % 3} ${mark.style.left}`);
        requestAnimationFrame(look);
      };
      look();
    }""")
    page.locator("#tempo").fill("200")
    page.locator("#loop").check()
    card.locator(".play").click()
    until(page, "marks.size === 3")
    page.locator("#loop").uncheck()
    until(page, "!document.querySelector('article.playing')")
    assert set(page.evaluate("[...marks]")) == {"0 100%", "1 50%", "2 0%"}
    assert not card.locator(".mark").is_visible()


def test_charts_follow_the_table(page: Page) -> None:
    assert page.locator("#curves .chart svg").count() == 2
    lines = page.locator("#parameters .scroll .parallel path")
    assert lines.count() == 10
    cut = page.locator("#parameters .scroll .parallel path.cut")  # pruned: behind, and dashed
    assert cut.count() == 1
    assert "pruned after 4 epochs" in (cut.text_content() or "")
    assert lines.first.evaluate("line => getComputedStyle(line).strokeDasharray") == "5px, 4px"
    assert (
        page.locator("#parameters .slices svg").first.locator("circle.cut, path.cut").count() == 1
    )
    assert page.locator("#parameters .legend").first.text_content() == (
        " completed dashed: pruned or paused, with its validation loss so far"
    )
    page.locator("#filter").fill("sgd")
    lines = page.locator("#table tbody tr").count()
    assert page.locator("#curves .chart").first.locator(".lines > g").count() == lines
    page.locator("#table tbody tr").first.hover()
    assert page.locator("#curves g.hot").count() == 2


def test_files_can_be_taken_along(page: Page) -> None:
    with page.expect_download() as taken:
        page.get_by_role("button", name="MIDI").first.click()
    assert taken.value.suggested_filename == "The-Test.mid"
    assert Path(taken.value.path()).read_bytes().startswith(b"MThd")
    with page.expect_download() as taken:
        page.get_by_role("button", name="ABC").first.click()
    assert Path(taken.value.path()).read_text() == TUNE


@pytest.mark.parametrize("width", [360, 1000, 1920])
def test_nothing_is_wider_than_the_window(browser: Browser, report: Path, width: int) -> None:
    size = {"width": width, "height": 800}
    for page in opened(browser, report, viewport=size, color_scheme="dark"):
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_is_written_can_be_read(browser: Browser, report: Path, scheme: str) -> None:
    """Contrast of at least 4.5 to 1 (WCAG 1.4.3)."""
    for page in opened(browser, report, color_scheme=scheme):
        page.locator("article select").first.select_option(index=1)
        page.locator("#loop").check()
        page.locator("article .play").first.click()
        until(page, "document.querySelector('.abc .now')")
        assert page.evaluate(CONTRAST) == []


CONTRAST = """() => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const light = (colours) => {
    canvas.clearRect(0, 0, 1, 1);
    for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
    const [r, g, b] = [...canvas.getImageData(0, 0, 1, 1).data].map((c) =>
      c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const weak = [];
  for (const element of document.querySelectorAll("body *:not(script)")) {
    const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest(":disabled, title")) continue;
    const behind = [];
    for (let at = element; at; at = at.parentElement)
      behind.unshift(getComputedStyle(at).backgroundColor);
    const style = getComputedStyle(element);
    const ink = element.closest("svg") ? style.fill : style.color;
    const [a, b] = [light(behind), light([...behind, ink])];
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5) weak.push(`${element.textContent.slice(0, 20)}: ${contrast.toFixed(2)}`);
  }
  return weak;
}"""


def test_all_that_acts_has_a_name(page: Page) -> None:
    nameless = page.evaluate("""() => [...document.querySelectorAll(
        "button, input, select, a, summary, [tabindex], [role=img], progress")]
      .filter((e) => !(e.getAttribute("aria-label") || e.labels?.length || e.textContent.trim()))
      .map((e) => e.outerHTML)""")
    assert nameless == []
    used = "[...document.querySelectorAll('[id]')].map(e => e.id)"
    assert page.evaluate(f"new Set({used}).size === {used}.length")


def test_it_stands_still_where_motion_is_unwanted_and_can_be_printed(
    browser: Browser, report: Path
) -> None:
    scroll = "getComputedStyle(document.documentElement).scrollBehavior"
    for page in opened(browser, report, reduced_motion="reduce"):
        assert page.evaluate(scroll) == "auto"
        page.emulate_media(media="print")
        assert not page.locator(".transport, nav, .filters").first.is_visible()
        assert page.locator("#table td").first.is_visible()
        page.set_viewport_size({"width": 700, "height": 1000})  # A4 between its margins
        assert page.evaluate("document.querySelector('#table table').scrollWidth") <= 700
    for page in opened(browser, report):
        assert page.evaluate(scroll) == "smooth"


def test_a_page_of_several_sweeps_shows_all_rows_and_notices(
    browser: Browser, tmp_path: Path
) -> None:
    sweeps = [sweep_folder(tmp_path / name, 16, digest=name) for name in ("first", "second")]
    with (sweeps[0] / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        report = write(sweeps, tmp_path / "out")
    for page in opened(browser, report):
        notices = page.locator("body > header .notice").all_text_contents()
        assert any("first is still running" in text for text in notices)
        assert any("Losses here don't compare" in text for text in notices)
        names = page.locator("#table tbody tr td:nth-child(2)").all_text_contents()
        assert sorted(names) == ["first"] * 16 + ["second"] * 16
        assert page.locator("#about h3").all_text_contents() == ["first", "second"]
        assert page.locator("#parameters .bars").count() == 2
        assert page.locator("#parameters .slices svg").count() == len(KEYS)
        assert page.locator("#curves .chart").first.locator(".lines > g").count() == 32
        page.locator("#filter").fill("second")
        assert page.locator("#table tbody tr").count() == 16


def test_where_nothing_has_won_yet(browser: Browser, tmp_path: Path) -> None:
    folder = run_folder(tmp_path / "r")
    (folder / "result.json").unlink()
    for page in opened(browser, write([folder])):
        assert page.locator(".winner").inner_text().split("\n\n") == [
            "One run, 1 interrupted",
            "▶ Hear r: The Test",
        ]
        page.locator("#loop").check()
        page.locator(".winner .play").click()
        assert page.locator("article.playing").count() == 1


def test_a_large_sweep_says_what_it_leaves_out(browser: Browser, tmp_path: Path) -> None:
    for page in opened(browser, write([sweep_folder(tmp_path / "s", 130)])):
        rows = page.locator("#table tbody tr")
        assert rows.count() == 100
        assert "the first 100 are shown" in (page.locator("#table").text_content() or "")
        page.get_by_role("button", name="Show 30 more").click()
        assert rows.count() == 130
        left_out = page.locator("footer").text_content() or ""
        assert "curves of all but the best 60" in left_out
        assert "tunes of all but the best 10" in left_out


def test_hostile_tunes_and_parameters_run_nothing(browser: Browser, tmp_path: Path) -> None:
    name = tmp_path / "<b>'\"&amp;"
    folder = sweep_folder(name, tunes=HOSTILE, optimizer=MARKUP + LINK, error=SCRIPT)
    report = write([folder])
    assert report.stat().st_size < 2_000_000
    for page in opened(browser, report):
        for _ in range(2):  # what opens holds more
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            page.wait_for_timeout(200)
        page.locator("article .play:enabled").first.click()
        page.wait_for_timeout(300)
        assert page.title() == name.name
        assert page.locator("img, main script, main a[href^=javascript]").count() == 0
        assert page.locator("#table").get_by_text(MARKUP).count() > 0
    assert "default-src 'none'" in report.read_text()


def test_chords_sound_and_can_be_left_out(page: Page) -> None:
    """TUNE has chord symbols; their notes light nothing up."""
    notes = Playable("T1", TUNE, parse(TUNE)).notes()
    accompaniment = [note for note in notes if not note[3]]
    assert accompaniment
    page.locator("#tempo").fill("200")
    heard = {}
    for chords in (True, False):
        page.locator("#chords").set_checked(chords)
        before = page.evaluate("voices")
        page.locator("article .play").first.click()
        until(page, "document.querySelector('article.playing')")
        until(page, "!document.querySelector('article.playing')")
        heard[chords] = page.evaluate("voices") - before
    assert heard == {True: len(notes), False: len(notes) - len(accompaniment)}
