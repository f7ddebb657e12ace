"""Discriminators of codes: the log ratio of known densities, chance, and a slope where they are sure."""

import math

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from latente.objective.objectives.adversarial import Adversarial
from latente.objective.objectives.critics import cross_entropy

CHANCE = math.log(2)
"""Nats of a discriminator that cannot tell."""


MEAN = 1.5


@pytest.fixture(scope="module")
def still(make):
    """A model whose codes are N(1.5, 1), held still; its trained opponent, and the losses."""
    model = make.identity(make.model(latent_dim=1, shape=(1,), posterior="dirac"), shift=MEAN)
    before = Adversarial(hidden=(16,)).opponent(model, key=jr.key(0))
    adam = optax.adam(optax.cosine_decay_schedule(1e-2, 1000), 0.9, 0.99)
    after, losses = make.descended(before, lambda o, key: o.loss(model, make.normal(key, 256, 1)), adam, 1000)
    return after, losses


@pytest.mark.slow
def test_the_discriminators_logit_is_the_log_ratio_of_prior_and_codes(still):
    opponent, losses = still
    z = np.linspace(-1.2, 2.7, 40, dtype=np.float32)
    exact = MEAN**2 / 2 - MEAN * z  # log N(z; 0, 1) − log N(z; 1.5, 1)
    assert np.asarray(jax.vmap(opponent.logit)(z[:, None])) == pytest.approx(exact, abs=0.25)
    sample = np.random.default_rng(0).normal(size=200_000)
    least = np.logaddexp(0, -(MEAN**2 / 2 - MEAN * sample)).mean()  # by symmetry the same for both sides
    assert losses[-200:].mean() == pytest.approx(least, abs=0.01)
    assert least < losses[0] - 0.1


def test_a_discriminator_that_cannot_tell_is_at_chance():
    logits = jnp.zeros(5)
    assert float(cross_entropy(logits, logits, jnp.array([1.0, 1, 1, 0, 0]))) == pytest.approx(CHANCE)
    assert float(cross_entropy(logits.at[4].set(9), logits, jnp.array([1.0, 1, 1, 1, 0]))) == pytest.approx(CHANCE)


def test_the_encoder_still_learns_where_the_discriminator_is_sure(still):
    """The saturating loss log(1 − D) would give it a slope of D, next to nothing."""
    opponent, _ = still
    logit, slope = jax.value_and_grad(lambda z: opponent.logit(z[None]))(jnp.float32(4.0))
    felt = float(jax.grad(lambda z: jax.nn.softplus(-opponent.logit(z[None])))(jnp.float32(4.0)))
    assert float(logit) < -3
    assert abs(felt) > 0.9 * abs(float(slope))
