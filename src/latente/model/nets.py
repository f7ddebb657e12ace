"""Layers, activations and smooth bounds, one example at a time; callers vmap."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.errors import SpecError, unknown

LARGEST_ROOM = 8**7
"""Up to so many weights (8 MiB) a layer's are drawn by a program for the next power of eight."""

Activation = Callable[[Array], Array]

ACTIVATIONS: dict[str, Activation] = {
    "linear": lambda x: x,
    "relu": jax.nn.relu,
    "tanh": jnp.tanh,
    "sigmoid": jax.nn.sigmoid,
    "elu": jax.nn.elu,
    "gelu": jax.nn.gelu,
    "silu": jax.nn.silu,
    "softplus": jax.nn.softplus,
}


def activation(name: str) -> Activation:
    """The activation function of this name.

    Raises:
        SpecError: the name is unknown.
    """
    if name not in ACTIVATIONS:
        raise SpecError(unknown("activation", name, ACTIVATIONS))
    return ACTIVATIONS[name]


def bounded(raw: Array, bound: float) -> Array:
    """Any number brought smoothly into (−bound, bound) by a scaled tanh; near zero it is the identity."""
    return bound * jnp.tanh(raw / bound)


def uniform(key: Array, shape: tuple[int, ...], limit: float) -> Array:
    """`jax.random.uniform` in (−limit, limit), to the bit, and quicker for a new model.

    JAX compiles a program for every shape, which takes most of the time of making a small model. A number's bits follow
    from the key and its place alone, so a program for the next power of eight gives the numbers of all smaller shapes.
    """
    size = math.prod(shape)
    room = 1 << 3 * max(4, -(-(size - 1).bit_length() // 3))
    free = jax.config.jax_threefry_partitionable  # type: ignore[attr-defined]
    if isinstance(key, jax.core.Tracer) or not free or room > LARGEST_ROOM:
        return jr.uniform(key, shape, minval=-limit, maxval=limit)
    drawn = np.asarray(jr.uniform(key, (room,), minval=-limit, maxval=limit))
    return _placed(drawn[:size].reshape(shape).copy())


def zeros(*shape: int) -> Array:
    """`jax.numpy.zeros` without a program to compile."""
    return _placed(np.zeros(shape, np.float32))


def _placed(values: NDArray[np.float32]) -> Array:
    found: Array = jax.device_put(values)
    return found


class Dense(eqx.Module):
    """x ↦ xW + b with Keras's initialisers: W uniform in ±√(6 / (in + out)) (Glorot & Bengio 2010), b zero."""

    weight: Array
    bias: Array

    def __init__(self, inputs: int, outputs: int, *, key: Array) -> None:
        limit = (6 / (inputs + outputs)) ** 0.5
        self.weight = uniform(key, (inputs, outputs), limit)
        self.bias = zeros(outputs)

    def __call__(self, x: Array) -> Array:
        """(inputs,) to (outputs,)."""
        return x @ self.weight + self.bias


class MLP(eqx.Module):
    """Dense layers with an activation between them; the last one is linear. Flattens its input.

    A ``context`` vector, if given, is appended to the input; ``sizes[0]`` includes it.
    """

    layers: tuple[Dense, ...]
    activation: str = eqx.field(static=True)

    def __init__(self, sizes: Sequence[int], activation: str, *, key: Array) -> None:
        keys = jr.split(key, len(sizes) - 1)
        self.layers = tuple(Dense(i, o, key=k) for i, o, k in zip(sizes, sizes[1:], keys, strict=False))
        self.activation = activation

    def __call__(self, x: Array, context: Array | None = None) -> Array:
        """Any shape of the first size to (last size,)."""
        act = activation(self.activation)
        x = jnp.ravel(x) if context is None else jnp.concatenate([jnp.ravel(x), context])
        for layer in self.layers[:-1]:
            x = act(layer(x))
        return self.layers[-1](x)
