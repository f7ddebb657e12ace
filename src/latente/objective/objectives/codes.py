"""Codes drawn from the posterior and the prior, and checks of both for objectives that compare them."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.model.posteriors import Posterior
from latente.model.priors import Prior
from latente.objective.divergences import rate
from latente.objective.objectives.base import Objective, refuse
from latente.objective.terms import Batch

PRIOR = 0x7072696F
"""Folded into an example's key for its draw from the prior, so that it is independent of the posterior's noise."""


class Coded(eqx.Module):
    """A batch encoded and decoded, with one code per example.

    Attributes:
        outputs: the encoder's, shape (n, size).
        z: the codes, shape (n, code_size).
        log_q: log q(z | x) in nats, shape (n,); infinite for a point.
        reconstruction: −log p(x | z) in nats, shape (n,).
        kl: KL(q(z | x) ‖ p(z)) in nats, shape (n,); zero for a point, which has none.
    """

    outputs: Array
    z: Array
    log_q: Array
    reconstruction: Array
    kl: Array


def coded(model: Autoencoder, prior: Prior, batch: Batch) -> Coded:
    """Encode, draw and decode a batch; ``prior`` is the model's (`Prior.given`)."""

    def one(x: Array, context: Array | None, key: Array) -> Coded:
        outputs = model.encode(x, context)
        z, log_q = model.posterior.draw(outputs, key=key)
        point = model.posterior.kind == "point"
        kl = jnp.zeros(()) if point else rate(model.posterior, prior, outputs, z, log_q)
        return Coded(outputs, z, log_q, -model.log_prob(z, x, context), kl)

    found: Coded = jax.vmap(one)(batch.x, batch.context, batch.keys)
    return found


def posterior_draws(model: Autoencoder, batch: Batch) -> Array:
    """The same codes as `coded` draws, shape (n, code_size), without decoding them."""

    def one(x: Array, context: Array | None, key: Array) -> Array:
        return model.posterior.sample(model.encode(x, context), key=key)

    z: Array = jax.vmap(one)(batch.x, batch.context, batch.keys)
    return z


def prior_draws(prior: Prior, code_size: int, keys: Array) -> Array:
    """One code from the prior per key, shape (n, code_size)."""
    z: Array = jax.vmap(lambda key: prior.sample(code_size, key=jr.fold_in(key, PRIOR)))(keys)
    return z


def weighted_mean(values: Array, weight: Array) -> Array:
    """The mean of values of shape (n, …) over the examples with weight; shape (…)."""
    return jnp.tensordot(weight, values, 1) / jnp.maximum(jnp.sum(weight), 1.0)


def frozen(module: Any) -> Any:
    """The same module with no gradient to its arrays; gradients still flow through its inputs."""
    return jax.tree.map(lambda a: jax.lax.stop_gradient(a) if eqx.is_inexact_array(a) else a, module)


def has_arrays(part: object) -> bool:
    """Whether a part has arrays that training could change; also for a model of shapes only."""
    leaves = jax.tree.leaves(part)
    return any(hasattr(a, "dtype") and jnp.issubdtype(a.dtype, jnp.inexact) for a in leaves)


def needs_moving_codes(objective: Objective, posterior: Posterior) -> None:
    """Refuse a posterior whose codes cannot move continuously, since it is neither a point nor a density.

    Raises:
        SpecError: naming both sides.
    """
    if posterior.kind not in ("point", "density"):
        raise refuse(
            objective,
            posterior,
            f'its codes are {posterior.kind} and cannot be moved freely to the prior; take posterior "gaussian" or '
            '"dirac"',
        )


def needs_fixed_prior(objective: Objective, prior: Prior) -> None:
    """Refuse a model without a prior, or with one that learns, since only draws from it are used.

    Raises:
        SpecError: naming both sides.
    """
    if prior.space == "any":
        raise refuse(objective, prior, 'there is nothing to match the codes to; take "standard-normal"')
    if has_arrays(prior):
        raise refuse(
            objective,
            prior,
            'only draws from the prior enter it, so nothing would train what the prior learns; take "standard-normal"',
        )
