"""Figures in the page: the same pictures as their files."""

import io
import re
from urllib.parse import unquote_to_bytes
from xml.dom.minidom import parseString

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from latente.report.embedded import GREYS, as_webp, smaller_svg, text_uri
from latente.report.figures import style


def test_a_webp_has_the_colours_of_the_png_and_its_greys_to_a_step():
    rng = np.random.default_rng(0)
    colours, grey = rng.integers(0, 256, (9, 8, 3)).astype(np.uint8), rng.integers(0, 256, (9, 8)).astype(np.uint8)
    for pixels, most in ((colours, 0), (grey, 255 / (GREYS - 1) / 2 + 0.5)):
        png = io.BytesIO()
        Image.fromarray(pixels).save(png, "PNG")
        shown = np.asarray(Image.open(io.BytesIO(as_webp(png.getvalue()))).convert("RGB")).astype(float)
        true = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
        assert np.abs(shown - true).max() <= most


def test_a_smaller_svg_keeps_what_it_refers_to_and_the_size_of_letters():
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot([0, 1 / 3, 1], [0, 2 / 3, 0.1], "o-", label="a line")
    axes.legend()
    svg = style.svg(figure)
    small = smaller_svg(svg)
    parseString(small)
    assert len(small) < 0.8 * len(svg)
    assert set(re.findall(rb'href="#([^"]+)', small)) <= set(re.findall(rb' id="([^"]+)', small))
    assert all(small.count(part) == svg.count(part) for part in (b"scale(0.015625)", b"<use", b"<path"))
    paths = [b" ".join(re.findall(rb' d="([^"]+)"', s)) for s in (svg, small)]
    numbers = [np.array(re.findall(rb"[-\d.]+", path), float) for path in paths]
    assert np.abs(numbers[0] - numbers[1]).max() <= 0.0051


def test_an_svg_as_text_can_stand_in_an_attribute_and_comes_back():
    svg = b'<svg a="1&amp;2" b="url(#c)"> 100% "</svg>'
    written = text_uri("image/svg+xml", svg)
    assert not set('<>"&#') & set(written) and written.startswith("data:image/svg+xml,")
    assert unquote_to_bytes(written.partition(",")[2]).replace(b"'", b'"') == svg
    # What has both kinds of quotes is not turned about.
    assert text_uri("image/svg+xml", b'<svg a="it\'s"/>').startswith("data:image/svg+xml;base64,")
