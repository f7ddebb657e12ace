"""Adam in one pass over the weights, with one root and one division per weight instead of three divisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array


class AdamState(NamedTuple):
    """The number of steps done, and the running means of the gradient and of its square."""

    steps: Array
    mu: optax.Params
    nu: optax.Params


def adam(
    rate: Callable[[Array], Array | float], beta1: float, beta2: float, epsilon: float, second_moment: float = 0.0
) -> optax.GradientTransformation:
    """Adam (Kingma & Ba 2015, arXiv:1412.6980, section 2).

    The bias corrections depend on the step alone, so they are applied to the rate and ε instead of to every weight:
    r √c₂ / c₁ · m / (√v + ε √c₂) is r (m / c₁) / (√(v / c₂) + ε), term for term.

    Args:
        rate: the learning rate at a step, counted from zero.
        beta1, beta2, epsilon: as in the paper's algorithm 1.
        second_moment: where the means of squares start; 1 in the code of Burda et al. 2016.
    """

    def init(params: optax.Params) -> AdamState:
        return AdamState(
            jnp.int32(0),
            jax.tree.map(lambda p: _filled(p, 0.0), params),
            jax.tree.map(lambda p: _filled(p, second_moment), params),
        )

    def update(
        grads: optax.Updates, state: AdamState, params: optax.Params | None = None
    ) -> tuple[optax.Updates, AdamState]:
        steps = state.steps + 1
        first, root = 1 - beta1**steps, jnp.sqrt(1 - beta2**steps)
        mu = jax.tree.map(lambda m, g: beta1 * m + (1 - beta1) * g, state.mu, grads)
        nu = jax.tree.map(lambda v, g: beta2 * v + (1 - beta2) * g * g, state.nu, grads)
        size, floor = -rate(state.steps) * root / first, epsilon * root
        return jax.tree.map(lambda m, v: size * m / (jnp.sqrt(v) + floor), mu, nu), AdamState(steps, mu, nu)

    return optax.GradientTransformation(init, update)


def _filled(like: Array, value: float) -> Array:
    """`jax.numpy.full_like` without a program to compile for every shape."""
    filled: Array = jax.device_put(np.full(like.shape, value, like.dtype))
    return filled
