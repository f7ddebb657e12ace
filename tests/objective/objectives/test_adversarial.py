"""Adversarial autoencoders: the discriminator against a known density ratio, and both players learning."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from latente.objective.objectives.adversarial import WAEGAN, Adversarial
from latente.objective.objectives.critics import cross_entropy
from latente.objective.terms import Batch

CHANCE = math.log(2)
"""Nats of a discriminator that cannot tell."""

MEAN = 1.5


def fresh(key, n, size):
    keys = jr.split(key, n)
    x = jax.vmap(lambda k: jr.normal(jr.fold_in(k, 5), (size,)))(keys)
    return Batch(x, keys, jnp.ones(n), None, None, jnp.int32(0), n)


@pytest.fixture(scope="module")
def still(make):
    """A model whose codes are N(1.5, 1), held still; its opponent before and after training, and the losses."""
    model = make.identity(make.model(latent_dim=1, shape=(1,), posterior="dirac"), shift=MEAN)
    before = Adversarial(hidden=(16,)).opponent(model, key=jr.key(0))
    adam = optax.adam(optax.cosine_decay_schedule(1e-2, 1000), 0.9, 0.99)
    after, losses = make.descended(before, lambda o, key: o.loss(model, fresh(key, 256, 1)), adam, 1000)
    return model, before, after, losses


@pytest.mark.slow
def test_the_discriminators_logit_is_the_log_ratio_of_prior_and_codes(still):
    _, _, opponent, losses = still
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


@pytest.mark.parametrize(("objective", "weight"), [(Adversarial(), 1), (Adversarial(weight=4), 4), (WAEGAN(), 10)])
def test_the_loss_adds_minus_log_d_by_its_weight(make, still, objective, weight):
    model, _, opponent, _ = still
    batch = fresh(jr.key(2), 6, 1)
    terms = make.terms(objective, model, batch, opponent)
    logit = np.asarray(jax.vmap(opponent.logit)(batch.x + MEAN), np.float64)
    assert np.asarray(terms.penalties["adversarial"]) == pytest.approx(np.log1p(np.exp(-logit)), rel=1e-4)
    added = np.asarray(terms.loss - terms.reconstruction)
    assert added == pytest.approx(weight * np.asarray(terms.penalties["adversarial"]), rel=1e-3)
    assert np.abs(added).min() > 1e-3


def test_the_encoder_still_learns_where_the_discriminator_is_sure(still):
    """The saturating loss log(1 − D) would give it a slope of D, next to nothing."""
    opponent = still[2]
    logit, slope = jax.value_and_grad(lambda z: opponent.logit(z[None]))(jnp.float32(4.0))
    felt = float(jax.grad(lambda z: jax.nn.softplus(-opponent.logit(z[None])))(jnp.float32(4.0)))
    assert float(logit) < -3
    assert abs(felt) > 0.9 * abs(float(slope))


@pytest.mark.slow
@pytest.mark.parametrize("posterior", ["dirac", "gaussian"])
def test_both_in_turn_bring_the_codes_to_the_prior(make, posterior):
    """Codes at mean 2 with deviation 0.3; only the adversarial term is followed."""
    log_var = None if posterior == "dirac" else -4.0
    model = make.model(latent_dim=1, shape=(1,), posterior=posterior)
    model = make.identity(model, scale=0.3, shift=2.0, log_var=log_var)
    objective = WAEGAN(hidden=(32,))
    opponent = objective.opponent(model, key=jr.key(0))
    players, fixed = eqx.partition((model.encoder, opponent), eqx.is_inexact_array)
    adams = optax.adam(3e-3, 0.5, 0.9), optax.adam(1e-2, 0.5, 0.9)

    def joined(ours, theirs):
        encoder, opponent = eqx.combine((ours, theirs), fixed)
        return eqx.tree_at(lambda m: m.encoder, model, encoder), opponent

    @jax.jit
    def play(ours, theirs):
        def step(carry, key):
            ours, theirs, a, b = carry
            batch = fresh(key, 256, 1)
            grads = jax.grad(lambda e: objective(joined(e, theirs)[0], batch, joined(e, theirs)[1]).penalties[
                "adversarial"].mean())(ours)  # fmt: skip
            updates, a = adams[0].update(grads, a)
            ours = optax.apply_updates(ours, updates)
            grads = jax.grad(lambda o: joined(ours, o)[1].loss(joined(ours, o)[0], batch))(theirs)
            updates, b = adams[1].update(grads, b)
            return (ours, optax.apply_updates(theirs, updates), a, b), None

        start = (ours, theirs, adams[0].init(ours), adams[1].init(theirs))
        return jax.lax.scan(step, start, jr.split(jr.key(3), 1500))[0][:2]

    model = joined(*play(*players))[0]
    batch = fresh(jr.key(11), 4000, 1)
    z = np.asarray(jax.vmap(lambda x, k: model.posterior.sample(model.encode(x), key=k))(batch.x, batch.keys))
    assert z.mean() == pytest.approx(0, abs=0.25)
    assert z.std() == pytest.approx(1, abs=0.25)
