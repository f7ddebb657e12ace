"""The page in use: two runs, saving, the keyboard, screen readers, phones, notebooks, other data."""

import csv
import sys
import time
from importlib.resources import files
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from seen import TABS, assert_decoded, change, code, settled, tab


def test_two_runs_show_the_same_example_and_the_same_walk(page, vae, wide, data):
    page.js("location.hash = '#tab=compare&example=6&ends=1,2,3&with=1'")
    page.until("document.querySelectorAll('#compared .strip').length === 2")
    assert page.js("document.querySelectorAll('.map').length") == 2
    for number, run in enumerate((vae, wide)):
        z = run.encode(data.validation.x[6:7])[0]
        assert_decoded(page, run, z, f"#compared canvas[data-run='{number}']")
        a, b = run.encode(data.validation.x[[1, 2]])
        found = np.array(
            page.js(
                f"[...document.querySelectorAll('#compared .strip')][{number}].children[4]"
                ".dataset.z.split(',').map(Number)"
            )
        )
        np.testing.assert_allclose(found, (a + b) / 2, atol=6e-3)
    change(page, "other", "", "change")
    page.until("document.querySelectorAll('.map').length === 1")


def test_what_is_seen_can_be_saved(page, browser, vae, wide, data, tmp_path):
    page.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.js("document.querySelector('#legend .chip').click()")
    for kind in ("csv", "svg", "png"):
        page.js(f"document.getElementById('save-{kind}').click()")
        until = time.monotonic() + 15
        while not (done := list(tmp_path.glob(f"*.{kind}"))) and time.monotonic() < until:
            time.sleep(0.05)
        assert done and done[0].name == f"latente-vae-wide-validation.{kind}"
    time.sleep(0.2)
    lines = (tmp_path / "latente-vae-wide-validation.csv").read_text(encoding="utf-8").splitlines()
    both = list(csv.DictReader(lines))
    shown = np.flatnonzero(data.validation.y != 0)
    # Of two runs one below the other.
    assert [r["run"] for r in both] == ["vae"] * len(shown) + ["wide"] * len(shown)
    z = np.array([[float(r[f"z{j}"]) for j in range(1, 5)] for r in both if r["run"] == "wide"])
    np.testing.assert_allclose(z, wide.encode(data.validation.x)[shown], atol=4e-3)
    rows = [r for r in both if r["run"] == "vae"]
    assert {r["z3"] for r in rows} == {""}
    assert [int(r["index"]) for r in rows] == shown.tolist()
    z = np.array([[float(r["z1"]), float(r["z2"])] for r in rows])
    np.testing.assert_allclose(z, vae.encode(data.validation.x)[shown], atol=4e-3)
    labels = {r["label"] for r in rows}
    # A spreadsheet must not take the third label for a formula.
    assert labels == {name if name[0] != "=" else "'" + name for name in data.classes[1:]}
    root = ElementTree.parse(tmp_path / "latente-vae-wide-validation.svg").getroot()
    paths = [p.get("d").count("M") for p in root.iter("{http://www.w3.org/2000/svg}path")]
    assert len(paths) == 4 and 0.9 * 2 * len(shown) < sum(paths) <= 2 * len(shown)
    # What the colours of both maps mean stands below them.
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts[-2:] == list(data.classes[1:]) and {"vae", "wide"} <= set(texts)
    with Image.open(tmp_path / "latente-vae-wide-validation.png") as image:
        assert image.width > 600 and len(np.unique(np.asarray(image.convert("L")))) > 20


def test_everything_can_be_reached_and_used_with_the_keyboard(page, vae):
    page.js("document.body.focus()")
    seen = []
    for _ in range(60):
        page.key("Tab")
        seen.append(
            page.js(
                "document.activeElement.id || document.activeElement.className || document.activeElement.textContent"
            )
        )
        if "tab-walk" in seen[-1]:
            break
    order = [seen.index(name) for name in ("skip", "link", "split", "map", "tab-walk")]
    assert order == sorted(order)
    before = code(page)
    page.js("document.querySelector('.map').focus()")
    page.key("ArrowRight")
    after = settled(page, before)
    assert after[0] > before[0] and after[1] == pytest.approx(before[1], abs=1e-5)
    assert_decoded(page, vae, after)
    page.until("document.getElementById('said').textContent.includes('nearest')")
    page.key("n", text="n")
    page.until("document.getElementById('about').textContent.includes('validation 0:')")
    page.js("document.getElementById('tab-walk').focus()")
    page.key("ArrowRight")
    assert page.js("document.activeElement.id") == "tab-between"


