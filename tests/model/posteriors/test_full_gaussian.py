"""The full-covariance Gaussian against SciPy."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.model.posteriors import posteriors
from latente.model.posteriors.gaussian import LOG_VARIANCE_BOUND, DiagonalGaussian

FULL = posteriors.make("full-gaussian")


def outputs_for(dim, seed=0):
    return np.random.default_rng(seed).normal(size=FULL.size(dim)).astype(np.float32)


def covariance(outputs):
    mean, factor = (np.asarray(m, np.float64) for m in FULL.moments(outputs))
    return mean, factor @ factor.T


@pytest.mark.parametrize("dim", [1, 2, 3, 10])
def test_outputs_fill_a_lower_triangle_row_by_row(dim):
    outputs = outputs_for(dim)
    mean, factor = (np.asarray(m) for m in FULL.moments(outputs))
    np.testing.assert_array_equal(mean, outputs[:dim])
    np.testing.assert_allclose(2 * np.log(np.diag(factor)), 20 * np.tanh(outputs[dim : 2 * dim] / 20), atol=1e-5)
    below = [factor[i, j] for i in range(dim) for j in range(i)]
    np.testing.assert_array_equal(np.float32(below), outputs[2 * dim :])
    assert np.all(np.triu(factor, 1) == 0)


@pytest.mark.parametrize("dim", [1, 3, 10])
def test_log_prob_is_scipys(dim):
    outputs = outputs_for(dim)
    mean, cov = covariance(outputs)
    z = stats.multivariate_normal(mean, cov, allow_singular=False).rvs(50, random_state=0).reshape(50, dim)
    ours = jax.vmap(FULL.log_prob, (None, 0))(outputs, z.astype(np.float32))
    np.testing.assert_allclose(ours, stats.multivariate_normal(mean, cov).logpdf(z), rtol=2e-4, atol=2e-4)


@pytest.mark.slow
def test_draws_have_the_mean_and_covariance_and_their_own_log_prob():
    outputs, n = outputs_for(4), 100_000
    mean, cov = covariance(outputs)
    z, log_q = jax.vmap(lambda key: FULL.draw(outputs, key=key))(jr.split(jr.key(0), n))
    np.testing.assert_allclose(log_q[:500], jax.vmap(FULL.log_prob, (None, 0))(outputs, z[:500]), rtol=1e-4, atol=1e-4)
    z = np.asarray(z, np.float64)
    assert np.all(np.abs(z.mean(0) - mean) < 4 * np.sqrt(np.diag(cov) / n))
    # Var of a sample covariance of normals: (Σ_ij² + Σ_ii Σ_jj) / n.
    spread = np.sqrt((cov**2 + np.outer(np.diag(cov), np.diag(cov))) / n)
    assert np.all(np.abs(np.cov(z.T) - cov) < 4 * spread)


@pytest.mark.slow
def test_without_entries_below_the_diagonal_it_is_the_diagonal_gaussian():
    outputs, z, diagonal = outputs_for(5), np.float32([0.3, -1, 2, 0, 1]), DiagonalGaussian()
    outputs[10:] = 0
    np.testing.assert_allclose(FULL.log_prob(outputs, z), diagonal.log_prob(outputs[:10], z), rtol=1e-5)
    ours, theirs = FULL.draw(outputs, key=jr.key(1)), diagonal.draw(outputs[:10], key=jr.key(1))
    np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-5)
    np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5)


@pytest.mark.slow
def test_gradient_of_an_expectation_is_that_of_its_closed_form():
    # E ‖z − a‖² = ‖μ − a‖² + ‖L‖², whose gradient is exact for the mean of many pathwise gradients.
    outputs, a, n = jnp.asarray(outputs_for(3)), jnp.asarray([1.0, -2.0, 0.5]), 50_000

    def exact(outputs):
        mean, factor = FULL.moments(outputs)
        return jnp.sum((mean - a) ** 2) + jnp.sum(factor**2)

    def one(key):
        return jax.grad(lambda o: jnp.sum((FULL.sample(o, key=key) - a) ** 2))(outputs)

    slopes = np.asarray(jax.jit(jax.vmap(one))(jr.split(jr.key(2), n)), np.float64)
    error = slopes.std(0, ddof=1) / np.sqrt(n)
    assert np.all(np.abs(slopes.mean(0) - jax.grad(exact)(outputs)) < 4 * error + 1e-6)


@pytest.mark.slow
def test_extreme_outputs_stay_finite():
    outputs = np.float32([0, 0, 1e6, -1e6, 3])
    mean, factor = FULL.moments(outputs)
    np.testing.assert_allclose(2 * np.log(np.diag(factor)), [LOG_VARIANCE_BOUND, -LOG_VARIANCE_BOUND], rtol=1e-6)
    slope = jax.grad(lambda o: FULL.draw(o, key=jr.key(0))[1])(outputs)
    assert np.isfinite(slope).all() and np.isfinite(mean).all()
