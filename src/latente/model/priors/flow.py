"""Normalising flows as priors, learnt with the model or fitted to codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Self

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from latente.model.flows.base import Chain
from latente.model.flows.density import flow_log_prob, flow_sample
from latente.model.flows.stacks import maf, real_nvp
from latente.model.options import as_tuple, whole, widths
from latente.model.priors.base import Prior, priors
from latente.model.priors.normal import StandardNormal
from latente.registry import learnt

BASE = StandardNormal()


class FlowPrior(Prior):
    """A standard normal through a flow, then scaled and shifted for each latent; it starts near the standard normal.

    Attributes:
        make_flow: makes the map for so many dimensions, ``layers``, ``hidden`` widths and a ``key``.
        flow: the map.
        shift, log_scale: of each latent after the flow, shape (code_size,), for codes far from unit scale.
    """

    layers: int = eqx.field(static=True, default=6)
    hidden: tuple[int, ...] = eqx.field(static=True, default=(64, 64), converter=as_tuple)
    flow: Chain | None = learnt()
    shift: Array | None = learnt()
    log_scale: Array | None = learnt()

    make_flow: ClassVar[Callable[..., Chain]]

    def __check_init__(self) -> None:
        whole(priors.name_of(self), "layers", self.layers)
        widths(priors.name_of(self), self.hidden)

    def init(self, code_size: int, features: tuple[int, ...], *, key: Array) -> Self:
        """With a new flow, scales of one and shifts of zero."""
        zeros = jnp.zeros(code_size)
        flow = self.make_flow(code_size, layers=self.layers, hidden=self.hidden, key=key)
        return replace(self, flow=flow, shift=zeros, log_scale=zeros)

    def log_prob(self, z: Array) -> Array:
        """log N(u; 0, I) + log |det ∂u/∂z| at u = f⁻¹((z − shift) / scale)."""
        flow, shift, log_scale = self._parts()
        return flow_log_prob(flow, BASE.log_prob, (z - shift) * jnp.exp(-log_scale)) - jnp.sum(log_scale)

    def sample(self, code_size: int, *, key: Array) -> Array:
        """shift + scale · f(u) with a standard normal u."""
        flow, shift, log_scale = self._parts()
        return shift + jnp.exp(log_scale) * flow_sample(flow, lambda key: BASE.sample(code_size, key=key), key=key)

    def _parts(self) -> tuple[Chain, Array, Array]:
        assert self.flow is not None and self.shift is not None and self.log_scale is not None  # filled in by init
        return self.flow, self.shift, self.log_scale


@priors.register("realnvp", source="Dinh et al. 2017, arXiv:1605.08803, eqs. 4–8")
class RealNVP(FlowPrior):
    """Real NVP: ``layers`` affine couplings with networks of ``hidden`` widths; fast in both directions.

    A coupling's log-scale is 3 · tanh(r / 3), with r its network's output.
    """

    make_flow: ClassVar[Callable[..., Chain]] = staticmethod(real_nvp)


@priors.register("maf", source="Papamakarios et al. 2017, arXiv:1705.07057")
class MAF(FlowPrior):
    """Masked autoregressive flow: ``layers`` with networks of ``hidden`` widths; fast densities, slow draws.

    A density takes one pass per layer, and a draw one pass per layer and latent. A layer's log-scale is
    3 · tanh(r / 3), with r its network's output.
    """

    layers: int = eqx.field(static=True, default=5)

    make_flow: ClassVar[Callable[..., Chain]] = staticmethod(maf)
