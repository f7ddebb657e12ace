"""Histograms are shares of both sets, on an axis that both fit."""

import numpy as np
import pytest

from latente.language.words import Words
from latente.report.figures.histograms import BARS, Panel, bars, histograms, ticks

EN = Words("en")
RNG = np.random.default_rng(0)


def test_bars_are_shares_and_nothing_is_lost():
    low, high = np.arange(100.0), np.append(np.arange(50.0) - 50, 1e6)
    figure = histograms([Panel("title", "nats", low, high)], ("own", "other"), EN)
    drawn = figure.axes[0].patches
    assert [len(b.get_data().values) for b in drawn] == [BARS, BARS]
    # What lies far out is in the last bar, and nothing is lost.
    assert [b.get_data().values.sum() for b in drawn] == pytest.approx([100, 100])
    assert drawn[1].get_data().values[-1] == pytest.approx(100 / 51) and drawn[1].get_data().edges[-1] < 100
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["own", "other"]


def test_where_outliers_lie_far_beyond_the_axis_is_bent_and_its_numbers_are_round():
    edges, width = bars(RNG.normal(100, 5, 500), RNG.uniform(1000, 3000, 500))
    assert 105 < width < 112 and len(edges) == BARS + 1
    assert np.ptp(np.diff(np.arcsinh(edges / width))) < 1e-9 and (np.diff(edges) > 0).all()
    at = ticks(edges[0], edges[-1], width)
    assert set(at) <= {100, 200, 500, 1000, 2000} and len(at) >= 3
    edges, width = bars(RNG.normal(100, 5, 500), RNG.normal(110, 5, 500))
    assert width is None and np.ptp(np.diff(edges)) < 1e-9
