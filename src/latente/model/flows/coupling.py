"""Affine coupling: some coordinates are scaled and shifted by functions of the others and a context."""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from latente.errors import SpecError
from latente.model.flows.affine import (
    SCALE_BOUND,
    affine,
    affine_inverse,
    checked_bound,
    near_zero,
    scale_and_shift,
)
from latente.model.flows.base import Flow, checked_context, positive
from latente.model.nets import MLP
from latente.model.nets import activation as known_activation


def alternating(dim: int, layers: int) -> tuple[tuple[int, ...], ...]:
    """Which coordinates each layer changes, so that layers 2k and 2k + 1 change complementary sets.

    The first pair splits odd from even indices, the next ones by the second, third, … binary digit, cyclically: with
    2⌈log₂ dim⌉ layers any two coordinates have been on opposite sides, so that each can influence every other. In
    dimension 1 every layer changes the only coordinate.
    """
    digits = max((positive("dim", dim) - 1).bit_length(), 1)
    if dim == 1:
        return ((0,),) * layers
    sides = [(layer // 2 % digits, 1 - layer % 2) for layer in range(layers)]
    return tuple(tuple(i for i in range(dim) if (i >> digit) & 1 == side) for digit, side in sides)


class Coupling(Flow):
    """y_c = e^s(z_k, h) z_c + t(z_k, h), y_k = z_k, with c the ``changed`` and k the kept coordinates.

    Real NVP (Dinh et al. 2017, arXiv:1605.08803, eqs. 4–8), with s = bound·tanh(·/bound). Both directions cost one pass
    of the conditioner. If all coordinates change (as they must in dimension 1), there is only the context to condition
    on: the layer is then elementwise affine, with a scale and shift that are learnt or depend on the context. It starts
    near the identity.

    Raises:
        SpecError: a size below one, coordinates outside 0 … dim − 1 or twice, a bound of zero, an unknown activation.
    """

    conditioner: MLP | None
    constant: Array | None  # shape (2, changed): replaces the conditioner if there is nothing to condition on
    changed: tuple[int, ...] = eqx.field(static=True)
    bound: float = eqx.field(static=True)

    def __init__(
        self,
        dim: int,
        changed: Sequence[int],
        *,
        hidden: Sequence[int] = (64, 64),
        activation: str = "silu",
        context_dim: int = 0,
        bound: float = SCALE_BOUND,
        key: Array,
    ) -> None:
        self.dim, self.context_dim = positive("dim", dim), positive("context_dim", context_dim, 0)
        self.changed, self.bound = tuple(sorted(int(i) for i in changed)), checked_bound(bound)
        if not self.changed or len(set(self.changed)) < len(self.changed) or not set(self.changed) <= set(range(dim)):
            raise SpecError(f"coupling: got changed = {tuple(changed)}; allowed: some of 0 to {dim - 1}, each once")
        known_activation(activation)
        sizes = [positive("hidden width", int(h)) for h in hidden]
        inputs, outputs = dim - len(self.changed) + context_dim, 2 * len(self.changed)
        net = MLP((inputs, *sizes, outputs), activation, key=key) if inputs else None
        self.conditioner = None if net is None else near_zero(net, lambda net: net.layers[-1].weight)
        self.constant = None if inputs else jnp.zeros((2, len(self.changed)))

    def _kept(self) -> list[int]:
        return [i for i in range(self.dim) if i not in self.changed]

    def _with(self, x: Array, new: Array) -> Array:
        """The kept coordinates of x with the new values of the others, in order."""
        kept = self._kept()
        return jnp.concatenate([x[np.array(kept, int)], new])[np.argsort([*kept, *self.changed])]

    def _log_scale_and_shift(self, x: Array, context: Array | None) -> tuple[Array, Array]:
        """Computed from the kept coordinates of x, which are the same before and after."""
        context = checked_context(context, self.context_dim)
        if self.conditioner is None:
            assert self.constant is not None
            return scale_and_shift(self.constant, self.bound, gate=False)
        inputs = jnp.concatenate([x[np.array(self._kept(), int)], context])
        return scale_and_shift(jnp.reshape(self.conditioner(inputs), (2, -1)), self.bound, gate=False)

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        """Scale and shift the changed coordinates."""
        log_scale, shift = self._log_scale_and_shift(z, context)
        return self._with(z, affine(z[np.array(self.changed)], log_scale, shift)), jnp.sum(log_scale)

    def inverse(self, y: Array, context: Array | None = None) -> tuple[Array, Array]:
        """Undo the shift and scale."""
        log_scale, shift = self._log_scale_and_shift(y, context)
        return self._with(y, affine_inverse(y[np.array(self.changed)], log_scale, shift)), -jnp.sum(log_scale)
