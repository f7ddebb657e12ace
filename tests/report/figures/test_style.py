"""How every figure looks, whatever its labels and the user's settings."""

import io
import json
import subprocess
import sys
from importlib.resources import files
from xml.dom.minidom import parseString

import matplotlib
import numpy as np
import pytest
from figures import assert_fits, history, texts
from matplotlib.figure import Figure
from PIL import Image

from latente.evaluation.evaluate import Metric
from latente.language.words import Words
from latente.report.figures import classes, codes, curves, heatmaps, images, style
from latente.report.figures.images import ImageRows, image_grid

EN, PT = Words("en"), Words("pt")


MADE = (
    lambda: curves.curves([history()], EN),
    lambda: codes.codes(np.random.default_rng(0).normal(size=(90, 2)), np.arange(90) % 3, list("abc"), EN),
    lambda: images.samples({"": np.random.default_rng(0).uniform(size=(16, 9, 7, 3))}),
)


@pytest.mark.slow
@pytest.mark.parametrize("make", MADE)
@pytest.mark.parametrize("how", [style.svg, style.png])
def test_equal_figures_are_equal_bytes_whatever_the_users_settings(make, how):
    before = how(make())
    with matplotlib.rc_context({"font.size": 20, "svg.fonttype": "none", "axes.grid": False, "savefig.dpi": 30}):
        settings = dict(matplotlib.rcParams)
        assert how(make()) == before
        assert dict(matplotlib.rcParams) == settings


@pytest.mark.slow
def test_no_text_is_below_eight_points_and_nothing_is_cut_off():
    labels, z = np.arange(60) % 3, np.random.default_rng(0).normal(size=(60, 4))
    families = {"VAE": {2: [history()], 16: [history(seed=1)]}, "AE": {2: [history(kl=False)]}}
    for figure in (
        curves.curves([history()], PT),
        curves.sweep_curves(families, PT),
        curves.sweep_parts({"VAE: reconstrução": {2: Metric(3, 1), 9: Metric(4, 1)}}, PT),
        codes.codes(z, labels, ["first", "second", "third"], PT),
        classes.class_errors({"a": z[:, 0], "b": z[:, 1]}, labels, ["first", "second", "third"], PT),
        images.reconstructions(np.zeros((8, 9, 7)), {"a-long-name": np.zeros((8, 9, 7))}, PT, list("01234567")),
    ):
        assert_fits(figure)


def test_png_has_at_most_128_colours_and_keeps_black_and_white():
    z = np.random.default_rng(0).normal(size=(500, 2))
    content = style.png(codes.codes(z, np.arange(500) % 10, [str(i) for i in range(10)], EN))
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == "P" and len(image.convert("RGB").getcolors(1 << 20)) <= 128
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    kept = np.asarray(style.few_colours(greys).convert("RGB")).astype(int)
    assert kept[0, 0].tolist() == [0] * 3 and kept[0, 255].tolist() == [255] * 3
    assert np.abs(kept - greys).max() <= 1


def test_numbers_on_axes_have_the_languages_decimal_mark():
    h = history() | {"val_loss": np.float32([1.25, 1.5, 1.75, 1.5, 1.25, 1.5])}
    h["loss"] = h["val_loss"]
    assert any("," in t for t in texts(curves.curves([h], PT)) if t[:1].isdigit())
    assert not any("," in t for t in texts(curves.curves([h], EN)) if t[:1].isdigit())


HOSTILE = ["<script>alert(1)</script>", r"$\frac{1}{0$ & \$", 'a"b\n\x00\x0b]]>-->', "$" * 40]


def test_hostile_labels_are_plain_text():
    y = np.arange(40) % 4
    errors = {"<b>&": np.arange(40.0)}
    svg = style.svg(classes.class_errors(errors, y, HOSTILE, EN))
    assert b"<script" not in svg and b"alert" not in svg and b"<b>" not in svg
    parseString(svg)
    style.png(codes.codes(np.random.default_rng(0).normal(size=(40, 2)), y, HOSTILE, EN))
    style.png(images.reconstructions(np.zeros((4, 9, 7)), {"$x^{": np.zeros((4, 9, 7))}, EN, HOSTILE))
    assert style.plain("$5 to $9\n\x00x") == r"\$5 to \$9  x" and style.plain("a" * 30, 5) == "aaaa…"


