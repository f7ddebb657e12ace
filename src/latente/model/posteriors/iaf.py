"""The inverse autoregressive flow posterior."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar, Self

import equinox as eqx
from jax import Array

from latente.model.flows.stacks import iaf
from latente.model.options import whole, widths
from latente.model.posteriors.base import posteriors
from latente.model.posteriors.flow import ThroughFlow


@posteriors.register("iaf", source="Kingma et al. 2016, arXiv:1606.04934, algorithm 1 and eqs. 10–14")
class InverseAutoregressive(ThroughFlow):
    """Gated autoregressive maps, with the encoder's context h, on a diagonal Gaussian; its KL is estimated from draws.

    There are ``layers`` maps with networks of ``hidden`` widths, with the order of the latents reversed between them;
    h has ``context`` numbers. A draw takes one pass per layer, and the density at a given code one pass per layer and
    latent.

    The outputs are the Gaussian's (means, and log-variances before their bound 20 · tanh(r / 20)), then h. A layer
    whose network returns r and m computes y = σ z + (1 − σ) m with σ = sigmoid(3 · tanh(r / 3) + 2).
    """

    layers: int = eqx.field(static=True, default=2)
    hidden: tuple[int, ...] = eqx.field(static=True, default=(64,))
    context: int = eqx.field(static=True, default=16)

    evaluates: ClassVar[bool] = True

    def __post_init__(self) -> None:
        part = 'posterior "iaf"'
        whole(part, "layers", self.layers)
        whole(part, "context", self.context, 0)
        object.__setattr__(self, "hidden", widths(part, self.hidden))

    def init(self, latent_dim: int, *, key: Array) -> Self:
        """With new networks; it starts near 0.88^layers times the Gaussian, with gates at σ(2)."""
        made = iaf(latent_dim, layers=self.layers, hidden=self.hidden, context_dim=self.context, key=key)
        return replace(self, flow=made)

    def size(self, latent_dim: int) -> int:
        """Two outputs for each latent, then h."""
        return 2 * latent_dim + self.context
