"""MADE: a network whose i-th outputs see only the inputs before the i-th (Germain et al. 2015, arXiv:1502.03509)."""

from __future__ import annotations

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from latente.model.flows.affine import near_zero
from latente.model.flows.base import checked_context, positive
from latente.model.nets import Dense
from latente.model.nets import activation as known_activation


def spread(width: int, low: int, high: int) -> tuple[int, ...]:
    """``width`` degrees from low to high, each about equally often, in increasing order."""
    return tuple(low + i * (high - low + 1) // width for i in range(width))


class MaskedDense(eqx.Module):
    """A dense layer without the weights from a unit to one of a lower degree (or, if ``strict``, of the same).

    The mask follows from the degrees, which are static: nothing of it is learnt or saved.
    """

    dense: Dense
    inputs: tuple[int, ...] = eqx.field(static=True)
    outputs: tuple[int, ...] = eqx.field(static=True)
    strict: bool = eqx.field(static=True)

    def __init__(self, inputs: Sequence[int], outputs: Sequence[int], strict: bool, *, key: Array) -> None:
        self.inputs, self.outputs, self.strict = tuple(inputs), tuple(outputs), strict
        self.dense = Dense(len(self.inputs), len(self.outputs), key=key)

    def mask(self) -> np.ndarray:
        """True where a weight is used, shape (inputs, outputs)."""
        below, above = np.array(self.inputs)[:, None], np.array(self.outputs)[None]
        return np.asarray(below < above if self.strict else below <= above)

    def __call__(self, x: Array) -> Array:
        """(inputs,) to (outputs,)."""
        return x @ jnp.where(self.mask(), self.dense.weight, 0) + self.dense.bias


class MADE(eqx.Module):
    """(x, h) ↦ (outputs_each, dim): column i depends on x_0 … x_(i−1) and on all of the context h.

    Inputs have degrees 1 … dim and the context degree 0; hidden units spread over 0 (1 without a context) … dim − 1.
    Direct connections from the inputs to the outputs (which the paper allows) make every permitted dependence possible,
    however narrow the hidden layers. Its output starts near zero.

    Raises:
        SpecError: a size below one, or an unknown activation.
    """

    layers: tuple[MaskedDense, ...]
    direct: MaskedDense
    last: MaskedDense
    activation: str = eqx.field(static=True)
    dim: int = eqx.field(static=True)
    context_dim: int = eqx.field(static=True)

    def __init__(
        self,
        dim: int,
        outputs_each: int = 2,
        *,
        hidden: Sequence[int] = (64, 64),
        activation: str = "silu",
        context_dim: int = 0,
        key: Array,
    ) -> None:
        self.dim, self.context_dim = positive("dim", dim), positive("context_dim", context_dim, 0)
        self.activation = activation
        known_activation(activation)
        widths = [positive("hidden width", int(h)) for h in hidden]
        low, high = (0 if context_dim else 1), max(dim - 1, 0)
        # In dimension 1 without a context no unit may see anything, so there are none, and only biases act.
        hidden_degrees = [spread(w, low, high) for w in widths] if high >= low else []
        inputs = (*range(1, dim + 1), *(0,) * context_dim)
        outputs = tuple(range(1, dim + 1)) * positive("outputs_each", outputs_each)
        degrees = [inputs, *hidden_degrees]
        *keys, straight, end = jr.split(key, len(degrees) + 1)
        self.layers = tuple(
            MaskedDense(i, o, strict=False, key=k) for i, o, k in zip(degrees, degrees[1:], keys, strict=False)
        )
        layers = MaskedDense(inputs, outputs, True, key=straight), MaskedDense(degrees[-1], outputs, True, key=end)
        self.direct, self.last = (near_zero(layer, lambda layer: layer.dense.weight) for layer in layers)

    def __call__(self, x: Array, context: Array | None = None) -> Array:
        """(dim,) and (context_dim,) to (outputs_each, dim)."""
        act = known_activation(self.activation)
        inputs = jnp.concatenate([x, checked_context(context, self.context_dim)])
        hidden = inputs
        for layer in self.layers:
            hidden = act(layer(hidden))
        return jnp.reshape(self.direct(inputs) + self.last(hidden), (-1, self.dim))