@pytest.mark.slow
def test_pyplot_stays_out():
    assert isinstance(curves.curves([history()], EN), Figure)
    code = (
        "import latente.report.figures.curves, latente.report.figures.animation, sys\n"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_labels_of_lines_keep_their_order_and_distance():
    at = np.array([5.0, 1.0, 1.1, 1.2])
    placed = style.spread(at, 1.0, low=0.8)
    assert np.array_equal(np.argsort(placed), np.argsort(at))
    assert (np.diff(np.sort(placed)) >= 1 - 1e-6).all() and placed.min() >= 0.8 and placed[0] == 5.0
    assert np.array_equal(style.spread(np.array([1.0, 9.0]), 1.0), [1, 9])


def test_marks_are_moved_apart():
    points = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 0.5], [50.0, 50.0]])
    placed = style.apart(points, np.full(4, 10.0), 8.0)
    for i in range(4):
        for j in range(i):
            step = np.abs(placed[i] - placed[j])
            assert step[0] >= 10 - 1e-4 or step[1] >= 8 - 1e-4
    assert np.array_equal(placed[3], points[3])


RNG = np.random.default_rng(0)


@pytest.mark.slow
def test_figures_of_scores_have_no_text_below_eight_points_and_nothing_cut_off():
    samples = RNG.uniform(size=(12, 28, 28))
    shares = np.tile([0.1, 0.05, 0.15], (10, 1))
    digits = [str(i) for i in range(10)]
    for figure in (
        images.neighbours({"Samples": (samples, np.stack([samples] * 3, axis=1), np.ones(12))}, PT),
        images.worst(samples[:8], samples[:8], np.ones(8), PT, ["a long name"] * 8),
        image_grid(
            [
                ImageRows(
                    [f"Latente {i}: orientation 100%" for i in range(10)],
                    list(RNG.uniform(size=(10, 9, 28, 28))),
                    ["100%"] * 9,
                )
            ]
        ),
        heatmaps.confusion(RNG.integers(0, 9, (10, 10)), digits, PT),
        heatmaps.confusion(RNG.integers(0, 9, (40, 40)), [f"class number {i}" for i in range(40)], PT),
        heatmaps.information(RNG.uniform(size=(10, 5)), ["shape", "scale", "rotation", "x", "y"], PT),
        heatmaps.pixel_errors({"vae": samples[0], "a model of a long name": samples[1]}, PT),
        classes.class_shares({"vae": shares, "ae": shares}, np.full(10, 0.1), digits, PT),
    ):
        assert_fits(figure)


# Machado, Oliveira & Fernandes 2009, "A physiologically-based model for simulation of color vision deficiency", with
# severity 1: what is left of linear red, green and blue without one kind of cones.
VISION = {
    "full": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


def least_difference(colours, vision):
    """The least CIEDE2000 between two colours, as seen with this vision."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    rgb = np.array([matplotlib.colors.to_rgb(c) for c in colours])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4) @ np.asarray(VISION[vision]).T
    seen = np.clip(linear, 0, 1)
    seen = np.where(seen <= 0.0031308, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055)
    lab = rgb2lab(seen[None])[0]
    return min(float(deltaE_ciede2000(lab[i], lab[j])) for i in range(len(lab)) for j in range(i))


@pytest.mark.parametrize(("vision", "least"), [("full", 25), *((v, 16) for v in VISION if v != "full")])
def test_ten_classes_are_told_apart_with_any_colour_vision(vision, least):
    assert least_difference(style.CLASSES, vision) > least


def test_what_the_least_difference_is_checked_by():
    petroff = [
        *("#3f90da", "#ffa90e", "#bd1f01", "#94a4a2", "#832db6"),
        *("#a96b59", "#e76300", "#b9ac70", "#717581", "#92dadd"),
    ]
    found = {vision: least_difference(petroff, vision) for vision in VISION}
    assert found == pytest.approx({"full": 17.3, "protanopia": 11.9, "deuteranopia": 12.6, "tritanopia": 13.3}, abs=0.1)
    assert least_difference(["#000000", "#ffffff"], "full") == pytest.approx(100, abs=0.01)


def test_the_explorer_has_the_colours_of_the_figures():
    page = files("latente.explorer").joinpath("page", "points.js").read_text(encoding="utf-8")
    assert f"light: {json.dumps(style.CLASSES)}" in page
