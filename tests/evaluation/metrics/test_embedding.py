"""Baselines of codes: principal components, t-SNE, and UMAP where it is installed."""

import importlib.util

import numpy as np
import pytest
from clusters import clusters
from sklearn.decomposition import PCA

from latente.errors import SpecError
from latente.evaluation.metrics import embedding
from latente.evaluation.metrics.representation import knn_probe

RNG, codes = clusters()
TRAIN, TRAIN_Y = codes(300, 2.0)
TEST, TEST_Y = codes(200, 2.0)


def test_pca_is_the_best_linear_baseline_of_its_size():
    x = RNG.normal(size=(120, 9)) * np.arange(9, 0, -1)
    found = embedding.baseline("pca", x[:80], x[80:], 3)
    theirs = PCA(3, svd_solver="full").fit(x[:80])
    assert abs(found.test) == pytest.approx(abs(theirs.transform(x[80:])), rel=1e-3, abs=1e-3)
    best = theirs.inverse_transform(theirs.transform(x[80:]))
    assert found.reconstructions == pytest.approx(best, abs=1e-3) and not found.transductive


@pytest.mark.slow
def test_tsne_sees_both_parts_and_keeps_clusters_apart():
    x, y = 8 * np.eye(4)[np.arange(80) % 4] + 0.1 * RNG.normal(size=(80, 4)), np.arange(80) % 4
    found = embedding.baseline("tsne", x[:50], x[50:], 2)
    assert found.transductive and found.reconstructions is None
    assert found.train.shape == (50, 2) and knn_probe(found.train, y[:50], found.test, y[50:], 3).accuracy.value == 1


def test_umap_is_offered_only_where_it_is_installed():
    if importlib.util.find_spec("umap") is None:
        assert embedding.baselines() == ("pca", "tsne")
        with pytest.raises(SpecError, match=r"Allowed: pca, tsne. umap needs the package umap-learn"):
            embedding.baseline("umap", TRAIN, TEST, 2)
    else:
        assert embedding.baseline("umap", TRAIN, TEST, 2).test.shape == (200, 2)


def test_principal_axes_are_scikit_learns():
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(1)
    z = (rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4)) + 3).astype(np.float32)
    centre, axes, share = embedding.principal_axes(z)
    theirs = PCA().fit(z)
    np.testing.assert_allclose(share, theirs.explained_variance_ratio_, rtol=1e-4)
    np.testing.assert_allclose(np.abs((z - centre) @ axes.T), np.abs(theirs.transform(z)), atol=1e-3)
    assert (axes[np.arange(4), np.abs(axes).argmax(axis=1)] > 0).all()


def test_a_single_latent_and_a_constant_one_have_axes():
    for z in (np.arange(5, dtype=np.float32)[:, None], np.ones((5, 2), np.float32)):
        centre, axes, share = embedding.principal_axes(z)
        assert np.isfinite(axes).all() and share.sum() == pytest.approx(1)
        assert axes.shape == (z.shape[1],) * 2 and centre.shape == (z.shape[1],)
