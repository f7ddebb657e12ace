"""Measures of images, codes and loss curves against arrays with known answers."""

import math

import numpy as np
import pytest
from scipy.stats import energy_distance

from latente.analysis.conclusions import measures
from latente.analysis.conclusions.evidence import NOTEBOOK_BITS
from latente.data.datasets import DATA_SETS
from latente.evaluation.metrics.influence import combine

RNG = np.random.default_rng(0)


def stripes(n=4, side=16):
    x = np.zeros((n, side, side))
    x[:, :, ::4] = 1
    return x


def test_blur_lowers_edge_strength_and_nothing_else_keeps_it():
    x = stripes()
    blurred = (x + np.roll(x, 1, axis=2) + np.roll(x, -1, axis=2)) / 3
    assert measures.sharpness(x, x).value == 1
    assert 0.2 < measures.sharpness(blurred, x).value < 0.6
    assert measures.sharpness(x / 2, x).value == pytest.approx(0.5)
    assert measures.gradient_energy(np.stack([x[0]] * 3, axis=-1)[None])[0] == pytest.approx(
        3 * measures.gradient_energy(x[:1])[0]
    )


def test_bits_of_the_differences_between_neighbours():
    noise = RNG.integers(0, 2, size=(200, 8, 8)) / 255
    ramp = np.broadcast_to(np.arange(8) / 255, (3, 8, 8))
    assert measures.difference_bits(np.zeros((3, 8, 8))) == 0
    # The first column has the value itself: one zero in eight, seven ones.
    assert measures.difference_bits(ramp) == pytest.approx(64 * -(1 / 8 * np.log2(1 / 8) + 7 / 8 * np.log2(7 / 8)))
    # Differences of two fair bits are −1, 0, 1 with ¼, ½, ¼, and in the first column, one in eight, 0 and 1 with ½.
    share = np.array([7 / 32, 1 / 2, 9 / 32])
    assert measures.difference_bits(noise) == pytest.approx(64 * -(share * np.log2(share)).sum(), rel=0.01)
    assert measures.difference_bits(np.stack([ramp] * 3, axis=-1)) == pytest.approx(3 * measures.difference_bits(ramp))


def test_the_notebooks_bits_are_those_of_its_digits():
    digits = DATA_SETS.make("mnist-5k").x / np.float32(255)
    assert round(measures.difference_bits(digits)) == NOTEBOOK_BITS


def test_explained_variance():
    x = RNG.normal(size=(50, 4, 4))
    assert measures.explained_variance(x, x).value == 1
    assert measures.explained_variance(np.broadcast_to(x.mean(axis=0), x.shape), x).value == pytest.approx(0)


def test_blocks_average_and_cut():
    x = np.arange(25.0).reshape(1, 5, 5)
    assert measures.blocks(x, 2).tolist() == [[[3, 5], [13, 15]]]
    assert measures.blocks(np.stack([x, x], axis=-1), 2).shape == (1, 2, 2, 2)


def test_energy_distance_is_scipys_and_zero_between_equals():
    a, b = RNG.normal(size=300), RNG.normal(1, 2, size=200)
    real = b[:, None]
    found = measures.energy(a[:, None], real, measures.mean_pair_distance(real).value).value
    # scipy has the root of the biased estimate, which counts the zero distances to oneself.
    within = 2 * np.abs(a[:, None] - b).mean() - np.abs(a[:, None] - a).mean() - np.abs(b[:, None] - b).mean()
    assert energy_distance(a, b) ** 2 == pytest.approx(within)
    assert found == pytest.approx(within, abs=0.02)
    other = RNG.normal(size=(400, 3))
    assert abs(measures.energy(RNG.normal(size=(400, 3)), other, measures.mean_pair_distance(other).value).value) < 0.02


def test_neighbours_of_separated_clusters():
    labels = np.repeat([0, 1, 2], 30)
    train = 10.0 * labels[:, None] + RNG.normal(size=(90, 2))
    near = measures.neighbours(10.0 * labels[:, None] + RNG.normal(size=(90, 2)), train, labels, 3)
    assert near.right(labels).mean() == 1 and near.ambiguous.sum() == 0 and not near.copied.all()
    between = measures.neighbours(np.array([[5.0, 0.0], [15.0, 10.0]]), train, labels, 3)
    assert set(between.label) <= {0, 1, 2} and between.agreement.max() <= 1
    copies = measures.neighbours(train + 1e-6, train, labels, 3)
    assert copies.copied.mean() > 0.95
    assert measures.neighbours(train[:2], train, None, 0).agreement is None


def test_seven_of_ten_is_not_ambiguous_and_six_is():
    train = np.zeros((10, 1))
    for alike, doubt in ((7, 0), (6, 1)):
        near = measures.neighbours(np.ones((1, 1)), train, np.array([0] * alike + [1] * (10 - alike)), 2)
        assert near.agreement[0] == pytest.approx(alike / 10) and near.ambiguous[0] == doubt


def test_effective_classes():
    assert measures.effective_classes(np.arange(40) % 4, 4).value == pytest.approx(4)
    assert measures.effective_classes(np.zeros(40, int), 4).value == 1


def test_loss_curves():
    curve = [100.0, 40.0, 20.0, 10.0, 0.0]
    assert measures.epochs_to(curve) == 4 and measures.epochs_to(curve, 0.3) == 1.5
    assert measures.epochs_below(curve, 30) == 2.5 and measures.epochs_below(curve, 100) == 1
    assert math.isnan(measures.epochs_below(curve, -1))
    assert measures.rises(curve) == 0 and measures.rises([10.0, 4.0, 5.0, 0.0]) == pytest.approx(10)
    for short in ([2.0, 1.0], [1.0, 1.0, 1.0], [1.0, 2.0, 3.0]):
        assert math.isnan(measures.epochs_to(short)) and math.isnan(measures.rises(short))


def test_the_course_of_a_loss_curve():
    rng = np.random.default_rng(0)
    falling = measures.course(100 / np.arange(1, 41))
    assert falling.rise.value == 0 and falling.best == pytest.approx(38) and falling.fall.value > 0.5
    noise = 0.1 * rng.normal(size=40)
    flat = measures.course(10 + noise)
    assert combine([flat.rise]).low < 0 and flat.rise.variance > 0
    turned = measures.course(10 + np.abs(np.arange(40) - 20) / 10 + noise)
    rise = combine([turned.rise])
    assert rise.low > 1 and turned.best == pytest.approx(21, abs=2) and turned.fall.value < 0
    assert measures.course(10 + np.abs(np.arange(40) - 20) / 10 + noise, kept=True).rise.value == 0
    assert measures.course(np.arange(7.0)) is None


def test_noise_between_epochs_makes_no_rise():
    """On a flat curve the lowest point is chosen from the noise, and the interval must allow for it."""
    rng = np.random.default_rng(1)
    found = [combine([measures.course(rng.normal(size=60)).rise]) for _ in range(300)]
    assert np.mean([e.low > 0 for e in found]) < 0.05
