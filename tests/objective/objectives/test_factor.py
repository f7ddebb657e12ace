"""FactorVAE: the permutation, the density ratio against a closed form, and both players learning."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

import latente
from latente.objective.objectives.elbo import ELBO
from latente.objective.objectives.factor import FactorVAE, permuted

CHANCE = math.log(2)
"""Nats of a discriminator that cannot tell."""

RHO = 0.8
TC = -0.5 * np.log(1 - RHO**2)


def correlated(key, n):
    """Standard normal pairs with correlation RHO: their total correlation is TC nats."""
    e = jr.normal(key, (n, 2))
    return jnp.stack([e[:, 0], RHO * e[:, 0] + (1 - RHO**2) ** 0.5 * e[:, 1]], axis=1)


@pytest.fixture(scope="module")
def trained(make):
    """An opponent trained on the pairs alone, and its losses."""

    class Code:
        code_size = 2

    opponent = FactorVAE(hidden=(32, 32)).opponent(Code, key=jr.key(0))
    adam = optax.adam(optax.cosine_decay_schedule(3e-3, 2500), 0.9, 0.99)

    def loss(opponent, key):
        return opponent.loss_of(correlated(jr.fold_in(key, 0), 256), jnp.ones(256), key=jr.fold_in(key, 1))

    return make.descended(opponent, loss, adam, 2500)


@pytest.mark.slow
def test_permuting_keeps_every_latents_values_and_leaves_filling_where_it_is():
    z = jr.normal(jr.key(0), (40, 3)).at[33:].set(99.0)
    weight = (jnp.arange(40) < 33).astype(jnp.float32)
    mixed = np.asarray(permuted(z, weight, key=jr.key(1)))
    z = np.asarray(z)
    assert (mixed[33:] == 99).all()
    assert np.sort(mixed[:33], axis=0).tolist() == np.sort(z[:33], axis=0).tolist()
    orders = [np.array([np.flatnonzero(z[:33, j] == v)[0] for v in mixed[:33, j]]) for j in range(3)]
    assert all((a != b).sum() > 25 for a, b in ((orders[0], orders[1]), (orders[1], orders[2])))


def test_permuted_codes_are_uncorrelated_with_the_same_marginals():
    z = correlated(jr.key(0), 20_000)
    mixed = np.asarray(permuted(z, jnp.ones(20_000), key=jr.key(1)))
    assert abs(np.corrcoef(mixed.T)[0, 1]) < 4 / 20_000**0.5
    assert np.corrcoef(np.asarray(z).T)[0, 1] > 0.75


@pytest.mark.slow
def test_the_opponents_mean_logit_is_the_total_correlation(trained):
    opponent, losses = trained
    z = correlated(jr.key(7), 20_000)
    logit = np.asarray(jax.vmap(opponent.logit)(z))
    # A mean over 20,000 codes errs by 0.006, and the network by what it has not learnt of the tails.
    assert logit.mean() == pytest.approx(TC, abs=0.04)
    # And pointwise: log q(z) − Σ log q(z_j) of the pair of normals.
    a, b = np.asarray(z, np.float64).T

    def exact(a, b):
        return TC - (RHO**2 * (a**2 + b**2) - 2 * RHO * a * b) / (2 * (1 - RHO**2))

    assert np.corrcoef(logit, exact(a, b))[0, 1] > 0.98
    # With the codes held still its loss falls from chance to the least that any opponent can have.
    least = 0.5 * np.mean(np.logaddexp(0, -exact(a, b)) + np.logaddexp(0, exact(a, np.roll(b, 1))))
    assert losses[0] == pytest.approx(CHANCE, abs=0.15)
    assert losses[-200:].mean() == pytest.approx(least, abs=0.01)
    assert least < CHANCE - 0.1


@pytest.mark.slow
def test_the_loss_is_the_elbo_plus_gamma_times_the_logit(make, trained):
    model = make.model(latent_dim=2)
    batch = make.batch(model)
    terms = make.terms(FactorVAE(gamma=3.0), model, batch, trained[0])
    elbo = make.terms(ELBO(), model, batch)
    correlation = np.asarray(terms.penalties["total_correlation"])
    assert np.asarray(terms.loss - elbo.loss) == pytest.approx(3 * correlation, abs=1e-4)
    assert np.abs(correlation).min() > 1e-4


@pytest.mark.slow
def test_both_in_turn_take_the_total_correlation_away(trained):
    """An encoder z = (x₁, x₂ + c x₁) of pairs with correlation 0.8: only at c = −0.8 is there none."""
    learns, fixed = eqx.partition(trained[0], eqx.is_inexact_array)
    adam = optax.adam(3e-3, 0.5, 0.9)

    def codes(c, key):
        x = correlated(key, 256)
        return x.at[:, 1].add(c * x[:, 0])

    @jax.jit
    def play(learns):
        def step(carry, key):
            c, learns, state = carry
            ours, theirs, mixing = jr.split(key, 3)
            model_loss = lambda c: jnp.mean(jax.vmap(eqx.combine(learns, fixed).logit)(codes(c, ours)))  # noqa: E731
            c = c - 0.02 * jax.grad(model_loss)(c)
            z = codes(c, theirs)
            grads = jax.grad(lambda o: eqx.combine(o, fixed).loss_of(z, jnp.ones(256), key=mixing))(learns)
            updates, state = adam.update(grads, state)
            return (c, optax.apply_updates(learns, updates), state), c

        return jax.lax.scan(step, (jnp.zeros(()), learns, adam.init(learns)), jr.split(jr.key(5), 1500))[1]

    path = np.asarray(play(learns))
    assert path[-300:].mean() == pytest.approx(-RHO, abs=0.1)


@pytest.mark.slow
def test_a_run_trains_both_players_and_comes_back_with_both(tmp_path, tiny):
    spec = latente.VAE(2, hidden=(16,), objective={"name": "factor-vae", "hidden": [16], "learning_rate": 1e-3})
    run = latente.fit(spec, tiny, epochs=4, batch_size=50)
    assert run.history["val_loss"][-1] < run.history["val_loss"][0]
    fresh = FactorVAE(hidden=(16,)).opponent(run.model, key=jr.fold_in(jr.key(0), 4))
    moved = jax.tree.map(lambda a, b: float(np.abs(a - b).max()), run.opponent.net.layers, fresh.net.layers)
    assert min(jax.tree.leaves(moved)) > 1e-5
    again = latente.load(run.save(tmp_path / "run"), data=tiny)
    assert again.evaluate("test") == run.evaluate("test")
    assert {k: v.tolist() for k, v in again.history.items()} == {k: v.tolist() for k, v in run.history.items()}
    assert "opponent_loss" in run.history
