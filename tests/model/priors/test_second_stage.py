"""The second-stage VAE's bound and draws against a linear one, whose density is a normal known exactly."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.model.priors.second_stage import SecondStageVAE


@pytest.mark.slow
def test_the_second_stages_bound_is_below_the_exact_density_and_tight_with_many_draws():
    # Linear networks: p(w) is N(b, WᵀW + γ²), and the encoder is near its true posterior, but not at it.
    w, b, gamma = np.array([[1.0, 0.4], [-0.3, 0.8]]), np.array([0.5, -1.0]), 0.5
    precision = np.eye(2) + w @ w.T / gamma**2
    cov = np.linalg.inv(precision)
    gain = w.T @ cov / gamma**2
    prior = SecondStageVAE(hidden=(), samples=1).empty(2, key=jr.key(0))
    raw = 20 * np.arctanh(np.log(1.5 * np.diag(cov)) / 20)
    prior = eqx.tree_at(
        lambda p: (p.encoder.layers[0].weight, p.encoder.layers[0].bias, p.decoder.layers[0].weight,
                   p.decoder.layers[0].bias, p.raw, p.shift, p.log_scale),
        prior,
        tuple(jnp.asarray(v, jnp.float32) for v in (
            np.hstack([gain, np.zeros((2, 2))]), np.concatenate([-b @ gain, raw]), w, b,
            20 * np.arctanh(2 * np.log(gamma) / 20), [3.0, -2.0], np.log([2.0, 0.5]),
        )),
    )  # fmt: skip
    scale = np.diag([2.0, 0.5])
    exact = stats.multivariate_normal(np.array([3, -2]) + b @ scale, scale @ (w.T @ w + gamma**2 * np.eye(2)) @ scale)
    z = exact.rvs(400, random_state=0)
    z, log_p = jnp.asarray(z, jnp.float32), exact.logpdf(z)
    keys = jr.split(jr.key(2), (100, len(z)))
    elbo = np.asarray(jax.jit(jax.vmap(jax.vmap(lambda z, k: prior.log_weight(z, key=k)), (None, 0)))(z, keys)).mean(
        axis=0
    )
    few, many = (np.asarray(jax.jit(jax.vmap(dataclasses.replace(prior, samples=n).log_prob))(z)) for n in (20, 2000))
    # One draw: KL(q ‖ true posterior), known in closed form, is missing.
    q = np.exp(20 * np.tanh(raw / 20))
    missing = 0.5 * (np.trace(precision @ np.diag(q)) - 2 - np.log(q).sum() + np.linalg.slogdet(cov)[1])
    assert missing > 0.05
    assert np.mean(log_p - elbo) == pytest.approx(missing, abs=0.01)
    assert np.abs(log_p - many).max() < 0.1 and abs(np.mean(log_p - many)) < 0.02
    assert np.abs(log_p - many).mean() < 0.5 * np.abs(log_p - few).mean()
    drawn = np.asarray(jax.jit(jax.vmap(lambda k: prior.sample(2, key=k)))(jr.split(jr.key(1), 40_000)), float)
    np.testing.assert_allclose(drawn.mean(axis=0), exact.mean, atol=0.06)
    np.testing.assert_allclose(np.cov(drawn.T), exact.cov, rtol=0.04, atol=0.04)
