"""What the explorer shows of a model's codes, against other implementations and closed forms."""

import numpy as np
import pytest
from scipy.stats import multivariate_normal, norm

from latente.explorer import latents


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
