"""Shades are the numbers given."""

import numpy as np
import pytest

from latente.language.words import Words
from latente.report.figures import heatmaps

EN, PT = Words("en"), Words("pt")


RNG = np.random.default_rng(0)


def test_maps_hold_the_shares_and_the_roots():
    counts = np.array([[8, 2], [1, 3]])
    figure = heatmaps.confusion(counts, ["a", "b"], EN)
    assert np.asarray(figure.axes[0].collections[0].get_array()).ravel().tolist() == [80, 20, 25, 75]
    assert {t.get_text() for t in figure.axes[0].texts} == {"80", "20", "25", "75"}
    few = heatmaps.information(np.array([[0.9, 0.001], [0.2, 0.4]]), ["shape", "x"], EN)
    assert {t.get_text() for t in few.axes[0].texts} == {"90", "20", "40"}  # next to nothing is not written
    colours = RNG.uniform(size=(5, 4, 3))
    figure = heatmaps.pixel_errors({"one": RNG.uniform(size=(5, 4)), "two": colours}, EN)
    drawn = [np.asarray(ax.get_images()[0].get_array()) for ax in figure.axes if ax.get_images()]
    assert drawn[1] == pytest.approx(np.sqrt(colours.mean(axis=2)))
    tops = {ax.get_images()[0].get_clim() for ax in figure.axes if ax.get_images()}
    assert len(tops) == 1  # one scale for all models
