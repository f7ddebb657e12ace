"""Paired differences are drawn as the comparison has them."""

from functools import partial

import numpy as np
import pytest
from maderuns import made_run
from matplotlib.colors import same_color

import latente
from latente.report.figures.style import BLUE


@pytest.fixture(scope="module")
def found(tiny):
    make = partial(made_run, tiny, split="validation")
    runs = [make(f"m{i}", 0, latente.VAE(2 + i, hidden=(4,)), loss=loss) for i, loss in enumerate((90.0, 90.01, 120.0))]
    return latente.compare(runs, ["loss"], split="validation")


def test_every_difference_is_a_line_with_its_interval(found):
    (ax,) = found.plot(lang="en").axes
    gaps = found.boards[0].gaps
    marks = [line for line in ax.lines if line.get_marker() == "o"]
    assert [float(line.get_xdata()[0]) for line in marks] == pytest.approx([g.difference.estimate.value for g in gaps])
    spans = [line.get_xdata() for line in ax.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"][1:]
    assert np.allclose(spans, [(g.difference.estimate.low, g.difference.estimate.high) for g in gaps])
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert names == [f"{g.second} − {g.first}" for g in gaps]
    filled = [same_color(line.get_markerfacecolor(), BLUE) for line in marks]
    assert filled == [g.better is not None for g in gaps] and True in filled and False in filled
    assert "loss: second − first" in ax.get_xlabel() and "segundo" in found.plot(lang="pt").axes[0].get_xlabel()


def test_a_notebook_draws_comparisons_by_itself(found):
    assert found._repr_png_().startswith(b"\x89PNG")
