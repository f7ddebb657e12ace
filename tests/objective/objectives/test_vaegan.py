"""VAE/GAN: each player's gradient is that of its own loss, written out without any stop."""

import math

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from latente.objective.divergences import kl
from latente.objective.objectives.codes import PRIOR
from latente.objective.objectives.vaegan import VAEGAN

CHANCE = math.log(2)
"""Nats of a discriminator that cannot tell."""

GAMMA, BETA = 0.3, 2.0


@pytest.fixture(scope="module")
def scene(make):
    model = make.model(hidden=(6,))
    objective = VAEGAN(GAMMA, BETA, hidden=(7, 4))
    return objective, model, make.batch(model, n=6), objective.opponent(model, key=jr.key(5))


@eqx.filter_jit
def plainly(model, batch, opponent):
    """KL, F, −log D of reconstructions and of prior draws, each a mean over the batch, with every gradient flowing."""

    def hidden(x):
        for layer in opponent.net.layers[:-1]:
            x = jax.nn.elu(layer(x))
        return x

    def logit(x):
        return opponent.net.layers[-1](hidden(x))[0]

    def one(x, key):
        outputs = model.encode(x)
        mean, log_var = model.posterior.moments(outputs)
        made = model.mean(mean + jnp.exp(0.5 * log_var) * jr.normal(key, mean.shape))
        drawn = model.mean(jr.normal(jr.fold_in(key, PRIOR), mean.shape))
        rate = kl(model.posterior, model.prior, outputs)
        feature = 0.5 * jnp.sum((hidden(x) - hidden(made)) ** 2)
        return rate, feature, -jax.nn.log_sigmoid(logit(made)), -jax.nn.log_sigmoid(logit(drawn))

    return [jnp.mean(v) for v in jax.vmap(one)(batch.x, batch.keys)]


def leaves(tree):
    return np.concatenate([np.ravel(a) for a in jax.tree.leaves(eqx.filter(tree, eqx.is_inexact_array))])


@pytest.mark.slow
def test_each_players_gradient_is_its_own_losss(scene):
    objective, model, batch, opponent = scene

    @eqx.filter_jit
    def slopes(players):
        grad = eqx.filter_grad
        combined = grad(lambda p: jnp.mean(objective(p[0], batch, p[1]).loss))(players)
        for_encoder = grad(lambda p: BETA * plainly(p[0], batch, p[1])[0] + plainly(p[0], batch, p[1])[1])(players)

        def of_decoder(p):
            _, feature, rebuilt, drawn = plainly(p[0], batch, p[1])
            return GAMMA * feature + 0.5 * (rebuilt + drawn)

        return combined, for_encoder, grad(of_decoder)(players)

    combined, for_encoder, for_decoder = slopes((model, opponent))
    assert leaves(combined[0].encoder) == pytest.approx(leaves(for_encoder[0].encoder), rel=1e-3, abs=1e-6)
    assert leaves(combined[0].decoder) == pytest.approx(leaves(for_decoder[0].decoder), rel=1e-3, abs=1e-6)
    assert not leaves(combined[1]).any()
    # The stops matter: without them each would feel the other's loss.
    for plain, own in ((for_decoder[0].encoder, combined[0].encoder), (for_encoder[0].decoder, combined[0].decoder)):
        assert np.abs(leaves(plain)).max() > 1e-3
        assert np.abs(leaves(plain) - leaves(own)).max() > 1e-3


@pytest.mark.slow
def test_its_terms_and_loss_are_those_written_out_and_each_weight_is_felt(make, scene):
    objective, model, batch, opponent = scene
    rate, feature, rebuilt, drawn = (float(v) for v in plainly(model, batch, opponent))
    terms = make.terms(objective, model, batch, opponent)
    assert float(terms.kl.mean()) == pytest.approx(rate, rel=1e-5)
    assert float(terms.penalties["feature"].mean()) == pytest.approx(feature, rel=1e-5)
    assert float(terms.penalties["adversarial"].mean()) == pytest.approx(0.5 * (rebuilt + drawn), rel=1e-5)
    expected = BETA * rate + (1 + GAMMA) * feature + 0.5 * (rebuilt + drawn)
    assert float(terms.loss.mean()) == pytest.approx(expected, rel=1e-5)
    other = make.terms(VAEGAN(GAMMA + 1, BETA, hidden=(7, 4)), model, batch, opponent)
    assert float((other.loss - terms.loss).mean()) == pytest.approx(feature, rel=1e-3)
    assert min(rate, feature) > 0.05


@pytest.mark.slow
def test_the_opponents_loss_is_half_for_examples_and_a_quarter_for_each_fake_and_falls(make, scene):
    _, model, batch, opponent = scene

    @eqx.filter_jit
    def judged(opponent):
        z = jax.vmap(lambda x, k: model.posterior.sample(model.encode(x), key=k))(batch.x, batch.keys)
        p = jax.vmap(lambda k: jr.normal(jr.fold_in(k, PRIOR), (3,)))(batch.keys)
        fakes = [jax.vmap(opponent.judge)(jax.vmap(model.mean)(c))[0] for c in (z, p)]
        return jax.vmap(opponent.judge)(batch.x)[0], fakes, opponent.loss(model, make.filling(batch))

    real, fakes, found = judged(opponent)
    by_hand = 0.5 * np.log1p(np.exp(-np.asarray(real))).mean()
    by_hand += sum(0.25 * np.log1p(np.exp(np.asarray(f))).mean() for f in fakes)
    assert float(found) == pytest.approx(by_hand, rel=1e-5)

    _, losses = make.descended(opponent, lambda o, _: o.loss(model, batch), optax.adam(3e-3, 0.5, 0.9), 400)
    assert losses[-1] < min(losses[0], CHANCE) - 0.1
