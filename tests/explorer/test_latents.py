"""Codes, axes, mixtures, scores and packed arrays, against other ways to compute them."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from latente.errors import DataError, SpecError, StoreError
from latente.explorer import latents, packing
from latente.explorer.run_view import Explored


@pytest.mark.parametrize("n", [1, 2, 9, 65, 257, 1001])
def test_decoding_and_encoding_are_the_runs_at_every_batch_size(vae, data, n):
    x = np.resize(data.train.x, (n, *data.shape))
    mean, log_var = latents.encode(vae.model, data.values(x))
    np.testing.assert_allclose(mean, vae.encode(x), atol=1e-5)
    assert log_var.shape == mean.shape
    np.testing.assert_allclose(latents.decode(vae.model, mean), vae.decode(mean), atol=1e-5)


def test_kl_is_the_mean_of_its_integral():
    rng = np.random.default_rng(0)
    mean, log_var = rng.normal(size=(3, 2)).astype(np.float32), rng.normal(size=(3, 2)).astype(np.float32)
    at = np.linspace(-15, 15, 20001)
    found = np.zeros(2)
    for j in range(2):
        for i in range(3):
            q = norm(mean[i, j], np.exp(0.5 * log_var[i, j]))
            found[j] += np.trapezoid(q.pdf(at) * (q.logpdf(at) - norm.logpdf(at)), at) / 3
    np.testing.assert_allclose(latents.kl(mean, log_var), found, rtol=1e-5)


def test_principal_axes_are_scikit_learns():
    from sklearn.decomposition import PCA

    rng = np.random.default_rng(1)
    z = (rng.normal(size=(500, 4)) @ rng.normal(size=(4, 4)) + 3).astype(np.float32)
    centre, axes, share = latents.principal(z)
    theirs = PCA().fit(z)
    np.testing.assert_allclose(share, theirs.explained_variance_ratio_, rtol=1e-4)
    np.testing.assert_allclose(np.abs((z - centre) @ axes.T), np.abs(theirs.transform(z)), atol=1e-3)
    assert (axes[np.arange(4), np.abs(axes).argmax(axis=1)] > 0).all()


def test_a_single_latent_and_a_constant_one_have_axes():
    for z in (np.arange(5, dtype=np.float32)[:, None], np.ones((5, 2), np.float32)):
        centre, axes, share = latents.principal(z)
        assert np.isfinite(axes).all() and share.sum() == pytest.approx(1)
        assert axes.shape == (z.shape[1],) * 2 and centre.shape == (z.shape[1],)


def test_scores_are_minus_log_p_at_the_mean_code_plus_kl(vae, data):
    x = data.values(data.validation.x[:20])
    mean, log_var = latents.encode(vae.model, x)
    p = np.clip(vae.decode(mean).astype(np.float64), 1e-12, 1 - 1e-9)
    bce = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum(axis=(1, 2))
    kl = 0.5 * (mean**2 + np.exp(log_var) - 1 - log_var).sum(axis=1)
    np.testing.assert_allclose(latents.scores(vae.model, x), bce + kl, rtol=1e-3)


def test_the_mixture_has_the_density_of_the_codes_it_was_fitted_to():
    rng = np.random.default_rng(2)
    truth = [multivariate_normal([-2, 0], [[0.5, 0.2], [0.2, 0.3]]), multivariate_normal([2, 1], np.eye(2) * 0.4)]
    z = np.concatenate([t.rvs(2000, random_state=rng) for t in truth]).astype(np.float32)
    found = latents.mixture(z, None)
    assert found["weights"].sum() == pytest.approx(1, abs=1e-5)
    ours = sum(
        w * multivariate_normal(m, f @ f.T).pdf(z[::20])
        for w, m, f in zip(found["weights"], found["means"], found["factors"], strict=True)
    )
    theirs = 0.5 * sum(t.pdf(z[::20]) for t in truth)
    assert np.mean(np.log(theirs)) - np.mean(np.log(ours)) < 0.03


def test_nearest_examples_are_scikit_learns(data):
    from sklearn.neighbors import NearestNeighbors

    flat = data.values(data.train.x).reshape(len(data.train), -1)
    x = data.values(data.validation.x[:1])
    distance, index = NearestNeighbors(n_neighbors=7, algorithm="brute").fit(flat).kneighbors(x.reshape(1, -1))
    ours = latents.nearest(data.train.x, x[0], data.multiplier, data.offset, 7)
    np.testing.assert_array_equal(ours[0], index[0])
    np.testing.assert_allclose(ours[1], distance[0], rtol=1e-4)


def test_a_scene_holds_the_codes_their_spread_and_the_order_by_kl(wide, data):
    meta, arrays = packing.unpack(Explored(wide).scene("all"))
    x = np.concatenate([data.train.x, data.validation.x, data.test.x])
    np.testing.assert_array_equal(arrays["labels"], np.concatenate([data.train.y, data.validation.y, data.test.y]))
    np.testing.assert_allclose(arrays["codes"], wide.encode(x), atol=1e-5)
    mean, log_var = latents.encode(wide.model, data.values(x))
    low, high = meta["spread"]
    sigma = np.exp(low + arrays["spread"] / 255 * (high - low))
    step = (high - low) / 255
    np.testing.assert_allclose(sigma, np.exp(0.5 * log_var), rtol=step)
    kl = latents.kl(mean, log_var)
    assert meta["order"] == np.argsort(-kl).tolist()
    assert meta["collapsed"] == (mean.var(axis=0) <= 0.01).tolist()
    assert meta["classes"] == list(data.classes)


def test_examples_by_index_run_through_all_parts(vae, data):
    explored = Explored(vae)
    n = len(data.train)
    index = np.array([n + 3, 0, n - 1, n, len(data.test) + n + len(data.validation) - 1])
    found = explored.examples("all", index)
    expected = [
        data.validation.x[3], data.train.x[0], data.train.x[-1], data.validation.x[0], data.test.x[-1],
    ]  # fmt: skip
    np.testing.assert_array_equal(found, np.stack(expected))
    for wrong in ([-1], [10**6], []):
        with pytest.raises(DataError, match="index"):
            explored.examples("all", np.array(wrong, np.int64))


def test_a_saved_umap_is_shown_and_one_that_does_not_fit_is_refused(vae, data, tmp_path):
    rows = len(data.train) + len(data.validation) + len(data.test)
    whole = np.random.default_rng(0).normal(size=(rows, 2))
    np.save(tmp_path / "umap.npy", whole)
    _, arrays = Explored(vae, tmp_path).parts("validation")
    np.testing.assert_allclose(arrays["umap"], whole[len(data.train) :][: len(data.validation)], rtol=1e-6)
    _, arrays = Explored(vae, tmp_path).parts("all")
    assert arrays["umap"].shape == (rows, 2)
    np.save(tmp_path / "umap-test.npy", whole[:3])
    with pytest.raises(StoreError, match="allowed: "):
        Explored(vae, tmp_path).parts("test")
    (tmp_path / "umap-test.npy").write_bytes(b"nonsense")
    with pytest.raises(StoreError, match="cannot|can be read"):
        Explored(vae, tmp_path).parts("test")


def test_an_unknown_split_is_named(vae):
    with pytest.raises(SpecError, match='did you mean "validation"'):
        Explored(vae).scene("valdation")


def test_packed_arrays_come_back_bit_for_bit():
    rng = np.random.default_rng(3)
    arrays = {
        "odd": rng.integers(0, 255, 7).astype(np.uint8),
        "half": rng.normal(size=(3, 5)).astype(np.float16),
        "turned": rng.normal(size=(4, 6)).astype(np.float32).T,
        "labels": rng.integers(0, 60000, 9).astype(np.uint16),
        "empty": np.zeros((0, 2), np.float32),
    }
    meta, found = packing.unpack(packing.pack({"é": [1, None, "<"]}, arrays))
    assert meta == {"é": [1, None, "<"]}
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("cut", [0, 4, 11, 30, -1])
def test_damaged_bytes_are_refused(cut):
    raw = packing.pack({}, {"a": np.arange(20, dtype=np.float32)})
    with pytest.raises(DataError, match="no packed arrays"):
        packing.unpack(raw[:cut])
