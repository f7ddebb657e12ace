"""Planar flows (Rezende & Mohamed 2015, arXiv:1505.05770), with learnt parameters or with an encoder's outputs."""

from __future__ import annotations

import math
from typing import ClassVar

import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.flows.affine import FIRST_WEIGHTS, near_zero
from latente.model.flows.base import Flow, checked_context, positive
from latente.model.nets import Dense

LEAST_SLOPE = 1e-3
"""w·û stays above −1 by at least this much, so that a layer's log-determinant stays above log 10⁻³, also in float32."""

_IDENTITY = math.log(math.e - 1)  # its softplus is 1


def planar_size(dim: int, layers: int = 1) -> int:
    """The number of parameters of ``layers`` planar maps of R^dim: u, w and b for each."""
    return positive("layers", layers) * (2 * positive("dim", dim) + 1)


def planar_apply(z: Array, parameters: Array) -> tuple[Array, Array]:
    """Planar maps one after the other, with the parameters that an encoder returned for this example.

    y = z + û tanh(w·z + b), log det = log(1 + (1 − tanh²(w·z + b)) w·û) (section 4.1), with
    û = u + (m(w·u) − w·u) w / ‖w‖² (ibid.), so that w·û = m(w·u) > −1 and the map is invertible. The paper's
    m(a) = −1 + log(1 + e^a) is not zero at zero; here m(a) = −1 + ε + (1 − ε) softplus(a + log(e − 1)), which is, so
    that parameters near zero give a map near the identity.

    Args:
        z: shape (dim,).
        parameters: u (dim), w (dim), b (1) for each layer in turn: ``planar_size(dim, layers)`` numbers in any shape.

    Returns:
        y of shape (dim,), and the log-determinant of all layers, in nats.

    Raises:
        SpecError: the number of parameters is no multiple of 2 dim + 1.
    """
    each = planar_size(z.shape[0])
    if parameters.size == 0 or parameters.size % each:
        raise SpecError(
            f"planar flow: got {parameters.size} parameters in dimension {z.shape[0]}; allowed: a multiple of {each}"
        )

    def step(z: Array, layer: Array) -> tuple[Array, Array]:
        u, w, b = layer[: z.shape[0]], layer[z.shape[0] : -1], layer[-1]
        along = w @ u
        slope = LEAST_SLOPE + (1 - LEAST_SLOPE) * jax.nn.softplus(along + _IDENTITY)  # 1 + w·û
        u = u + (slope - 1 - along) * w / (w @ w + 1e-12)
        t = jnp.tanh(w @ z + b)
        # 1 + (1 − t²)(slope − 1), written as a sum of positive terms.
        return z + u * t, jnp.log(t**2 + (1 - t**2) * slope)

    z, log_dets = jax.lax.scan(step, z, jnp.reshape(parameters, (-1, each)))
    return z, jnp.sum(log_dets)


class Planar(Flow):
    """Planar maps one after the other with learnt parameters, plus a linear function of the context, if any.

    The inverse exists but has no closed form, so densities are known only at its own samples (``invertible`` is False).
    It starts near the identity.

    Raises:
        SpecError: a size below one.
    """

    parameters: Array  # as planar_apply takes them
    from_context: Dense | None

    invertible: ClassVar[bool] = False

    def __init__(self, dim: int, *, layers: int = 8, context_dim: int = 0, key: Array) -> None:
        self.dim, self.context_dim = positive("dim", dim), positive("context_dim", context_dim, 0)
        own, shared = jr.split(key)
        size = planar_size(dim, layers)
        u, w = jr.normal(own, (2, layers, dim)) / math.sqrt(dim)
        self.parameters = jnp.ravel(jnp.concatenate([FIRST_WEIGHTS * u, w, jnp.zeros((layers, 1))], axis=1))
        self.from_context = (
            near_zero(Dense(context_dim, size, key=shared), lambda dense: dense.weight) if context_dim else None
        )

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        """The maps of `planar_apply`."""
        context = checked_context(context, self.context_dim)
        moved = self.parameters if self.from_context is None else self.parameters + self.from_context(context)
        return planar_apply(z, moved)

    def inverse(self, y: Array, context: Array | None = None) -> tuple[Array, Array]:
        """Not available: there is no closed form."""
        raise SpecError(
            "a planar flow gives the density of its own samples only; "
            "for the density of a given point take a RealNVP or masked autoregressive flow"
        )
