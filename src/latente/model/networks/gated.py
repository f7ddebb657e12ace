"""Fully connected networks with sigmoid gates."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.nets import Dense, activation
from latente.model.networks.base import FullyConnected, Net, networks


class GatedMLP(eqx.Module):
    """Layers x ↦ act(xW + b) · sigmoid(xV + c); the last one is linear. Flattens its input, then the context."""

    values: tuple[Dense, ...]
    gates: tuple[Dense, ...]
    last: Dense
    activation: str = eqx.field(static=True)

    def __init__(self, sizes: Sequence[int], activation: str, *, key: Array) -> None:
        inner = list(itertools.pairwise(sizes[:-1]))
        keys = jr.split(key, 2 * len(inner) + 1)
        self.values = tuple(Dense(i, o, key=k) for (i, o), k in zip(inner, keys[::2], strict=False))
        self.gates = tuple(Dense(i, o, key=k) for (i, o), k in zip(inner, keys[1::2], strict=False))
        self.last = Dense(sizes[-2], sizes[-1], key=keys[-1])
        self.activation = activation

    def __call__(self, x: Array, context: Array | None = None) -> Array:
        """Any shape of the first size to (last size,)."""
        act = activation(self.activation)
        x = jnp.ravel(x) if context is None else jnp.concatenate([jnp.ravel(x), context])
        for value, gate in zip(self.values, self.gates, strict=True):
            x = act(value(x)) * jax.nn.sigmoid(gate(x))
        return self.last(x)


@networks.register(
    "gated-mlp", source="Dauphin et al. 2017, arXiv:1612.08083; Tomczak & Welling 2018, arXiv:1705.07120"
)
class GatedMLPNetwork(FullyConnected):
    """Fully connected layers, each multiplied by a sigmoid gate; the papers' activation is "linear"."""

    net: ClassVar[Callable[..., Net]] = GatedMLP

    def with_bias(self, decoder: Net, bias: Array) -> Net:
        """The bias becomes that of the last layer."""
        biased: Net = eqx.tree_at(lambda net: net.last.bias, decoder, jnp.ravel(bias))
        return biased
