"""The Gumbel-softmax posterior: categorical codes with gradients."""

from __future__ import annotations

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.options import number, whole
from latente.model.posteriors.base import Posterior, posteriors

LOG_LEAST = -87.0
"""Entries of a relaxed code are at least e^−87, about float32's smallest normal number."""


def concrete_log_density(logits: Array, log_z: Array, temperature: float) -> Array:
    """Log-densities of relaxed one-hot vectors (Maddison et al. 2017, definition 1), in nats, shape (groups,).

    They are with respect to the first classes − 1 entries of each.

    Args:
        logits: log-probabilities up to a constant, shape (groups, classes).
        log_z: logs of the vectors' entries, of the same shape.
        temperature: λ.
    """
    classes = log_z.shape[-1]
    raised = logits - temperature * log_z
    return (
        math.lgamma(classes)
        + (classes - 1) * math.log(temperature)
        + jnp.sum(raised - log_z, axis=-1)
        - classes * jax.nn.logsumexp(raised, axis=-1)
    )


@posteriors.register("gumbel-softmax", source="Jang et al. 2017, arXiv:1611.01144; Maddison et al. 2017")
class GumbelSoftmax(Posterior):
    """Each latent is one of ``classes``; a code holds a group of that many numbers for each latent, in order.

    log π is the log-softmax of each latent's outputs; draws are softmax((log π + Gumbel noise) / ``temperature``),
    with logarithms of at least −87.

    ``hard`` (the default): the draw is made one-hot, an exact draw from the categorical distribution, and the gradient
    is that of the soft draw (straight-through, which is biased). log q is the log-probability of the one-hot code, so
    that losses are bounds on log p(x).

    Soft: the code stays inside the simplex. log q is its own density (Maddison et al.), to go with prior
    "uniform-concrete". With "uniform-categorical" the KL is the categorical one (Jang et al.), and the loss is no
    bound, because soft codes carry more information than the KL counts; it approaches one as the temperature falls.
    """

    classes: int = eqx.field(static=True, default=10)
    temperature: float = eqx.field(static=True, default=0.5)
    hard: bool = eqx.field(static=True, default=True)

    kind: ClassVar[str] = "categorical"
    space: ClassVar[str] = "simplex"
    evaluates: ClassVar[bool] = True

    def __check_init__(self) -> None:
        whole('posterior "gumbel-softmax"', "classes", self.classes, 2)
        number('posterior "gumbel-softmax"', "temperature", self.temperature, low=0, above=True)
        if not isinstance(self.hard, bool):
            raise SpecError(f'posterior "gumbel-softmax": got hard = {self.hard!r}; allowed: true or false')

    def size(self, latent_dim: int) -> int:
        """One logit for each class of each latent."""
        return latent_dim * self.classes

    def code_size(self, latent_dim: int) -> int:
        """One number for each class of each latent."""
        return latent_dim * self.classes

    def log_probabilities(self, outputs: Array) -> Array:
        """log π, shape (latent_dim, classes)."""
        return jax.nn.log_softmax(jnp.reshape(outputs, (-1, self.classes)))

    def mean(self, outputs: Array) -> Array:
        """Soft: the probabilities π. Hard: the most probable class of each latent, one-hot, since π is then no code."""
        log_pi = self.log_probabilities(outputs)
        return jnp.ravel(_one_hot(log_pi) if self.hard else jnp.exp(log_pi))

    def draw(self, outputs: Array, *, key: Array) -> tuple[Array, Array]:
        """A Gumbel-softmax draw, straight-through if ``hard``; its log q is `log_prob` at that code."""
        log_pi = self.log_probabilities(outputs)
        logits = (log_pi + jr.gumbel(key, log_pi.shape)) / self.temperature
        log_z = jnp.maximum(jax.nn.log_softmax(logits), LOG_LEAST)
        z = jnp.exp(log_z)
        if not self.hard:
            return jnp.ravel(z), jnp.sum(concrete_log_density(log_pi, log_z, self.temperature))
        z = _one_hot(logits) + (z - jax.lax.stop_gradient(z))
        return jnp.ravel(z), jnp.sum(z * log_pi)

    def log_prob(self, outputs: Array, z: Array) -> Array:
        """Hard: Σ z·log π, the log-probability of a one-hot code. Soft: the density of a code inside the simplex."""
        log_pi = self.log_probabilities(outputs)
        z = jnp.reshape(z, log_pi.shape)
        if self.hard:
            return jnp.sum(z * log_pi)
        log_z = jnp.log(jnp.maximum(z, math.exp(LOG_LEAST)))
        return jnp.sum(concrete_log_density(log_pi, log_z, self.temperature))


def _one_hot(logits: Array) -> Array:
    return jax.nn.one_hot(jnp.argmax(logits, axis=-1), logits.shape[-1])
