"""Fitting a density to codes: the closed form is found, the held-out codes stop it, and wrong recipes are refused."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy import stats

from latente.errors import SpecError, TrainingError
from latente.training.density import DensityRecipe, fit_density


class Normal(eqx.Module):
    """A normal density of the plane, with a mean and a log σ for each coordinate."""

    mean: jax.Array
    log_sigma: jax.Array


def nats(module, z, key):
    return -jnp.sum(jax.scipy.stats.norm.logpdf(z, module.mean, jnp.exp(module.log_sigma)))


START = Normal(jnp.zeros(2), jnp.zeros(2))
CODES = (np.array([1.0, -2.0]) + np.array([0.5, 2.0]) * np.random.default_rng(0).normal(size=(640, 2))).astype("f4")


def test_it_finds_the_maximum_likelihood_and_its_loss():
    recipe = DensityRecipe(epochs=100, batch_size=64, learning_rate=0.03, patience=100)
    found, lowest = fit_density(START, nats, CODES[:512], CODES[512:], recipe, key=jr.key(0))
    mean, sigma = CODES[:512].mean(axis=0), CODES[:512].std(axis=0)
    assert np.asarray(found.mean) == pytest.approx(mean, abs=0.15)
    assert np.exp(found.log_sigma) == pytest.approx(sigma, rel=0.1)
    theirs = -stats.norm.logpdf(CODES[512:], np.asarray(found.mean), np.exp(found.log_sigma)).sum(axis=1).mean()
    assert lowest == pytest.approx(theirs, rel=1e-5)


def test_where_it_starts_is_the_first_candidate_and_patience_ends_it():
    exact = Normal(jnp.asarray(CODES[512:].mean(axis=0)), jnp.log(jnp.asarray(CODES[512:].std(axis=0))))
    recipe = DensityRecipe(epochs=100, batch_size=64, learning_rate=0.1, patience=1)
    found, _ = fit_density(exact, nats, CODES[:512], CODES[512:], recipe, key=jr.key(0))
    assert bool(eqx.tree_equal(found, exact))


def test_a_loss_that_is_never_finite_and_recipes_that_mean_nothing_are_refused():
    broken = Normal(jnp.full(2, jnp.nan), jnp.zeros(2))
    recipe = DensityRecipe(epochs=1, batch_size=64, learning_rate=0.03, patience=100)
    with pytest.raises(TrainingError, match="the loss on held-out codes was never finite"):
        fit_density(broken, nats, CODES[:512], CODES[512:], recipe, key=jr.key(0))
    for wrong, words in (({"epochs": 0}, "epochs = 0"), ({"learning_rate": -1}, "learning_rate = -1")):
        with pytest.raises(SpecError, match=words):
            DensityRecipe(**wrong)
