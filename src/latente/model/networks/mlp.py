"""Fully connected networks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from latente.model.nets import MLP
from latente.model.networks.base import Net, Network, Plan, networks


@networks.register("mlp", source="Kingma & Welling 2014, appendix C")
class MLPNetwork(Network):
    """Fully connected layers, as in the notebook: 784-256-128-d and back."""

    net: ClassVar[Callable[..., Net]] = MLP

    def encoder(self, plan: Plan, *, key: Array) -> Net:
        """Widths prod(shape), *hidden, size."""
        return self.net((math.prod(plan.shape) + plan.context, *plan.hidden, plan.size), plan.activation, key=key)

    def decoder(self, plan: Plan, *, key: Array) -> Net:
        """Widths size, *reversed(hidden), prod(shape)."""
        sizes = (plan.size + plan.context, *reversed(plan.hidden), math.prod(plan.shape))
        return self.net(sizes, plan.activation, key=key)

    def with_bias(self, decoder: Net, bias: Array) -> Net:
        """The bias becomes that of the last layer."""
        biased: Net = eqx.tree_at(lambda net: net.layers[-1].bias, decoder, jnp.ravel(bias))
        return biased
