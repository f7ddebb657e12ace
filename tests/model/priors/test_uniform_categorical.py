"""The uniform priors over groups of classes: draws, probabilities and the relaxed density."""

import math

import jax
import jax.random as jr
import numpy as np
import pytest
from scipy import special, stats

from latente.errors import SpecError
from latente.model.priors import priors


def test_the_uniform_prior_draws_every_class_alike():
    prior, n = priors.make({"name": "uniform-categorical", "classes": 3}), 50_000
    z = np.asarray(jax.vmap(lambda key: prior.sample(6, key=key))(jr.split(jr.key(0), n)))
    np.testing.assert_array_equal(z.reshape(n, 2, 3).sum(-1), 1)
    assert np.all(np.abs(z.mean(0) - 1 / 3) < 4 * math.sqrt(2 / 9 / n))
    assert float(prior.log_prob(z[0])) == pytest.approx(-2 * math.log(3))


@pytest.mark.parametrize("name", ["uniform-categorical", "uniform-concrete"])
def test_codes_that_are_no_groups_of_the_classes_are_refused(name):
    with pytest.raises(SpecError, match="classes = 4 for codes of 6 numbers"):
        priors.make({"name": name, "classes": 4}).init(6, (3,), key=jr.key(0))


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_the_relaxed_prior_of_two_classes_is_a_logistic_normalised(temperature):
    """z₀ = σ(Λ / λ) with logistic Λ: the density is that of Λ = λ log(z₀ / z₁) times λ / (z₀ z₁)."""
    prior = priors.make({"name": "uniform-concrete", "classes": 2, "temperature": temperature})
    z = np.array([0.03, 0.2, 0.5, 0.9])
    expected = stats.logistic.logpdf(temperature * special.logit(z)) + np.log(temperature / (z * (1 - z)))
    found = jax.vmap(prior.log_prob)(np.stack([z, 1 - z], axis=1).astype(np.float32))
    assert np.asarray(found) == pytest.approx(expected, abs=1e-5)


def test_options_are_checked():
    with pytest.raises(SpecError, match='prior "uniform-categorical": got classes = 2.0'):
        priors.make({"name": "uniform-categorical", "classes": 2.0})
    with pytest.raises(SpecError, match="temperature = -1"):
        priors.make({"name": "uniform-concrete", "temperature": -1})
