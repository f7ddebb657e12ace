"""Gaussian values against scipy, with a σ that is given, learnt, or one for each value."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.model.likelihoods.gaussian import Gaussian


@pytest.mark.slow
@pytest.mark.parametrize("sigma", [0.3, 1.0, 2.5])
def test_gaussian_is_scipys_and_integrates_to_one(sigma):
    mean, x = jnp.array([[0.5, -1.0]]), jnp.array([1.0, 2.0])
    ours = float(Gaussian(sigma).log_prob(mean, x))
    assert ours == pytest.approx(stats.norm.logpdf(x, mean[0], sigma).sum(), rel=1e-5)
    grid = jnp.linspace(0.5 - 9 * sigma, 0.5 + 9 * sigma, 4001)
    density = jnp.exp(jax.vmap(lambda v: Gaussian(sigma).log_prob(jnp.array([[0.5]]), v[None]))(grid))
    assert float(jnp.trapezoid(density, grid)) == pytest.approx(1, abs=1e-4)


@pytest.mark.slow
def test_gaussian_learns_its_sigma():
    shape, x = (3,), jnp.array([0.3, -1.0, 2.0])
    one = Gaussian("learned").init(shape, key=jr.key(0))
    outputs = jnp.zeros((1, 3))
    assert float(one.log_prob(outputs, x)) == pytest.approx(stats.norm.logpdf(x).sum(), rel=1e-6)
    assert float(jax.grad(lambda g: g.log_prob(outputs, x))(one).log_sigma) == pytest.approx(
        float((x**2).sum() - 3), rel=1e-5
    )
    each = jnp.stack([jnp.zeros(3), jnp.array([-1.0, 0.5, 2.0])])
    sigma = np.exp(6 * np.tanh(np.asarray(each[1]) / 6))
    assert float(Gaussian("per-value").log_prob(each, x)) == pytest.approx(
        stats.norm.logpdf(x, 0, sigma).sum(), rel=1e-5
    )
