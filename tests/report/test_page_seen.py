"""The page of a report in a real browser: what is seen first, what is cut, what axe says, and the numbers read back."""

import base64
import csv
import io
import re
from importlib.resources import files

import pytest
from browser import Browser, executable
from madereport import NOTEBOOK, runs_of

from latente.language.words import LANGUAGES, Words
from latente.report.conclusions import WordedClaim, WordedFinding
from latente.report.page import write_figures, write_report
from latente.report.tables.results import results_csv
from latente.spec import StudySpec

pytestmark = pytest.mark.slow

CONCLUSIONS = [
    WordedFinding(f"c{i}", f"Title {i}", "What was said. " * 5, verdict, (WordedClaim("So it is.", verdict, ("1",)),))
    for i, verdict in enumerate(("holds", "fails", "unknown"))
]


@pytest.fixture(scope="module")
def reports(tiny, tmp_path_factory):
    """A report in each language, and the table of its study's numbers."""
    runs, found = runs_of(tiny, NOTEBOOK), {}
    study = StudySpec("A study", tiny.spec, (0,), tuple(r.spec for r in runs))
    for language in LANGUAGES:
        folder, words = tmp_path_factory.mktemp(language), Words(language)
        drawn = write_figures(folder, runs, tiny, words)
        found[language] = write_report(folder, study, runs, tiny, CONCLUSIONS, words, "latente run", {}, drawn=drawn)
    return found, list(csv.DictReader(io.StringIO(results_csv(runs))))


@pytest.fixture(scope="module")
def browser():
    if executable() is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    pytest.importorskip("websocket", reason="websocket-client is not installed")
    running = Browser()
    yield running
    running.close()


@pytest.fixture
def opened(browser, reports):
    """Opens a report, and says afterwards that nothing went wrong and nobody was asked for anything."""
    tabs = []

    def see(language="en", width=1280, height=900, **media):
        tab = browser.page(width, height, **media)
        tabs.append(tab)
        tab.open(reports[0][language].as_uri(), "document.readyState === 'complete' && document.images.length > 0")
        return tab

    yield see
    for tab in tabs:
        tab.drain()
        assert tab.problems == [] and all(r.startswith(("file:", "data:")) for r in tab.requests)
        tab.close()


def test_the_first_screen_has_the_answers_and_the_pictures(opened):
    page = opened()
    ends = page.js(
        "[...document.querySelectorAll('.answers li, .heroes img')].map(e => e.getBoundingClientRect().bottom)"
    )
    assert len(ends) == 8 and max(ends) <= 900
    assert page.js("document.querySelectorAll('.answers .badge').length") == 5


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_cut_on_a_phone(opened, language):
    page = opened(language, 390, 844)
    page.js("document.querySelectorAll('details').forEach(d => d.open = true)")
    assert page.js("document.documentElement.scrollWidth") <= 390
    cut = page.js(
        "[...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll, .card, pre, .unseen, math'))"
        ".filter(e => { const r = e.getBoundingClientRect(); return r.width && (r.right > 390.5 || r.left < -0.5); })"
        ".map(e => e.tagName + ' ' + e.className)"
    )
    assert cut == []
    # Text is never below eleven pixels.
    sizes = page.js(
        "[...document.querySelectorAll('p, li, td, th, dd, figcaption')]"
        ".map(e => parseFloat(getComputedStyle(e).fontSize))"
    )
    assert min(sizes) >= 11


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_serious(opened, language, theme):
    pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    page = opened(language, theme=theme)
    page.js("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.js(files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + "; 0")
    found = page.js(
        "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations"
        ".filter(v => ['serious', 'critical'].includes(v.impact))"
        ".map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120)).join(' | ')))"
    )
    assert found == []


def test_charts_are_dark_in_a_dark_page_and_images_are_not_turned(opened):
    page = opened(theme="dark")
    turned = "getComputedStyle(document.querySelector('.card .{}')).filter"
    assert "invert" in page.js(turned.format("chart")) and "invert" not in page.js(turned.format("paper"))
    assert page.js("getComputedStyle(document.body).backgroundColor") == "rgb(22, 24, 27)"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_numbers_of_the_page_are_those_of_results_csv(opened, reports, language):
    page, kept, words = opened(language), reports[1], Words(language)
    rows = page.js(
        "[...document.querySelector('#numbers').parentElement.querySelector('table').querySelectorAll('tbody tr')]"
        ".map(r => [...r.cells].map(c => c.innerText ? c.innerText : c.textContent))"
    )
    parts = {words(f"report.part.{p}"): p for p in ("train", "validation", "test")}
    metrics = ("loss", "reconstruction", "kl", "bce_per_pixel", "mse", "bits_per_dim")
    true = {(r["run"], r["split"], r["metric"]): (float(r["value"]), float(r["standard_error"])) for r in kept}
    read = 0
    for name, _, part, *cells in rows:
        for metric, cell in zip(metrics, cells, strict=True):
            if cell.strip() != "–":
                places = 2 if metric in metrics[:3] else 4
                shown = [words.number(n, f".{places}f") for n in true[name, parts[part], metric]]
                assert re.split(r"\s*±\s*", cell.strip()) == shown
                read += 1
    assert read == sum(1 for name, _, metric in true if metric != "kl" or not name.startswith("ae"))
    # As plain numbers, in full, in the file to download.
    content = page.js("document.querySelector('a[download=\"everything.csv\"]').href").partition(";base64,")[2]
    table = list(csv.reader(io.StringIO(base64.b64decode(content).decode())))[1:]
    for name, _, part, *values in table:
        for metric, value, error in zip(metrics, values[::2], values[1::2], strict=True):
            assert not value or (float(value), float(error)) == true[name, parts[part], metric]
