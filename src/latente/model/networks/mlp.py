"""Fully connected networks."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from latente.model.nets import MLP
from latente.model.networks.base import FullyConnected, Net, networks


@networks.register("mlp", source="Kingma & Welling 2014, appendix C")
class MLPNetwork(FullyConnected):
    """Fully connected layers, as in the notebook: 784-256-128-d and back."""

    net: ClassVar[Callable[..., Net]] = MLP

    def with_bias(self, decoder: Net, bias: Array) -> Net:
        """The bias becomes that of the last layer."""
        biased: Net = eqx.tree_at(lambda net: net.layers[-1].bias, decoder, jnp.ravel(bias))
        return biased
