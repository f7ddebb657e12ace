"""Marks by class are means and shares with their intervals."""

import numpy as np
from scipy import stats

from latente.language.words import Words
from latente.report.figures import classes
from latente.report.figures.classes import class_means

EN, PT = Words("en"), Words("pt")


def test_class_errors_are_means_with_95_percent_intervals():
    rng = np.random.default_rng(3)
    y, values = np.repeat([0, 1, 3], [40, 1, 9]), np.float32(rng.normal(100, 10, 50))
    figure = classes.class_errors({"vae": values}, y, ["zero", "one", "two", "three"], EN)
    ax = figure.axes[0]
    bars = ax.containers[0]
    groups = [values[:40], values[40:41], values[41:]]
    assert np.allclose(bars.lines[0].get_xdata(), [g.astype(float).mean() for g in groups])
    for segment, g in zip(bars.lines[2][0].get_segments(), groups, strict=True):
        if len(g) == 1:
            assert len(segment) == 0
            continue
        g = g.astype(float)
        mean, half = g.mean(), stats.t.ppf(0.975, len(g) - 1) * g.std(ddof=1) / np.sqrt(len(g))
        assert np.allclose(segment[:, 0], [mean - half, mean + half])
    assert [t.get_text() for t in ax.get_yticklabels()] == ["zero", "one", "three"]
    weights = np.bincount(y)[[0, 1, 3]]
    assert np.isclose((class_means(values, y, [0, 1, 3])[0] * weights).sum() / 50, values.astype(float).mean())


def test_shares_are_marks_with_intervals_and_the_datas_are_lines():
    found = np.array([[0.5, 0.4, 0.55], [0.5, 0.45, 0.6]])
    ax = classes.class_shares({"vae": found}, np.array([0.3, 0.7]), ["a", "b"], EN).axes[0]
    bars = ax.containers[0]
    assert bars.lines[0].get_xdata().tolist() == [50, 50]
    ends = [segment[:, 0] for segment in bars.lines[2][0].get_segments()]
    assert np.allclose(ends, [[40, 55], [45, 60]])
    lines = [
        line.get_xdata() for line in ax.get_lines() if len(set(line.get_xdata())) == 1 and len(line.get_xdata()) == 2
    ]
    assert [30, 30] in [list(np.round(x, 9)) for x in lines] and [70, 70] in [list(np.round(x, 9)) for x in lines]
