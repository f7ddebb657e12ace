"""The sum of a Bernoulli's log-probabilities, which shares its logarithms, against double precision."""

import itertools
import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import special, stats

from latente.errors import DataError
from latente.model.likelihoods import likelihoods
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.model.likelihoods.gaussian import Gaussian

BERNOULLI = likelihoods.make("bernoulli")


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 5, 8, 13, 784])
@pytest.mark.parametrize("spread", [0.01, 3.0, 60.0])
def test_the_sum_its_gradient_and_curvature_are_those_of_its_values(size, spread):
    rng = np.random.default_rng(size)
    logits, x = spread * rng.normal(size=(1, size)), rng.uniform(size=size)
    logits[0, 0] = 200.0
    outputs, values = logits.astype(np.float32), x.astype(np.float32)
    p = special.expit(outputs.astype(float))
    terms = values.astype(float) * outputs - np.logaddexp(0, outputs.astype(float))
    np.testing.assert_allclose(BERNOULLI.log_prob(outputs, values), terms.sum(), rtol=1e-6)
    np.testing.assert_allclose(BERNOULLI.log_probs(outputs, values), terms[0], rtol=1e-6, atol=1e-5)

    by_outputs, by_values = jax.grad(BERNOULLI.log_prob, argnums=(0, 1))(jnp.asarray(outputs), jnp.asarray(values))
    np.testing.assert_allclose(by_outputs, values - p, atol=1e-6)
    np.testing.assert_allclose(by_values, outputs[0], rtol=1e-6)
    curvature = jax.grad(lambda o: jnp.sum(jax.grad(BERNOULLI.log_prob)(o, values)))(jnp.asarray(outputs))
    np.testing.assert_allclose(curvature, -p * (1 - p), atol=1e-6)


def test_bernoulli_is_scipys_on_bits_and_sums_to_one():
    logits = jnp.array([[-2.0, 0.3, 4.0]])
    total = 0.0
    for bits in itertools.product([0.0, 1.0], repeat=3):
        ours = float(Bernoulli().log_prob(logits, jnp.array(bits)))
        assert ours == pytest.approx(stats.bernoulli.logpmf(bits, jax.nn.sigmoid(logits[0])).sum(), abs=1e-5)
        total += math.exp(ours)
    assert total == pytest.approx(1, abs=1e-6)


def test_bernoulli_on_grey_is_keras_binary_cross_entropy():
    rng = np.random.default_rng(0)
    x, logits = rng.uniform(size=784), 3 * rng.normal(size=784)
    p = 1 / (1 + np.exp(-logits))
    keras = -(x * np.log(p) + (1 - x) * np.log(1 - p)).sum()
    assert -float(Bernoulli().log_prob(jnp.array([logits]), jnp.array(x))) == pytest.approx(keras, rel=1e-6)


def test_bernoulli_stays_finite_at_extreme_logits():
    logits = jnp.array([[1e4, -1e4, 0.0]])
    assert float(Bernoulli().log_prob(logits, jnp.array([1.0, 0.0, 1.0]))) == pytest.approx(-math.log(2))
    gradient = jax.grad(lambda o: Bernoulli().log_prob(o, jnp.array([0.5, 0.5, 0.5])))(logits)
    assert np.isfinite(gradient).all()


def test_data_outside_the_support_is_refused():
    with pytest.raises(DataError, match=r'values from -1 to 1 .* "bernoulli" takes, 0 to 1; rescale'):
        Bernoulli().check(np.array([-1.0, 1.0]), (1,))
    Bernoulli().check(np.array([0.0, np.nan, 1.0]), (1,))
    Gaussian().check(np.array([-1e6, 1e6]), (1,))


@pytest.mark.slow
def test_binarisation_draws_each_value_with_itself_as_the_probability():
    x = jnp.array([0.0, 0.2, 0.7, 1.0, jnp.nan])
    dynamic = Bernoulli("dynamic")
    draws = np.asarray(jax.vmap(lambda k: dynamic.observe(x, key=k))(jr.split(jr.key(0), 20_000)))
    assert np.isnan(draws[:, 4]).all() and set(np.unique(draws[:, :4])) == {0.0, 1.0}
    assert draws[:, :4].mean(axis=0) == pytest.approx([0, 0.2, 0.7, 1], abs=0.015)
    static = Bernoulli("static")
    many = jr.uniform(jr.key(1), (2000, 5))
    once, again = (jax.vmap(lambda v, k: static.observe(v, key=k))(many, jr.split(jr.key(s), 2000)) for s in (0, 1))
    assert np.array_equal(once, again)
    # Of values near p a share p is one, and the five values of an example are drawn apart.
    near = np.asarray(jnp.abs(many - 0.3) < 0.05)
    assert np.asarray(once)[near].mean() == pytest.approx(0.3, abs=0.05)
    assert np.abs(np.corrcoef(np.asarray(once - many).T) - np.eye(5)).max() < 0.08
    assert np.array_equal(Bernoulli().observe(x[:4], key=jr.key(0)), x[:4])


def test_output_bias_makes_the_mean():
    mean = jnp.array([0.0, 0.25, 0.9])
    assert np.asarray(Bernoulli().mean(Bernoulli().bias(mean))) == pytest.approx([0.001, 0.25, 0.9], rel=1e-5)
    assert np.asarray(Gaussian().mean(Gaussian("per-value").bias(mean))) == pytest.approx(np.asarray(mean))


@pytest.mark.slow
def test_missing_values_are_left_out():
    x = jnp.array([0.3, jnp.nan, 1.0])
    logits = jnp.array([[0.2, 5.0, -1.0]])
    seen = float(Bernoulli().log_prob(logits[:, jnp.array([0, 2])], x[jnp.array([0, 2])]))
    assert float(Bernoulli().log_prob_observed(logits, x)) == pytest.approx(seen, rel=1e-6)
    gradient = jax.grad(lambda o: Bernoulli().log_prob_observed(o, x))(logits)
    assert np.isfinite(gradient).all() and float(gradient[0, 1]) == 0
