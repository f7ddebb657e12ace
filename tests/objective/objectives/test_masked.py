"""The importance-weighted bound of examples with values hidden at random."""

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

from latente.errors import SpecError
from latente.model.build import build
from latente.objective.objectives.iwae import IWAE
from latente.objective.objectives.masked import MaskedIWAE
from latente.objective.presets import VAE
from latente.objective.terms import Batch


def batch(x, seed=0):
    return Batch(x, jr.split(jr.key(seed), len(x)), jnp.ones(len(x)), None, None, jnp.int32(0), len(x))


def test_it_is_the_bound_of_what_is_left():
    model = build(VAE(2, hidden=(4,), likelihood="gaussian", missing=True), (5,), key=jr.key(0))
    x = batch(jnp.asarray(np.random.default_rng(0).normal(size=(12, 5)), jnp.float32))
    objective = MaskedIWAE(3, hidden=0.3)
    left = jnp.stack([objective.masked(one, key=key) for one, key in zip(x.x, x.keys, strict=True)])
    found, expected = objective(model, x), IWAE(3)(model, batch(left))
    assert found.loss == pytest.approx(np.asarray(expected.loss), rel=1e-5)
    assert np.isnan(left).any() and not np.isnan(left).all()
    assert MaskedIWAE(3, hidden=0)(model, x).loss == pytest.approx(np.asarray(IWAE(3)(model, x).loss), rel=1e-5)
    assert not objective.is_bound() and objective.by_example() and objective.codes() == 3


def test_shares_are_even_between_none_and_twice_the_mean():
    objective = MaskedIWAE(hidden=0.2)
    gone = np.isnan(jax.vmap(lambda key: objective.masked(jnp.zeros(200), key=key))(jr.split(jr.key(0), 4000)))
    share = np.sort(gone.mean(axis=1))
    assert gone.mean() == pytest.approx(0.2, abs=0.006)
    # A uniform share, and the binomial noise of 200 values.
    assert share.std() == pytest.approx(np.sqrt(0.4**2 / 12 + (0.2 - 0.16 / 3) / 200), rel=0.04)
    assert np.quantile(share, [0.25, 0.5, 0.75]) == pytest.approx([0.1, 0.2, 0.3], abs=0.015)


def test_refusals():
    with pytest.raises(SpecError, match="hidden = 0.7; allowed: a number of at least 0 and at most 0.5"):
        MaskedIWAE(hidden=0.7)
    whole = build(VAE(2, hidden=(4,)), (5,), key=jr.key(0))
    with pytest.raises(SpecError, match="does not go with missing = false: it hides values"):
        MaskedIWAE().check(whole)
