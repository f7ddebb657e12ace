"""Colours, filters, the lasso and the box, labels of one's own, and the grid of all latents."""

import csv
import time

import numpy as np
import pytest
from seen import assert_decoded, change, code, tab

from latente.explorer import latents


def saved(page, folder, name, ending):
    page.js(f"document.getElementById('{name}').click()")
    until = time.monotonic() + 15
    while not (done := list(folder.glob(f"*{ending}"))) and time.monotonic() < until:
        time.sleep(0.05)
    return done[0]


def selected(page):
    page.until("!!document.getElementById('selected-about').dataset.count")
    time.sleep(0.2)
    return int(page.js("document.getElementById('selected-about').dataset.count"))


@pytest.mark.parametrize("kind", ["box", "lasso"])
def test_what_lies_within_a_box_or_a_lasso_is_selected(page, vae, data, tmp_path, kind):
    page.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.js("location.hash = '#at=0,0,60&tab=selection&example=0'")
    page.until("location.hash.includes('at=0%2C0%2C60') && location.hash.includes('tab=selection')")
    left, top, width, height = page.box(".map")
    middle = np.array([left + width / 2, top + height / 2])
    page.js(f"document.querySelectorAll('.zooms')[0].children[{5 if kind == 'box' else 4}].click()")
    corners = np.array([[-90, -70], [70, -70], [70, 80], [-90, 80]])
    path = corners if kind == "lasso" else corners[[0, 2]]
    page.drag(*(tuple(middle + p) for p in path))
    z = vae.encode(data.validation.x)
    at = np.column_stack([60 * z[:, 0], -60 * z[:, 1]])
    inside, sure = (((at > [-90 + m, -70 + m]) & (at < [70 - m, 80 - m])).all(axis=1) for m in (-1.5, 1.5))
    assert sure.sum() > 5 and (~inside).sum() > 5
    assert sure.sum() <= selected(page) <= inside.sum()
    rows = list(csv.DictReader(saved(page, tmp_path, "save-selection", "selection.csv").open(encoding="utf-8")))
    index = {int(r["index"]) for r in rows}
    assert set(np.flatnonzero(sure)) <= index <= set(np.flatnonzero(inside))
    scores = latents.scores(vae.model, data.values(data.validation.x))
    for row in rows:
        assert float(row["anomaly"]) == pytest.approx(float(scores[int(row["index"])]), rel=1e-4)
    if kind == "lasso":
        assert saved(page, tmp_path, "save-sheet", "sheet.png").stat().st_size > 500
    # With Shift more are added; Escape lets go.
    page.js("document.querySelector('.map').focus()")
    page.key("Escape")
    assert selected(page) == 0


def test_labels_of_ones_own_are_given_named_on_the_map_and_saved(page, data, tmp_path):
    page.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    tab(page, "selection")
    page.js(
        "document.querySelectorAll('#legend .class')[1].click(); document.querySelectorAll('#legend .class')[2].click()"
    )
    page.js("document.getElementById('select-shown').click()")
    first = np.flatnonzero(data.validation.y == 0)
    assert selected(page) == len(first)
    page.js(
        "document.getElementById('own-name').value = '=odd, \"one\"'; document.getElementById('give-label').click()"
    )
    page.until("document.getElementById('colour').value === 'own'")
    assert selected(page) == 0
    path = saved(page, tmp_path, "save-labels", "labels.csv")
    rows = list(csv.reader(path.open(encoding="utf-8")))
    assert rows[0] == ["split", "index", "label"]
    assert [int(r[1]) for r in rows[1:]] == first.tolist()
    assert {r[2] for r in rows[1:]} == {'\'=odd, "one"'}
    assert "Also filtered by label" in page.js("document.getElementById('filters').textContent")
    page.js("document.getElementById('filters').click()")
    assert page.js("document.getElementById('filters')") is None


def test_points_are_coloured_and_filtered_by_anomaly(page, vae, data, tmp_path):
    page.send("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    scores = latents.scores(vae.model, data.values(data.validation.x)).astype(float)
    low, high = np.quantile(scores, [0.3, 0.8])
    change(page, "colour", "anomaly", "change")
    change(page, "range-low", f"{low:.6f}", "change")
    change(page, "range-high", f"{high:.6f}", "change")
    page.until("location.hash.includes('filter=anomaly')")
    rows = list(csv.DictReader(saved(page, tmp_path, "save-csv", ".csv").open(encoding="utf-8")))
    kept = sorted(int(r["index"]) for r in rows if r["run"] == "vae")
    expected = np.flatnonzero((scores >= low) & (scores <= high))
    near = np.flatnonzero(np.minimum(abs(scores - low), abs(scores - high)) < 1e-3)
    assert set(kept) ^ set(expected.tolist()) <= set(near.tolist()) and 10 < len(kept) < len(scores)
    # The address brings colour and filter back.
    page.js("window.before = true; location.reload()")
    page.until("!window.before && document.documentElement.dataset.ready && !!document.getElementById('range-low')")
    assert page.js("document.getElementById('range-low').valueAsNumber") == pytest.approx(low, rel=1e-4)


def test_all_latents_of_the_chosen_example_at_once(page, wide, vae, data):
    page.js("location.hash = '#tab=walk&example=2'")
    page.until("document.getElementById('about').textContent.includes('validation 2')")
    page.until("document.querySelectorAll('#traversal button').length === 16")
    z = vae.encode(data.validation.x[2:3])[0]
    order = page.js("[...document.querySelectorAll('.slider [data-latent]')].map(e => +e.dataset.latent)")
    ends = page.js("[...document.querySelectorAll('.slider [data-latent]')].map(e => [+e.min, +e.max])")
    time.sleep(0.5)
    for row, k in ((0, 3), (1, 7)):
        found = code(page, f"#traversal button:nth-of-type({row * 8 + k + 1})")
        expected = z.copy()
        expected[order[row]] = ends[row][0] + k / 7 * (ends[row][1] - ends[row][0])
        np.testing.assert_allclose(found, expected, atol=5e-3)
        assert_decoded(page, vae, found, f"#traversal button:nth-of-type({row * 8 + k + 1}) canvas")
