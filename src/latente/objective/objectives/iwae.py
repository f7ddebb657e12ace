"""The importance-weighted bound (IWAE), and what its variants share: several codes per example, and their weights."""

from __future__ import annotations

import math
from abc import abstractmethod
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.model.options import whole
from latente.model.posteriors.gumbel import GumbelSoftmax
from latente.model.priors import Prior
from latente.model.priors.uniform_categorical import UniformConcrete
from latente.objective.divergences import is_closed, kl
from latente.objective.objectives.base import Objective, Opponent, needs_density, objectives, refuse
from latente.objective.terms import Batch, Terms


class Draws(NamedTuple):
    """Several codes of one example.

    Attributes:
        outputs: the encoder's.
        z: the codes, shape (k, code_size), differentiable in ``outputs``.
        log_q, log_p, log_prior: log q(z | x), log p(x | z) and log p(z) of each, shape (k,).
    """

    outputs: Array
    z: Array
    log_q: Array
    log_p: Array
    log_prior: Array

    @property
    def log_weights(self) -> Array:
        """log p(x, z) / q(z | x) of each code, shape (k,)."""
        return self.log_p + self.log_prior - self.log_q


def joint(model: Autoencoder, prior: Prior, z: Array, x: Array, context: Array | None) -> tuple[Array, Array]:
    """log p(x | z) and log p(z) for codes z of shape (k, code_size); each of shape (k,)."""
    return jax.vmap(lambda z: model.log_prob(z, x, context))(z), jax.vmap(prior.log_prob)(z)


def log_mean_exp(log_weights: Array) -> Array:
    """The log of the mean weight, over the last axis."""
    return jax.nn.logsumexp(log_weights, axis=-1) - math.log(log_weights.shape[-1])


def mean_rate(model: Autoencoder, prior: Prior, drawn: Draws) -> Array:
    """KL(q ‖ p) of one example, in closed form or estimated from all its codes; a scalar."""
    if is_closed(model.posterior, prior):
        return kl(model.posterior, prior, drawn.outputs)
    return jnp.mean(drawn.log_q - drawn.log_prior)


def needs_weights(objective: Objective, model: Autoencoder) -> None:
    """Refuse a model whose codes have no importance weights p(x, z) / q(z | x).

    Raises:
        SpecError: naming both sides.
    """
    needs_density(objective, model)
    if not isinstance(model.posterior, GumbelSoftmax):
        return
    soft, dense = not model.posterior.hard, isinstance(model.prior, UniformConcrete)
    if soft and not dense:
        raise refuse(
            objective,
            model.prior,
            "soft codes have a density, which cannot be weighed against the probabilities of one-hot codes; "
            'take prior "uniform-concrete", or hard = true in posterior "gumbel-softmax"',
        )


class ImportanceWeighted(Objective):
    """A bound from several codes of each example, which is encoded only once.

    The terms reconstruction and KL are means over these codes, and add up to the ELBO, not to the loss.
    """

    bound: ClassVar[bool] = True

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Sample `codes` codes per example."""
        prior = model.prior.given(model)

        def one(x: Array, context: Array | None, key: Array) -> tuple[Array, Array, Array]:
            outputs = model.encode(x, context)
            z, log_q = jax.vmap(lambda key: model.posterior.draw(outputs, key=key))(jr.split(key, self.codes()))
            drawn = Draws(outputs, z, log_q, *joint(model, prior, z, x, context))
            return self.loss(model, prior, drawn, x, context), -jnp.mean(drawn.log_p), mean_rate(model, prior, drawn)

        return Terms(*jax.vmap(one)(batch.x, batch.context, batch.keys))

    @abstractmethod
    def loss(self, model: Autoencoder, prior: Prior, drawn: Draws, x: Array, context: Array | None) -> Array:
        """The negative bound of one example; a scalar."""

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior with a density and a prior."""
        needs_weights(self, model)


@objectives.register("iwae", source="Burda et al. 2016, arXiv:1509.00519, eq. 8")
class IWAE(ImportanceWeighted):
    """Importance-weighted bound with ``samples`` codes per example: −log (1/k) Σ p(x, zᵢ) / q(zᵢ | x).

    With one code it is the ELBO with its KL estimated from that code; its mean decreases towards −log p(x) as k grows.
    """

    samples: int = eqx.field(static=True, default=5)

    def __check_init__(self) -> None:
        whole(objectives.name_of(self), "samples", self.samples)

    def loss(self, model: Autoencoder, prior: Prior, drawn: Draws, x: Array, context: Array | None) -> Array:
        """Minus the log of the mean weight."""
        return -log_mean_exp(drawn.log_weights)

    def codes(self) -> int:
        """``samples``."""
        return self.samples
