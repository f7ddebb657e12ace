"""The Gaussian posterior against scipy, and its bounded variance."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.model.posteriors.gaussian import LOG_VARIANCE_BOUND, DiagonalGaussian


@pytest.mark.slow
def test_gaussian_posterior_is_scipys_and_samples_have_its_moments():
    q = DiagonalGaussian()
    outputs = jnp.array([0.5, -1.0, 0.2, -1.5])
    mean, log_var = q.moments(outputs)
    z = jnp.array([0.1, 0.3])
    expected = stats.norm.logpdf(z, mean, np.exp(0.5 * np.asarray(log_var))).sum()
    assert float(q.log_prob(outputs, z)) == pytest.approx(expected, rel=1e-5)
    draws = jax.vmap(lambda k: q.sample(outputs, key=k))(jr.split(jr.key(1), 50_000))
    assert draws.mean(axis=0) == pytest.approx(np.asarray(mean), abs=0.02)
    assert draws.var(axis=0) == pytest.approx(np.exp(log_var), rel=0.03)


@pytest.mark.slow
def test_log_variance_is_bounded_smoothly():
    q = DiagonalGaussian()
    for raw in (-1e9, -5.0, 0.0, 5.0, 1e9):
        log_var = float(q.moments(jnp.array([0.0, raw]))[1][0])
        assert abs(log_var) <= LOG_VARIANCE_BOUND
        if abs(raw) <= 5:
            assert log_var == pytest.approx(raw, rel=0.021)
    assert float(jax.grad(lambda r: q.moments(jnp.array([0.0, r]))[1][0])(0.0)) == pytest.approx(1)
