"""What figures of anomalies show is what they are given: the longest bars on top, each pixel in its place."""

import numpy as np
import pytest

from latente.language.words import Words
from latente.report.figures.anomalies import BARS, excess_bars, excess_maps
from latente.report.figures.style import BLUE, ORANGE

EN, PT = Words("en"), Words("pt")


def test_bars_are_the_columns_that_say_most():
    excess = np.zeros((3, 10))
    excess[0, [2, 5, 7]] = 8, -3, 1
    figure = excess_bars(excess, [f"column {i}" for i in range(10)], ["Row 1", "Row 2", "$x$"], EN)
    panels = [ax for ax in figure.axes if ax.axison]
    assert len(panels) == 3 and panels[0].get_title("left") == "Row 1" and panels[2].get_title("left") == r"\$x\$"
    names = [label.get_text() for label in panels[0].get_yticklabels()]
    widths = [bar.get_width() for bar in panels[0].patches]
    assert len(names) == BARS and (names[0], names[1], names[-1]) == ("column 2", "column 7", "column 5")
    assert widths == pytest.approx([8, 1, 0, 0, 0, 0, 0, -3])
    colours = [tuple(bar.get_facecolor()) for bar in panels[0].patches]
    assert colours[0] == colours[1] != colours[-1] and len({ORANGE, BLUE}) == 2
    # All panels have one scale.
    assert panels[0].get_xlim() == panels[1].get_xlim() and panels[0].get_xlabel() == "Nats above the usual"


def test_one_value_far_out_leaves_room_for_others():
    excess = np.array([[5000.0, 3, -2]])
    ax = excess_bars(excess, ["a", "b", "c"], ["Linha 1"], PT).axes[0]
    assert ax.get_xscale() == "symlog" and ax.get_xlabel() == "Nats acima do usual"


@pytest.mark.parametrize("colours", [(), (3,)])
def test_maps_are_of_one_scale_and_below_their_images(colours):
    rng = np.random.default_rng(0)
    images, excess = rng.random((7, 5, 4, *colours)), rng.normal(size=(7, 5, 4, *colours))
    figure = excess_maps(images, excess, [f"{i}" for i in range(7)], (0, 1), EN)
    drawn = [ax.images[0] for ax in figure.axes if ax.images]
    maps = [image for image in drawn if image.get_cmap().name == "PuOr_r"]
    assert len(drawn) == 14 and len(maps) == 7
    summed = excess.reshape(7, 5, 4, -1).sum(axis=3)
    for image, expected in zip(maps, summed, strict=True):
        assert np.asarray(image.get_array()) == pytest.approx(expected)
        low, high = image.get_clim()
        assert low == -high == -np.quantile(np.abs(summed), 0.999)
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles == [f"{i}" for i in range(7)]
