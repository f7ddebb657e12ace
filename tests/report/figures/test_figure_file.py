"""A figure as a file, and what captions are made of."""

import io

import numpy as np
import pytest
from made import untrained
from matplotlib.figure import Figure
from PIL import Image

import latente
from latente.analysis.trained_models import trained_models
from latente.data.source import make_source
from latente.data.split import split_source
from latente.language.words import Words
from latente.report.figures.figure_file import FigureContext, as_png, as_svg

EN, PT = Words("en"), Words("pt")


def test_a_file_has_its_kind_its_bytes_and_its_size_in_css_pixels():
    figure = Figure(figsize=(2.5, 1.25))
    lines = as_svg("lines", figure, "What it shows.", "What is seen.", group="sizes", finding="It falls.")
    assert (lines.file, lines.mime, lines.size) == ("lines.svg", "image/svg+xml", (240, 120))
    assert (lines.caption, lines.alt, lines.group, lines.wide) == ("What it shows.", "What is seen.", "sizes", False)
    assert (lines.finding, lines.is_chart) == ("It falls.", True)
    assert lines.content.startswith(b"<?xml") and b'width="180pt" height="90pt"' in lines.content
    points = as_png("points", figure, "", "", group="latent", wide=True)
    assert (points.file, points.mime, points.size) == ("points.png", "image/png", (240, 120))
    assert (points.group, points.wide, points.still, points.is_chart) == ("latent", True, None, False)
    with Image.open(io.BytesIO(points.content)) as image:
        # 200 dots an inch.
        assert image.size == (500, 250) and image.info["dpi"] == pytest.approx((200, 200), abs=0.02)
    assert as_svg("lines", figure, "", "", group="sizes").content == lines.content


def test_captions_name_the_unit_the_seed_and_numbers_in_the_language(tiny):
    one = trained_models([untrained(tiny, latente.VAE(2, hidden=(4,)), "vae", 7)])
    two = trained_models([untrained(tiny, latente.VAE(2, hidden=(4,)), "vae", seed) for seed in (7, 8)])
    english, portuguese = FigureContext(two, tiny, EN), FigureContext(two, tiny, PT)
    assert (english.unit, english.span) == ("image", (0.0, 1.0))
    assert [english.seed(*m) for m in (one, two)] == ["", " Seed\N{NO-BREAK SPACE}7."]
    assert portuguese.seed(*two) == " Semente\N{NO-BREAK SPACE}7."
    assert english.number(-1234.5) == "−1234.50" and portuguese.number(0.125, ".3f") == "0,125"
    assert portuguese.number(np.float32(0.5), "+.1f") == "+0,5"


def test_a_table_is_counted_in_examples():
    table = split_source(make_source("table", np.random.default_rng(0).normal(size=(100, 3))), scale="minmax")
    context = FigureContext(trained_models([untrained(table, latente.VAE(2, hidden=(4,)), "vae")]), table, EN)
    assert context.unit == "example"
