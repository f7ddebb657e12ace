"""Codes stand where they are, or on their principal components."""

import numpy as np
from figures import texts
from matplotlib.colors import to_rgba

from latente.language.words import Words
from latente.report.figures import codes, style
from latente.report.figures.codes import plane

EN, PT = Words("en"), Words("pt")


def test_two_latents_are_drawn_as_they_are():
    z = np.float32(np.random.default_rng(0).normal(size=(50, 2)))
    y = np.arange(50) % 3
    figure = codes.codes(z, y, ["a", "b", "c"], EN)
    points = figure.axes[0].collections[0]
    assert np.array_equal(points.get_offsets(), z) and np.array_equal(points.get_array(), y)
    shown = points.to_rgba(y)[:3]
    assert np.allclose(shown[:, :3], [to_rgba(c)[:3] for c in style.CLASSES[:3]])
    marks = {t.get_text(): t.get_position() for t in figure.axes[0].texts}
    assert set(marks) == {"a", "b", "c"}
    assert {"Latent 1", "Latent 2", "Class"} <= texts(figure)


def test_more_latents_are_projected_on_principal_components():
    rng = np.random.default_rng(1)
    z = rng.normal(size=(200, 5)) * [1, 5, 1, 3, 1] + 7
    points, names = plane(z, PT)
    left, spread, _ = np.linalg.svd(z - z.mean(axis=0), full_matrices=False)
    assert np.allclose(np.abs(points), np.abs(left[:, :2] * spread[:2]))
    share = spread**2 / (spread**2).sum()
    assert names[0] == f"Componente principal 1 ({100 * share[0]:.0f}% da variância)"
    assert np.allclose(plane(-z, PT)[0], -points)


def test_no_labels_means_one_colour():
    figure = codes.codes(np.random.default_rng(0).normal(size=(30, 2)), None, [], EN)
    assert len(figure.axes) == 1
    assert len(np.unique(figure.axes[0].collections[0].get_facecolors(), axis=0)) == 1


def test_one_latent_has_a_row_for_each_class():
    y = np.arange(40) % 4
    offsets = codes.codes(np.arange(40.0)[:, None], y, list("abcd"), EN).axes[0].collections[0].get_offsets()
    assert np.array_equal(offsets[:, 0], np.arange(40)) and np.array_equal(np.round(offsets[:, 1]), y)
