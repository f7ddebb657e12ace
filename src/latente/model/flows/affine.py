"""The elementwise map y = s z + t, with a smoothly bounded scale, that coupling and autoregressive flows share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.model.nets import bounded
from latente.model.options import number

M = TypeVar("M", bound=eqx.Module)

SCALE_BOUND = 3.0
"""A layer scales a coordinate by e^−3 to e^3: enough for any data near unit scale, and safe in float32."""

GATE_BIAS = 2.0
"""A gate starts at σ(2) = 0.88: mostly open (Kingma et al. 2016, arXiv:1606.04934, section 4: "+1 or +2")."""

FIRST_WEIGHTS = 0.01
"""A conditioner's last layer starts at this multiple of Glorot's weights, so that a new flow is near the identity."""


def checked_bound(bound: float) -> float:
    """``bound``, if it is a finite number above zero.

    Raises:
        SpecError: it is not.
    """
    number("flow", "bound", bound, low=0, above=True)
    return float(bound)


def scale_and_shift(raw: Array, bound: float, gate: bool) -> tuple[Array, Array]:
    """A conditioner's outputs, shape (2, n), as log-scales and shifts, each of shape (n,).

    With r the first row, bounded as s = bound·tanh(r / bound), and m the second:

    - plain: log-scale s, shift m (Dinh et al. 2017, arXiv:1605.08803, eq. 5; there unbounded);
    - gate: y = σ(s + 2) z + (1 − σ(s + 2)) m (Kingma et al. 2016, arXiv:1606.04934, eq. 14), which only contracts.
    """
    s, m = bounded(raw[0], bound), raw[1]
    if not gate:
        return s, m
    return jax.nn.log_sigmoid(s + GATE_BIAS), jax.nn.sigmoid(-s - GATE_BIAS) * m


def affine(z: Array, log_scale: Array, shift: Array) -> Array:
    """e^log_scale z + shift, elementwise; its log-determinant is the sum of the log-scales."""
    return jnp.exp(log_scale) * z + shift


def affine_inverse(y: Array, log_scale: Array, shift: Array) -> Array:
    """(y − shift) e^−log_scale, elementwise."""
    return (y - shift) * jnp.exp(-log_scale)


def near_zero(module: M, last: Callable[[M], Array]) -> M:
    """A layer or network with small ``last`` weights, so that its output starts near its bias, zero."""
    small: M = eqx.tree_at(last, module, FIRST_WEIGHTS * last(module))
    return small
