"""The map at the top: images stand where their codes are."""

import numpy as np

from latente.language.words import Words
from latente.report.figures.hero import PALE, latent_map, places, side_of


def test_places_are_the_middles_of_a_square_about_the_codes():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(5000, 2)) * [3.0, 1.0] + [5.0, -2.0]
    at, (left, right, low, high) = places(z, 4)
    assert abs((right - left) - (high - low)) < 1e-9 and at.shape == (16, 2)
    inside = (z[:, 0] > left) & (z[:, 0] < right) & (z[:, 1] > low) & (z[:, 1] < high)
    assert 0.985 < inside.mean() < 1
    step = (right - left) / 4
    # From the upper left, row by row.
    assert np.allclose(at[0], [left + step / 2, high - step / 2], atol=1e-5)
    assert np.allclose(at[1] - at[0], [step, 0], atol=1e-5) and np.allclose(at[4] - at[0], [0, -step], atol=1e-5)
    assert [side_of(shape) for shape in ((28, 28), (64, 64, 3), (500, 20))] == [14, 6, 5]


def test_the_ground_is_white_and_images_are_pale():
    decoded = np.zeros((9, 2, 2), np.float32)
    decoded[4, 0, 0] = 1.0
    figure = latent_map(np.eye(2), None, (), decoded, (-1.0, 1.0, -1.0, 1.0), Words("en"))
    (image,) = figure.axes[0].images
    pixels = image.get_array()[:, :, 0]
    assert pixels.shape == (6, 6) and pixels[2, 2] == round(255 - PALE * 255) and (np.delete(pixels, 14) == 255).all()
    assert tuple(image.get_extent()) == (-1, 1, -1, 1) and figure.axes[0].get_xlim() == (-1, 1)
