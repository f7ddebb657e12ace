"""The continuous Bernoulli against its closed form in double precision, and quadrature."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import integrate, stats

from latente.errors import DataError
from latente.model.likelihoods import likelihoods
from latente.model.likelihoods.continuous_bernoulli import inverse_cdf, langevin, log_sinhc

CB = likelihoods.make("continuous-bernoulli")
LOGITS = np.array([-50, -30, -8, -1.0001, -0.999, -0.3, -1e-2, -1e-4, -1e-7, 0, 1e-7, 1e-4, 1e-2, 0.3, 1.5, 8, 30, 50])


def exact(logit, x):
    """log of l e^(x l) / (e^l − 1), which is the density in the natural parameter; float64."""
    if abs(logit) < 1e-3:  # from the series of (e^l − 1) / l
        return x * logit - np.log1p(logit / 2 + logit**2 / 6 + logit**3 / 24)
    return x * logit + np.log(abs(logit)) - max(logit, 0) - np.log(-np.expm1(-abs(logit)))


@pytest.mark.slow
@pytest.mark.parametrize("x", [0.0, 0.25, 0.5, 1.0])
def test_density_is_the_closed_form_near_a_half_and_far_in_the_tails(x):
    expected = [exact(logit, x) for logit in LOGITS]
    xs = np.full(len(LOGITS), x)
    single = CB.log_probs(jnp.array(LOGITS, jnp.float32)[None], jnp.array(xs, jnp.float32))
    np.testing.assert_allclose(single, expected, rtol=1e-6, atol=2e-6)
    with jax.enable_x64(True):
        double = CB.log_probs(jnp.array(LOGITS)[None], jnp.array(xs))
        np.testing.assert_allclose(double, expected, rtol=1e-12, atol=1e-9)


@pytest.mark.slow
def test_density_is_the_papers_product_and_integrates_to_one():
    logits = np.array([-6.0, -0.5, 0.01, 2.0, 12.0])
    p = 1 / (1 + np.exp(-logits))
    paper = 2 * np.arctanh(1 - 2 * p) / (1 - 2 * p) * p**0.3 * (1 - p) ** 0.7
    np.testing.assert_allclose(jnp.exp(CB.log_probs(jnp.array(logits)[None], jnp.full(5, 0.3))), paper, rtol=1e-5)
    grid = jnp.linspace(0, 1, 20_001)
    for logit in (-30.0, -1.0, 0.0, 1e-3, 4.0, 30.0):
        density = jnp.exp(CB.log_probs(jnp.full((1, grid.size), logit), grid))
        assert integrate.simpson(np.asarray(density, np.float64), x=grid) == pytest.approx(1, abs=2e-5)


@pytest.mark.slow
def test_gradient_is_x_less_the_mean_at_every_logit():
    logits = jnp.array([-1e4, -50, -30, -1.0, -1e-3, 0, 1e-3, 1.0, 30, 50, 1e4])[None]
    x = jnp.full(logits.shape[1], 0.3)
    gradient = jax.jit(jax.grad(lambda o: CB.log_prob(o, x)))(logits)
    np.testing.assert_allclose(gradient, x - CB.mean(logits)[None], atol=1e-6)
    with jax.enable_x64(True):
        u, step = jnp.array([-20.0, -0.6, -0.3, -1e-5, 0.0, 0.4999, 0.5001, 3.0]), 1e-5
        first, second = (jax.jit(jax.vmap(f)) for f in (jax.grad(log_sinhc), jax.grad(jax.grad(log_sinhc))))
        slope = (log_sinhc(u + step) - log_sinhc(u - step)) / (2 * step)
        np.testing.assert_allclose(first(u), slope, atol=1e-6)
        bend = (langevin(u + step) - langevin(u - step)) / (2 * step)
        np.testing.assert_allclose(second(u), bend, atol=1e-4)


def test_mean_is_the_integral_of_x():
    logits = np.array([-30.0, -2.0, -1e-3, 0.0, 0.9, 1.1, 30.0])
    expected = [integrate.quad(lambda x, at=at: x * np.exp(exact(at, x)), 0, 1)[0] for at in logits]
    np.testing.assert_allclose(CB.mean(jnp.array(logits)[None]), expected, atol=1e-6)


@pytest.mark.slow
def test_samples_have_the_distribution():
    u, inverse = np.linspace(0, 1, 101), jax.jit(inverse_cdf)
    for logit in (-50.0, -3.0, -0.5, -1e-6, 0.0, 1e-3, 0.5, 3.0, 50.0):
        x = np.asarray(inverse(jnp.full(101, logit), jnp.array(u)), np.float64)
        assert x[0] <= 2e-7 and x[-1] >= 1 - 2e-7 and (np.diff(x) >= 0).all()
        cdf = x if abs(logit) < 1e-3 else np.exp(logit * x - max(logit, 0)) - np.exp(-max(logit, 0))
        cdf = cdf if abs(logit) < 1e-3 else cdf / (np.sign(logit) * -np.expm1(-abs(logit)))
        np.testing.assert_allclose(cdf, u, atol=3e-4 if abs(logit) < 1e-2 else 1e-5)
    draws = np.asarray(CB.sample(jnp.full((1, 20_000), 2.0), key=jr.key(0)))
    assert stats.kstest(draws, lambda x: np.expm1(2 * x) / np.expm1(2)).pvalue > 1e-3


@pytest.mark.slow
def test_bias_has_the_training_mean():
    mean = jnp.array([0.01, 0.1, 0.4999, 0.5, 0.7, 0.99])
    bias = jax.jit(lambda m: CB.bias(m))
    np.testing.assert_allclose(CB.mean(bias(mean)), mean, atol=1e-6)
    assert np.isfinite(bias(jnp.array([0.0, 1.0, 0.5, 0.5, 0.5, 0.5]))).all()


def test_values_outside_are_refused():
    with pytest.raises(DataError, match=r'values from 0 to 1.5 .* "continuous-bernoulli" takes, 0 to 1; rescale'):
        CB.check(np.array([0.0, 1.5]), (1,))
    CB.check(np.array([0.0, np.nan, 1.0]), (1,))