def test_axe_finds_nothing_serious(page):
    pytest.importorskip("axe_core_python", reason="axe-core-python is not installed")
    page.js(files("axe_core_python").joinpath("axe.min.js").read_text(encoding="utf-8") + ";0")
    page.js(f"document.querySelector('#themes [data-value={'light' if page.kind == 'server' else 'dark'}]').click()")
    for name in TABS:
        tab(page, name)
        time.sleep(0.4)
        found = page.js(
            "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations"
            ".filter(v => ['serious', 'critical'].includes(v.impact))"
            ".map(v => v.id + ': ' + v.nodes.map(n => n.html.slice(0, 120)).join(' | ')))"
        )
        assert found == [], name


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_phone_shows_it_all_and_a_finger_walks(browser, served, vae, theme):
    page = browser.page(390, 844, theme=theme, scale=2)
    page.open(served.url + "#lang=pt")
    page.until("!!document.getElementById('decoded').dataset.z")
    for name in TABS:
        tab(page, name)
        time.sleep(0.1)
        assert page.js("document.documentElement.scrollWidth") <= 390, name
    small = page.js(
        "[...document.querySelectorAll('button, select, input, summary')]"
        ".filter(e => e.offsetParent && !e.matches('.sr, .tile, .skip, [type=checkbox], [type=radio]'))"
        ".filter(e => e.getBoundingClientRect().height < 24).map(e => e.outerHTML.slice(0, 80))"
    )
    assert small == []
    page.js("scrollTo(0, 0)")
    left, top, width, height = page.box(".map")
    before = code(page)
    for far in (60, 90):
        for kind, dx in (("touchStart", 0), ("touchMove", 30), ("touchMove", far)):
            point = {"x": left + width / 2 + dx, "y": top + height / 2}
            page.send("Input.dispatchTouchEvent", type=kind, touchPoints=[point])
        page.send("Input.dispatchTouchEvent", type="touchEnd", touchPoints=[])
        last, before = before, settled(page, before)
    assert before[0] > last[0] and before[1] == pytest.approx(last[1], abs=1e-5)
    assert_decoded(page, vae, before)
    assert page.problems == []
    page.close()


@pytest.mark.slow
def test_a_notebooks_frame_shows_the_map(browser, vae, tmp_path, monkeypatch):
    from latente.explorer import launch

    monkeypatch.setitem(sys.modules, "anywidget", None)
    notebook = tmp_path / "notebook.html"
    notebook.write_text("<!doctype html>" + launch.explore(vae, lang="en")._repr_html_(), encoding="utf-8")
    page = browser.page(1280, 800, theme="light")
    page.open(notebook.as_uri(), ready=None)
    until, points = time.monotonic() + 20, 0
    while points < 250 and time.monotonic() < until:
        time.sleep(0.2)
        page.screenshot(tmp_path / "seen.png")
        with Image.open(tmp_path / "seen.png") as image:
            seen = np.asarray(image.convert("RGB"), int)
        # Blue, the first class's colour, also where the page shines through: more of it than the legend has.
        points = int((np.abs(seen - [0x38, 0x62, 0xEC]).sum(axis=2) < 60).sum())
    page.drain()
    assert points >= 250
    assert page.problems == []
    page.close()


@pytest.mark.slow
def test_a_table_of_one_latent_without_labels(browser, tmp_path):
    from latente import VAE
    from latente.data.source import make_source
    from latente.data.split import split_source
    from latente.evaluation.run import fit
    from latente.explorer import export_page

    rng = np.random.default_rng(0)
    x = (rng.normal(size=(200, 1)) * np.linspace(1, 2, 5) + 0.1 * rng.normal(size=(200, 5))).astype(np.float32)
    spec = VAE(latent_dim=1, hidden=(8,), likelihood="gaussian", activation="gelu")
    run = fit(spec, split_source(make_source("table", x)), epochs=5, batch_size=32)
    page = browser.page()
    page.open(export_page([run], tmp_path / "table.html", lang="en").as_uri())
    page.until("!!document.getElementById('decoded').dataset.z")
    for name in TABS:
        hidden = page.js(f"document.getElementById('tab-{name}').hidden")
        assert hidden == (name in ("draw", "compare")), name
        if not hidden:
            tab(page, name)
            time.sleep(0.2)
    assert page.js("document.getElementById('legend').hidden && document.getElementById('first-field').hidden")
    change(page, "latent-0", "1.5")
    page.until("document.getElementById('decoded').dataset.z === '1.5'")
    page.drain()
    assert page.problems == []
    page.close()


def test_points_of_a_saved_umap_are_where_it_says_and_the_pointer_jumps_to_one(
    browser, vae, data, tmp_path, monkeypatch
):
    pytest.importorskip("uvicorn")
    from latente.explorer import launch
    from latente.explorer.catalogue import RunCatalogue

    monkeypatch.setattr(RunCatalogue, "_shared", lambda self, spec: data)
    vae.save(tmp_path / "vae")
    np.save(tmp_path / "vae" / "umap-validation.npy", np.random.default_rng(0).normal(size=(len(data.validation), 2)))
    server = launch.serve(tmp_path / "vae", port=0, lang="en")
    page = browser.page()
    try:
        page.open(server.url + "#map=umap")
        page.until("!!document.getElementById('decoded').dataset.z")
        assert page.js("document.getElementById('projection').value") == "umap"
        left, top = page.box(".map")[:2]
        before = code(page)
        page.drag((left + 200, top + 200), (left + 240, top + 260), (left + 300, top + 300))
        found = settled(page, before)
        assert np.abs(vae.encode(data.validation.x) - found).sum(axis=1).min() < 1e-5
        assert_decoded(page, vae, found)
    finally:
        page.close()
        server.stop()
