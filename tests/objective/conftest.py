"""Small models whose encoders and decoders are linear, so that what they do is known."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax
import pytest

from latente.model.build import build
from latente.objective.terms import Batch
from latente.spec import ModelSpec


def filled(batch, filling=3, garbage=7.5):
    """The same batch with filling at its end, which must count for nothing."""
    x = jnp.concatenate([batch.x, jnp.full((filling, *batch.x.shape[1:]), garbage)])
    keys = jnp.concatenate([batch.keys, jr.split(jr.key(99), filling)])
    weight = jnp.concatenate([batch.weight, jnp.zeros(filling)])
    label = None if batch.label is None else jnp.concatenate([batch.label, jnp.zeros(filling, batch.label.dtype)])
    return Batch(x, keys, weight, batch.context, label, batch.step, batch.examples)


@eqx.filter_jit
def terms_of(objective, model, batch, opponent=None):
    """What an objective gives, as one compiled program."""
    return objective(model, batch, opponent)


def batch_for(model, n=8, examples=0, label=None, seed=1):
    x = 0.5 * jr.normal(jr.key(seed), (n, *model.shape))
    keys = jr.split(jr.key(seed + 1), n)
    return Batch(x, keys, jnp.ones(n), None, label, jnp.int32(0), examples or n)


def normal_batch(key, n, size):
    """Examples of so many standard normal numbers, drawn by the key."""
    keys = jr.split(key, n)
    x = jax.vmap(lambda k: jr.normal(jr.fold_in(k, 5), (size,)))(keys)
    return Batch(x, keys, jnp.ones(n), None, None, jnp.int32(0), n)


def gaussian_model(latent_dim=3, shape=(5,), objective="elbo", seed=0, hidden=(), **rest):
    """A VAE with Gaussian likelihood; linear unless ``hidden``."""
    parts = {"likelihood": {"name": "gaussian", "sigma": 0.7}, "objective": objective, "activation": "tanh", **rest}
    return build(ModelSpec(latent_dim=latent_dim, hidden=hidden, **parts), shape, key=jr.key(seed))


def identity_encoder(model, scale=1.0, shift=0.0, log_var=None):
    """The model with codes scale · x + shift, and this log-variance where it has one."""
    d = model.latent_dim
    weight, bias = scale * np.eye(d), np.full(d, float(shift))
    if log_var is not None:
        raw = 20 * np.arctanh(log_var / 20)
        weight, bias = np.hstack([weight, np.zeros((d, d))]), np.hstack([bias, np.full(d, raw)])
    new = (jnp.asarray(weight, jnp.float32), jnp.asarray(bias, jnp.float32))
    return eqx.tree_at(lambda m: (m.encoder.layers[0].weight, m.encoder.layers[0].bias), model, new)


def descended(learner, loss, adam, steps):
    """The learner after so many steps down ``loss(learner, key)``, in one compiled program, and the losses."""
    learns, fixed = eqx.partition(learner, eqx.is_inexact_array)

    @jax.jit
    def run(learns):
        def step(carry, key):
            learns, state = carry
            value, grads = jax.value_and_grad(lambda ours: loss(eqx.combine(ours, fixed), key))(learns)
            updates, state = adam.update(grads, state)
            return (optax.apply_updates(learns, updates), state), value

        (learns, _), losses = jax.lax.scan(step, (learns, adam.init(learns)), jr.split(jr.key(1), steps))
        return learns, losses

    learns, losses = run(learns)
    return eqx.combine(learns, fixed), np.asarray(losses)


@pytest.fixture(scope="session")
def make():
    """The helpers above, by name."""

    class Make:
        filling = staticmethod(filled)
        batch = staticmethod(batch_for)
        normal = staticmethod(normal_batch)
        terms = staticmethod(terms_of)
        model = staticmethod(gaussian_model)
        identity = staticmethod(identity_encoder)
        descended = staticmethod(descended)

    return Make
