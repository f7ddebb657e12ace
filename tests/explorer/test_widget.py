"""The page linked with a notebook: what is selected in its frame, and nothing else, reaches Python."""

import json
import sys
from importlib.resources import files

import numpy as np
import pytest

from latente.errors import SpecError
from latente.explorer import explore, launch
from latente.explorer.launch import export_text


def test_without_the_extra_the_page_is_shown_and_the_selection_says_what_to_install(vae, monkeypatch):
    monkeypatch.setitem(sys.modules, "anywidget", None)
    page = explore(vae)
    assert isinstance(page, launch.Inline) and "<iframe" in page._repr_html_()
    with pytest.raises(SpecError, match=r"selection needs anywidget.*pip install 'latente\[widget\]'"):
        _ = page.selection


def test_the_widget_has_the_selection_as_an_array(vae):
    pytest.importorskip("anywidget", reason="anywidget is an optional extra")
    widget = explore(vae, lang="en")
    assert widget.selection.dtype == np.int64 and widget.selection.tolist() == [] and widget.split == ""
    # As the page's side sets it.
    widget.set_state({"_index": [3, 5, 8], "split": "validation"})
    assert widget.selection.tolist() == [3, 5, 8] and widget.split == "validation"
    assert '"link": true' in widget._page and 'sandbox="allow-scripts allow-downloads"' in str(
        widget._repr_mimebundle_()
    )


@pytest.mark.slow
def test_the_frame_tells_its_numbers_and_others_are_not_heard(browser, vae, data, tmp_path):
    """`widget.js` with a model that only keeps what it is given, around the real page."""
    page_text = export_text([vae], lang="en", link=True)
    script = files("latente.explorer").joinpath("widget.js").read_text(encoding="utf-8")
    module = script.replace("export default", "window.made =")
    (tmp_path / "notebook.html").write_text(
        '<!doctype html><meta charset="utf-8"><body style="margin:0"><div id="cell"></div><script>'
        f"const page = {json.dumps(page_text).replace('<', chr(92) + 'u003c')};"
        "window.kept = {_page: page, _url: '', _height: 760, _index: [], split: ''}; window.saves = 0;"
        "const model = {get: (k) => kept[k], set: (k, v) => { kept[k] = v; }, save_changes: () => { saves++; }};"
        f"{module}; made.render({{model, el: document.getElementById('cell')}});</script>",
        encoding="utf-8",
    )
    page = browser.page(1000, 800)
    page.open((tmp_path / "notebook.html").as_uri(), ready=None)
    # Its first word: nothing is selected yet, of which part.
    page.until("kept.split === 'validation'")
    saves = page.js("saves")
    page.js("window.postMessage({latente: 'selection', split: 'test', index: [1]}, '*')")
    # The frame has no origin to reach into: where its buttons are, the same page outside of it says.
    outside = browser.page(1000, 760)
    (tmp_path / "page.html").write_text(page_text, encoding="utf-8")
    outside.open((tmp_path / "page.html").as_uri())
    left, top, width, height = outside.box(".zooms button:nth-child(6)")
    x, y, wide, high = outside.box(".map")
    outside.close()
    page.drag((left + width / 2, top + height / 2))
    page.drag((x + 3, y + 3), (x + wide / 2, y + high / 2), (x + wide - 60, y + high - 3))
    page.until("kept._index.length > 0")
    found = page.js("kept._index")
    assert found == sorted(set(found)) and 0.8 * len(data.validation) < len(found) <= len(data.validation)
    assert page.js("kept.split") == "validation"
    assert page.js("saves") > saves
    page.close()
