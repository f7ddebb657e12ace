"""The elbow is drawn with what is said of it."""

from functools import partial

import pytest
from maderuns import made_run

import latente
from latente.analysis.trained_models import trained_models
from latente.language.words import Words
from latente.report import study_figures
from latente.report.figures.figure_file import FigureContext
from latente.report.tables.comparison import caption_and_alt

EN = Words("en")
SMALL = {"hidden": (4,)}
CURVE = {2: 157.0, 4: 135.0, 8: 118.8, 16: 113.2, 32: 113.0}


def test_the_elbow_is_drawn_with_what_it_says(tiny):
    make = partial(made_run, tiny, split="validation")
    runs = [make(f"vae-{d}", 0, latente.VAE(d, **SMALL), loss=m) for d, m in CURVE.items()]
    found = latente.elbow(runs, "loss")
    figure = found.plot(lang="pt")
    left, right = figure.axes
    drawn = left.containers[0].lines[0].get_ydata()
    assert drawn == pytest.approx([s.mean.value for s in found.sizes])
    behind = right.containers[0].lines[0].get_ydata()
    assert behind == pytest.approx([s.behind.value for s in found.sizes]) and behind[-1] == 0
    texts = [t.get_text() for t in right.texts]
    assert [t[:5] for t in texts if t.startswith("↑")] == ["↑ 44,", "↑ 22,"]
    assert left.get_ylabel().startswith("Perda, validação,") and right.get_ylim()[1] < 10
    ring = [line for line in right.lines if line.get_markersize() == 11]
    assert ring[0].get_xdata()[0] == found.chosen == 16
    caption, alt = caption_and_alt(found, EN)
    assert "the ring the size chosen" in caption and "16 latents are enough" in alt and "113.22" in alt
    (picture,) = study_figures.elbows(FigureContext(trained_models(runs), tiny, EN))
    assert picture.caption == caption
    assert picture.file == "elbow-vae-2.svg" and picture.group == "sizes" and b"<svg" in picture.content
