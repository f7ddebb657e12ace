"""Adversarial autoencoders: what the discriminator adds to the loss, and both players learning."""

import equinox as eqx
import jax
import jax.random as jr
import numpy as np
import optax
import pytest

from latente.objective.objectives.adversarial import WAEGAN, Adversarial

MEAN = 1.5


@pytest.mark.parametrize(("objective", "weight"), [(Adversarial(), 1), (Adversarial(weight=4), 4), (WAEGAN(), 10)])
def test_the_loss_adds_minus_log_d_by_its_weight(make, objective, weight):
    model = make.identity(make.model(latent_dim=1, shape=(1,), posterior="dirac"), shift=MEAN)
    opponent = objective.opponent(model, key=jr.key(0))
    batch = make.normal(jr.key(2), 6, 1)
    terms = make.terms(objective, model, batch, opponent)
    logit = np.asarray(jax.vmap(opponent.logit)(batch.x + MEAN), np.float64)
    assert np.asarray(terms.penalties["adversarial"]) == pytest.approx(np.log1p(np.exp(-logit)), rel=1e-4)
    added = np.asarray(terms.loss - terms.reconstruction)
    assert added == pytest.approx(weight * np.asarray(terms.penalties["adversarial"]), rel=1e-3)
    assert np.abs(added).min() > 1e-3


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
            batch = make.normal(key, 256, 1)
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
    batch = make.normal(jr.key(11), 4000, 1)
    z = np.asarray(jax.vmap(lambda x, k: model.posterior.sample(model.encode(x), key=k))(batch.x, batch.keys))
    assert z.mean() == pytest.approx(0, abs=0.25)
    assert z.std() == pytest.approx(1, abs=0.25)
