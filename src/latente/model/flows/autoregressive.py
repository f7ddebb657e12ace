"""The affine autoregressive layer, of which inverse and masked autoregressive flows use opposite directions."""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.model.flows.affine import SCALE_BOUND, affine, affine_inverse, checked_bound, scale_and_shift
from latente.model.flows.base import Flow
from latente.model.flows.made import MADE


class AutoregressiveFlow(Flow):
    """y_i = s_i z_i + t_i, where a MADE computes s_i and t_i from z_0 … z_(i−1) and the context h.

    ``forward`` is one pass and ``inverse`` a scan of dim passes: the step of an inverse autoregressive flow (Kingma et
    al. 2016, arXiv:1606.04934, algorithm 1), which samples fast. `Inverted(AutoregressiveFlow(…))` is the layer of a
    masked autoregressive flow (Papamakarios et al. 2017, arXiv:1705.07057), which evaluates densities fast.

    With ``gate``, y = σ(s) z + (1 − σ(s)) m, Kingma's numerically stable form, which contracts. Without it, s_i lies in
    e^−bound … e^bound. It starts near the identity (with a gate: near 0.88 times the identity). The Jacobian in either
    direction is lower triangular with a positive diagonal. In dimension 1 it is elementwise affine.

    Raises:
        SpecError: a size below one, a bound of zero, an unknown activation.
    """

    made: MADE
    gate: bool = eqx.field(static=True)
    bound: float = eqx.field(static=True)

    def __init__(
        self,
        dim: int,
        *,
        hidden: Sequence[int] = (64, 64),
        activation: str = "silu",
        context_dim: int = 0,
        gate: bool = False,
        bound: float = SCALE_BOUND,
        key: Array,
    ) -> None:
        self.made = MADE(dim, 2, hidden=hidden, activation=activation, context_dim=context_dim, key=key)
        self.gate, self.bound = bool(gate), checked_bound(bound)
        self.dim, self.context_dim = dim, context_dim

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        """All coordinates at once."""
        log_scale, shift = scale_and_shift(self.made(z, context), self.bound, self.gate)
        return affine(z, log_scale, shift), jnp.sum(log_scale)

    def inverse(self, y: Array, context: Array | None = None) -> tuple[Array, Array]:
        """One coordinate after the other, each from those before it."""
        index = jnp.arange(self.dim)

        def step(z: Array, i: Array) -> tuple[Array, Array]:
            log_scale, shift = scale_and_shift(self.made(z, context), self.bound, self.gate)
            # Later coordinates stay zero: nothing here depends on them, but they must be finite.
            return jnp.where(index == i, affine_inverse(y, log_scale, shift), z), log_scale[i]

        z, log_scales = jax.lax.scan(step, jnp.zeros_like(y), index)
        return z, -jnp.sum(log_scales)
