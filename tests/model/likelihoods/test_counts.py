"""Poisson, negative binomial and its zero-inflated form against scipy, in single precision where it is hard."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.errors import DataError, SpecError
from latente.model.likelihoods import likelihoods
from latente.model.likelihoods.numeric import negative_binomial_log_prob, poisson_log_prob

COUNTS = np.array([0, 1, 2, 5, 9, 10, 11, 100, 10_000, 1_000_000])
MEANS = (1e-5, 0.3, 3.0, 50.0, 1e4, 1e6)
poisson, negative_binomial = jax.jit(poisson_log_prob), jax.jit(negative_binomial_log_prob)


def make(name, shape=(3,), **options):
    return likelihoods.make({"name": name, **options}).init(shape, key=jr.key(0))


log_probs = eqx.filter_jit(lambda part, outputs, x: part.log_probs(outputs, x))
sample = eqx.filter_jit(lambda part, outputs, key: part.sample(outputs, key=key))


def single(value):
    """log of a number in single precision, all counts alike, and the number that this is the log of."""
    log = np.float32(np.log(value))
    return jnp.full(len(COUNTS), log), np.exp(np.float64(log))


@pytest.mark.parametrize("mean", MEANS)
def test_poisson_is_scipys(mean):
    logs, exact = single(mean)
    np.testing.assert_allclose(
        poisson(logs, jnp.array(COUNTS, jnp.float32)), stats.poisson.logpmf(COUNTS, exact), rtol=2e-6, atol=5e-6
    )


@pytest.mark.parametrize("theta", [1e-4, 0.1, 1.0, 30.0, 2e4])
@pytest.mark.parametrize("mean", MEANS)
def test_negative_binomial_is_scipys(mean, theta):
    (log_mean, mu), (log_theta, t) = single(mean), single(theta)
    ours = negative_binomial(log_mean, log_theta, jnp.array(COUNTS, jnp.float32))
    np.testing.assert_allclose(ours, stats.nbinom.logpmf(COUNTS, t, t / (t + mu)), rtol=2e-6, atol=2e-5)


@pytest.mark.slow
def test_gradients_are_those_of_the_formulas():
    x = jnp.array([0, 1, 3, 40, 5000], jnp.float32)
    rate = jnp.log(jnp.array([0.5, 1.0, 20.0, 40.0, 5100.0]))
    slope = jax.jit(jax.vmap(jax.grad(poisson_log_prob)))(rate, x)
    np.testing.assert_allclose(slope, x - jnp.exp(rate), rtol=1e-4)
    with jax.enable_x64(True):
        x, log_mean = jnp.array([0, 1, 3, 40, 5000.0]), jnp.log(jnp.array([0.5, 1.0, 20.0, 40.0, 51.0]))
        log_theta, step = jnp.log(jnp.array([0.01, 1.0, 9.9, 11.0, 2000.0])), 1e-5
        gradient = jax.jit(jax.vmap(jax.grad(negative_binomial_log_prob, (0, 1))))(log_mean, log_theta, x)
        mean, theta = jnp.exp(log_mean), jnp.exp(log_theta)
        np.testing.assert_allclose(gradient[0], (x - mean) * theta / (theta + mean), rtol=1e-9, atol=1e-9)
        up, down = (negative_binomial(log_mean, log_theta + h, x) for h in (step, -step))
        np.testing.assert_allclose(gradient[1], (up - down) / (2 * step), rtol=1e-5, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("raw", [-20.0, -1.0, 0.5, 4.0])
def test_probabilities_sum_to_one(raw):
    n = 3000
    x = jnp.arange(float(n))
    outputs = jnp.stack([jnp.full(n, raw), jnp.full(n, -0.4), jnp.full(n, 1.0)])
    for likelihood, rows in (
        (make("poisson", (n,)), 1),
        (make("negative-binomial", (n,), dispersion=2.5), 1),
        (make("zero-inflated-negative-binomial", (n,), dispersion="per-example"), 3),
    ):
        total = np.exp(np.asarray(log_probs(likelihood, outputs[:rows], x), np.float64)).sum()
        assert total == pytest.approx(1, abs=2e-5)


@pytest.mark.slow
def test_zero_inflation_mixes_in_zeros():
    x, mean, gate = np.array([0.0, 0, 1, 7]), np.array([0.2, 30, 2, 5]), np.array([-1.0, 0.5, 2.0, -30.0])
    raw = 15 * np.arctanh(np.log(mean) / 15)
    likelihood = make("zero-inflated-negative-binomial", (4,), dispersion=1.7)
    pi = 1 / (1 + np.exp(-gate))
    expected = pi * (x == 0) + (1 - pi) * stats.nbinom.pmf(x, 1.7, 1.7 / (1.7 + mean))
    np.testing.assert_allclose(log_probs(likelihood, jnp.array([raw, gate]), jnp.array(x)), np.log(expected), rtol=2e-5)
    np.testing.assert_allclose(likelihood.mean(jnp.array([raw, gate])), (1 - pi) * mean, rtol=1e-5)
    # With no inflation it is the negative binomial.
    closed = log_probs(likelihood, jnp.array([raw, np.full(4, -50.0)]), jnp.array(x))
    plain = log_probs(make("negative-binomial", (4,), dispersion=1.7), jnp.array([raw]), jnp.array(x))
    np.testing.assert_allclose(closed, plain, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["negative-binomial", "zero-inflated-negative-binomial"])
def test_dispersion_is_fixed_learnt_for_each_value_or_given_by_the_decoder(name):
    x, base = jnp.array([0.0, 2.0, 30.0]), jnp.array([[0.5, -0.3, 3.0], [0.4, -2.0, 0.1]])
    base = base[: make(name, dispersion=1.0).outputs((3,))[0]]
    raw = jnp.array([-1.0, 0.4, 3.0])
    each = [
        log_probs(make(name, dispersion=float(np.exp(10 * np.tanh(r / 10)))), base, x)[i] for i, r in enumerate(raw)
    ]
    learned = make(name)
    assert learned.log_dispersion.shape == (3,)
    learned = eqx.tree_at(lambda s: s.log_dispersion, learned, raw)
    np.testing.assert_allclose(log_probs(learned, base, x), each, rtol=1e-5)
    given = make(name, dispersion="per-example")
    assert given.outputs((3,)) == (len(base) + 1, 3)
    np.testing.assert_allclose(log_probs(given, jnp.concatenate([base, raw[None]]), x), each, rtol=1e-5)


@pytest.mark.slow
def test_samples_have_the_distribution():
    raw, n = jnp.full((1, 20_000), 1.2), 20_000
    mu = float(np.exp(15 * np.tanh(1.2 / 15)))

    def dispersed(theta):
        learnt = jnp.full(n, 10 * np.arctanh(np.log(theta) / 10), jnp.float32)
        return eqx.tree_at(lambda s: s.log_dispersion, make("negative-binomial", (n,)), learnt)

    for likelihood, distribution in (
        (make("poisson", (n,)), stats.poisson(mu)),
        (dispersed(0.7), stats.nbinom(0.7, 0.7 / (0.7 + mu))),
        (dispersed(0.01), stats.nbinom(0.01, 0.01 / (0.01 + mu))),
    ):
        np.testing.assert_allclose(likelihood.mean(raw), mu, rtol=1e-5)
        draws = np.asarray(sample(likelihood, raw, jr.key(3))).astype(int)
        top = int(distribution.ppf(0.999)) + 1
        counts = np.bincount(np.minimum(draws, top), minlength=top + 1)
        expected = n * np.append(distribution.pmf(np.arange(top)), distribution.sf(top - 1))
        common = expected > 5
        # The rare counts together, and with the rarest of the others so that they are never none.
        common[np.flatnonzero(common)[-1]] = False
        seen, due = (np.append(v[common], v[~common].sum()) for v in (counts, expected))
        assert stats.chisquare(seen, due).pvalue > 1e-3


@pytest.mark.parametrize("name", ["poisson", "negative-binomial", "zero-inflated-negative-binomial"])
def test_bias_features_and_support(name):
    likelihood = make(name)
    mean = jnp.array([0.02, 3.0, 4e5])
    np.testing.assert_allclose(likelihood.mean(likelihood.bias(mean)), mean, rtol=2e-5)
    assert likelihood.bias(mean).shape == likelihood.outputs((3,))
    assert np.isfinite(likelihood.bias(jnp.zeros(3))).all()
    np.testing.assert_allclose(likelihood.features(jnp.array([0.0, 9.0])), [0, np.log(10)], rtol=1e-6)
    likelihood.check(np.array([0.0, np.nan, 17.0]), (3,))
    with pytest.raises(DataError, match=rf'values from -2 to 3 .* "{name}" takes, 0 to inf; take another likelihood'):
        likelihood.check(np.array([-2.0, 3.0]), (3,))
    with pytest.raises(DataError, match=rf'"{name}" takes whole numbers only, and the data has 0.5;'):
        likelihood.check(np.array([1.0, 0.5]), (3,))


@pytest.mark.parametrize("dispersion", [0, -1, "gene", True])
def test_a_wrong_dispersion_is_refused(dispersion):
    with pytest.raises(SpecError, match=r"got dispersion = .*; allowed: a number above 0, .* or \"per-example\""):
        make("negative-binomial", dispersion=dispersion)
