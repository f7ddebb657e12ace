"""Figures of a search show every trial where it stands, and those far off at the end of the axis."""

import numpy as np

from latente.language.words import Words
from latente.report.figures.search import Slice, slices, trials

DONE = [(0, 5.0), (2, 3.0), (3, 4.0), (5, 90.0)]


def test_trials_the_best_so_far_and_those_beyond_the_axis():
    figure = trials(DONE, [1, 4], {"a": 0.7, "b": 0.3}, Words("en"), ylabel="loss", lower=True)
    left, right = figure.axes
    lines = {line.get_label(): line for line in left.get_lines()}
    assert lines["complete"].get_xydata().tolist() == [[0, 5], [2, 3], [3, 4]]
    assert lines["best so far"].get_ydata().tolist() == [5, 3, 3, 3]
    assert lines["broken off"].get_xdata().tolist() == [1, 4]
    # Median 4.5, best 3: the axis ends four such distances on, at 10.5.
    beyond = next(line for line in left.get_lines() if line.get_marker() == "^")
    assert beyond.get_xydata().tolist() == [[5, 10.5]]
    assert [bar.get_width() for bar in right.patches] == [0.3, 0.7]


def test_where_more_is_better_the_best_is_the_highest():
    figure = trials([(0, 1.0), (1, 3.0), (2, 2.0)], [], {}, Words("en"), ylabel="accuracy", lower=False)
    lines = {line.get_label(): line for line in figure.axes[0].get_lines()}
    assert len(figure.axes) == 1 and lines["best so far"].get_ydata().tolist() == [1, 3, 3]


def test_a_panel_for_each_setting():
    found = [
        Slice("rate", [(0.1, 5.0), (0.01, 3.0), (0.001, 4.0)], None, True, 0.01, 0.001),
        Slice("activation", [(0.0, 5.0), (1.0, 3.0), (None, 2.0)], ["relu", "tanh"], False, 1.0, None),
    ]
    figure = slices(found, Words("pt"), ylabel="perda", lower=True, best=3.0)
    rate, activation = figure.axes
    assert rate.get_xscale() == "log" and activation.get_xlim() == (-0.5, 1.5)
    assert [t.get_text() for t in activation.get_xticklabels()] == ["relu", "tanh"]
    lines = {line.get_label(): line for line in rate.get_lines()}
    assert np.allclose(lines["uma tentativa"].get_xydata(), [[0.1, 5], [0.01, 3], [0.001, 4]])
    assert lines["a melhor"].get_xydata().tolist() == [[0.01, 3.0]]
    assert lines["padrão"].get_xdata() == [0.001, 0.001]
