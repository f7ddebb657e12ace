"""The page as one file."""

import base64
import re

import numpy as np
import pytest
from packed import unpack

from latente.errors import SpecError, StoreError
from latente.explorer import export_page, open_explorer
from latente.explorer.build_page import build


@pytest.mark.slow
def test_the_file_holds_codes_in_half_precision_and_asks_nobody(written, vae, data):
    text = written.read_text(encoding="utf-8")
    blob = re.search(r'id="blob-run-0">([^<]*)<', text)[1]
    meta, arrays = unpack(base64.b64decode(blob))
    mean = vae.encode(data.validation.x)
    np.testing.assert_array_equal(arrays["codes"], mean.astype(np.float16))
    assert meta["encoder"]["inputs"] == 56 and arrays["held"].tolist() == list(range(len(data.validation)))
    assert "connect-src &#x27;none&#x27;" in text or "connect-src 'none'" in text
    outside = set(re.findall(r"https?://[^\s\"'`<)]*", text)) - {"http://www.w3.org/2000/svg"}
    assert outside == set()
    assert "<img" not in text and "alert(2)</script>" not in text


def test_the_file_of_the_notebooks_model_on_full_mnist_fits(data):
    """The parts that count: 70,000 codes, spreads and labels, 2 × 235k weights, and the examples it may hold."""
    from latente.explorer.export import HELD_BYTES

    weights = sum(i * o + o for i, o in ((784, 256), (256, 128), (128, 4), (2, 128), (128, 256), (256, 784)))
    packed = 2 * weights + 70_000 * (2 * 2 + 2 + 1) + HELD_BYTES
    page = len(build({"backend": "file", "lang": "en"}, {}).html)
    assert packed * 4 / 3 + page + 20_000 < 2.5e6


@pytest.mark.slow
def test_explore_writes_a_file_and_refuses_what_it_cannot(vae, wide, ae, tmp_path):
    said = []
    path = open_explorer(ae, export=tmp_path / "ae.html", lang="pt", split="test", say=said.append)
    assert path.is_file() and 'lang="pt"' in path.read_text(encoding="utf-8") and "ae.html written" in said[0]
    with pytest.raises(SpecError, match="got 3 runs"):
        export_page([vae, wide, ae], tmp_path / "x.html")
    with pytest.raises(SpecError, match="is a folder"):
        export_page([vae], tmp_path)
    with pytest.raises(SpecError, match="language"):
        open_explorer(vae, export=tmp_path / "y.html", lang="de")
    with pytest.raises(SpecError, match="split"):
        open_explorer(vae, export=tmp_path / "y.html", split="tests")


def test_an_export_leaves_another_file_alone(tmp_path):
    from latente.explorer.launch import export_page

    mine = tmp_path / "thesis.html"
    mine.write_text("<p>years of work</p>")
    with pytest.raises(StoreError, match="exists and is no page of latente, so it is left alone"):
        export_page(tmp_path, mine)
    assert mine.read_text() == "<p>years of work</p>"
