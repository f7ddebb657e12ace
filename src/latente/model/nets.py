"""Networks, one example at a time; callers vmap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from latente.errors import SpecError, unknown
from latente.registry import Registry

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
    """The function of that name.

    Raises:
        SpecError: no activation is called so.
    """
    if name not in ACTIVATIONS:
        raise SpecError(unknown("activation", name, ACTIVATIONS))
    return ACTIVATIONS[name]


class Dense(eqx.Module):
    """x ↦ xW + b with Keras's initialisers: W uniform in ±√(6 / (in + out)) (Glorot & Bengio 2010), b zero."""

    weight: Array
    bias: Array

    def __init__(self, inputs: int, outputs: int, *, key: Array) -> None:
        limit = (6 / (inputs + outputs)) ** 0.5
        self.weight = jr.uniform(key, (inputs, outputs), minval=-limit, maxval=limit)
        self.bias = jnp.zeros(outputs)

    def __call__(self, x: Array) -> Array:
        """(inputs,) to (outputs,)."""
        return x @ self.weight + self.bias


class MLP(eqx.Module):
    """Dense layers with an activation between them; the last one is linear. Flattens its input."""

    layers: tuple[Dense, ...]
    activation: str = eqx.field(static=True)

    def __init__(self, sizes: Sequence[int], activation: str, *, key: Array) -> None:
        keys = jr.split(key, len(sizes) - 1)
        self.layers = tuple(Dense(i, o, key=k) for i, o, k in zip(sizes, sizes[1:], keys, strict=False))
        self.activation = activation

    def __call__(self, x: Array) -> Array:
        """Any shape of the first size to (last size,)."""
        act = activation(self.activation)
        x = jnp.ravel(x)
        for layer in self.layers[:-1]:
            x = act(layer(x))
        return self.layers[-1](x)


class Net(Protocol):
    """A network: one array in, one flat vector out, and no randomness."""

    def __call__(self, x: Array, /) -> Array:
        """One example or code in, a flat vector out."""
        ...


class Network(eqx.Module):
    """A kind of network: makes the encoder and its mirror, the decoder."""

    def encoder(
        self, shape: tuple[int, ...], size: int, hidden: tuple[int, ...], activation: str, *, key: Array
    ) -> Net:
        """A net from an example of ``shape`` to a vector of ``size``."""
        raise NotImplementedError

    def decoder(
        self, size: int, shape: tuple[int, ...], hidden: tuple[int, ...], activation: str, *, key: Array
    ) -> Net:
        """A net from a vector of ``size`` to a flat vector with one entry for each of ``shape``."""
        raise NotImplementedError


networks: Registry[Network] = Registry("network")


@networks.register("mlp")
class MLPNetwork(Network):
    """Fully connected layers, as in the notebook: 784-256-128-d and mirrored."""

    def encoder(
        self, shape: tuple[int, ...], size: int, hidden: tuple[int, ...], activation: str, *, key: Array
    ) -> Net:
        """Widths prod(shape), *hidden, size."""
        return MLP((int(np.prod(shape)), *hidden, size), activation, key=key)

    def decoder(
        self, size: int, shape: tuple[int, ...], hidden: tuple[int, ...], activation: str, *, key: Array
    ) -> Net:
        """Widths size, *reversed(hidden), prod(shape)."""
        return MLP((size, *reversed(hidden), int(np.prod(shape))), activation, key=key)
