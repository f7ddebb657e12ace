"""Closed KLs against Monte Carlo, and against formulas written another way, in float64."""

import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import special, stats

from latente.errors import SpecError
from latente.model.posteriors import posteriors
from latente.model.posteriors.vmf import KAPPA_AT_ZERO, LOG_KAPPA_BOUND
from latente.model.priors import priors
from latente.objective.divergences import is_closed, kl, kl_by_latent

PAIRS = {
    "full-gaussian": (posteriors.make("full-gaussian"), priors.make("standard-normal"), 4),
    "von-mises-fisher-2": (posteriors.make("von-mises-fisher"), priors.make("uniform-sphere"), 2),
    "von-mises-fisher-9": (posteriors.make("von-mises-fisher"), priors.make("uniform-sphere"), 9),
    "gumbel-softmax": (
        posteriors.make({"name": "gumbel-softmax", "classes": 5}),
        priors.make({"name": "uniform-categorical", "classes": 5}),
        3,
    ),
}
FULL, NORMAL, _ = PAIRS["full-gaussian"]
VMF, SPHERE, _ = PAIRS["von-mises-fisher-2"]


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRS)
def test_closed_kl_is_the_mean_of_log_q_minus_log_p(name):
    q, p, dim = PAIRS[name]
    assert is_closed(q, p)

    @jax.jit
    def both(outputs, keys):
        def one(key):
            z, log_q = q.draw(outputs, key=key)
            return log_q - p.log_prob(z)

        return kl(q, p, outputs), jax.vmap(one)(keys)

    for seed in range(3):
        outputs = np.random.default_rng(seed).normal(size=q.size(dim)).astype(np.float32) * (seed + 0.5)
        closed, drawn = both(outputs, jr.split(jr.key(seed), 50_000))
        drawn = np.asarray(drawn, np.float64)
        assert abs(drawn.mean() - float(closed)) < 4 * drawn.std(ddof=1) / math.sqrt(len(drawn)) + 1e-6
        assert float(closed) > 0.1


@pytest.mark.parametrize("dim", [1, 2, 6])
def test_full_gaussian_kl_is_the_matrix_formula_and_its_entries_the_chain_rule(dim):
    outputs = np.random.default_rng(dim).normal(size=FULL.size(dim)).astype(np.float32)
    mean, factor = (np.asarray(m, np.float64) for m in FULL.moments(outputs))
    cov = factor @ factor.T

    def of_first(k):
        s = cov[:k, :k]
        return 0.5 * (np.trace(s) + mean[:k] @ mean[:k] - k - np.linalg.slogdet(s)[1]) if k else 0.0

    assert float(kl(FULL, NORMAL, outputs)) == pytest.approx(of_first(dim), rel=1e-5)
    # KL of the first i latents minus that of the first i − 1: what z_i adds, given those before it.
    want = [of_first(k + 1) - of_first(k) for k in range(dim)]
    np.testing.assert_allclose(kl_by_latent(FULL, NORMAL, outputs), want, rtol=1e-4, atol=1e-5)


def test_full_gaussian_kl_is_zero_at_the_prior_alone():
    np.testing.assert_allclose(kl_by_latent(FULL, NORMAL, jnp.zeros(FULL.size(4))), 0, atol=1e-7)


@pytest.mark.parametrize("dim", [2, 3, 10, 64])
def test_von_mises_fisher_kl_is_that_of_bessel_functions_for_every_concentration(dim):
    kappa = np.logspace(-1.99, 3.99, 40)
    raw = LOG_KAPPA_BOUND * np.arctanh(np.log(kappa / KAPPA_AT_ZERO) / LOG_KAPPA_BOUND)
    outputs = np.concatenate([np.tile(np.eye(dim)[0], (40, 1)), raw[:, None]], 1).astype(np.float32)
    # float32 outputs mean these κ.
    kappa = KAPPA_AT_ZERO * np.exp(LOG_KAPPA_BOUND * np.tanh(outputs[:, -1].astype(np.float64) / LOG_KAPPA_BOUND))
    nu = dim / 2 - 1
    log_moment = special.gammaln(dim / 2) - nu * np.log(kappa / 2) + np.log(special.ive(nu, kappa)) + kappa
    ratio = special.ive(nu + 1, kappa) / special.ive(nu, kappa)
    want = kappa * ratio - log_moment

    @jax.jit
    @jax.vmap
    def found(o):
        return jax.value_and_grad(lambda o: kl(VMF, SPHERE, o))(o)

    values, slopes = found(outputs)
    np.testing.assert_allclose(values, want, rtol=5e-5, atol=1e-7)
    assert np.all(np.asarray(values) > 0) and np.all(np.diff(values) > 0)
    # d KL / dκ = κ Var(cos t), and dκ / draw = κ (1 − tanh²).
    variance = 1 - ratio**2 - (dim - 1) * ratio / kappa
    chain = kappa * (1 - np.tanh(outputs[:, -1] / LOG_KAPPA_BOUND) ** 2)
    middle = (kappa > 0.3) & (kappa < 300)  # elsewhere the float64 formula for the variance cancels
    np.testing.assert_allclose(slopes[:, -1][middle], (kappa * variance * chain)[middle], rtol=1e-3)
    np.testing.assert_allclose(slopes[:, :-1], 0, atol=1e-6)


@pytest.mark.slow
def test_categorical_kl_is_log_k_minus_the_entropy_of_each_latent():
    q, p, dim = PAIRS["gumbel-softmax"]
    outputs = (3 * np.random.default_rng(0).normal(size=q.size(dim))).astype(np.float32)
    pi = special.softmax(outputs.reshape(dim, 5).astype(np.float64), axis=1)
    np.testing.assert_allclose(kl_by_latent(q, p, outputs), math.log(5) - stats.entropy(pi, axis=1), atol=1e-5)
    sure = jnp.zeros(15).at[jnp.array([0, 5, 10])].set(500.0)
    np.testing.assert_allclose(kl_by_latent(q, p, sure), math.log(5), rtol=1e-6)
    np.testing.assert_allclose(kl_by_latent(q, p, jnp.ones(15)), 0, atol=1e-6)
    assert np.isfinite(jax.grad(lambda o: kl(q, p, o))(sure)).all()


def test_other_numbers_of_classes_are_refused():
    q, p = posteriors.make("gumbel-softmax"), priors.make({"name": "uniform-categorical", "classes": 5})
    with pytest.raises(SpecError, match='"uniform-categorical" has classes = 5, and posterior "gumbel-softmax" 10'):
        kl(q, p, jnp.zeros(10))
