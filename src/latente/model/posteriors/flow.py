"""Posteriors with a flow on top of a Gaussian: planar, or Real NVP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, Self

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.flows.base import Flow
from latente.model.flows.density import flow_log_prob
from latente.model.flows.planar import planar_apply, planar_size
from latente.model.flows.stacks import real_nvp
from latente.model.options import choice, whole, widths
from latente.model.posteriors.base import Posterior, posteriors
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.registry import learnt

BASE = DiagonalGaussian()
FAMILIES = ("planar", "realnvp")
HIDDEN, CONTEXT = (64,), 16
PART = 'posterior "flow"'

Forward = Callable[[Array], tuple[Array, Array]]
"""z to y and log |det ∂y/∂z|."""


class ThroughFlow(Posterior):
    """A diagonal Gaussian through a flow that is learnt: the outputs are the Gaussian's, then the flow's context."""

    flow: Flow | None = learnt()

    kind: ClassVar[str] = "density"

    def mean(self, outputs: Array) -> Array:
        """The Gaussian's mean through the flow; the posterior's own mean has no closed form."""
        base, forward = self._parts(outputs)
        return forward(BASE.mean(base))[0]

    def draw(self, outputs: Array, *, key: Array) -> tuple[Array, Array]:
        """A draw from the Gaussian through the flow; log q = log q₀ − log |det|."""
        base, forward = self._parts(outputs)
        z, log_q = BASE.draw(base, key=key)
        y, log_det = forward(z)
        return y, log_q - log_det

    def log_prob(self, outputs: Array, z: Array) -> Array:
        """log q₀(f⁻¹(z)) + log |det ∂f⁻¹/∂z|."""
        flow, base, context = self._with_context(outputs)
        return flow_log_prob(flow, lambda y: BASE.log_prob(base, y), z, context)

    def _parts(self, outputs: Array) -> tuple[Array, Forward]:
        """The outputs of the Gaussian, and the map on top of it."""
        flow, base, context = self._with_context(outputs)
        return base, lambda z: flow.forward(z, context)

    def _with_context(self, outputs: Array) -> tuple[Flow, Array, Array]:
        """The flow, and the outputs split into those of the Gaussian and the context."""
        assert self.flow is not None  # filled in by init
        base, context = jnp.split(outputs, [2 * self.flow.dim])
        return self.flow, base, context


@posteriors.register("flow", source="Rezende & Mohamed 2015, arXiv:1505.05770, section 4.1; Dinh et al. 2017 (realnvp)")
class FlowPosterior(ThroughFlow):
    """A flow's image of a diagonal Gaussian; its KL is estimated from draws.

    ``family`` "planar": the parameters of all ``layers`` are outputs of the encoder for each example, as in Rezende &
    Mohamed; the density is known only at its own draws. "realnvp": couplings with learnt networks of ``hidden`` widths
    ([64]) and ``context`` numbers (16) from the encoder besides the Gaussian's; the density is known at any code. Both
    start near the Gaussian itself.

    The outputs are the Gaussian's (means, and log-variances before their bound 20 · tanh(r / 20)), then, layer after
    layer, u, w and b of the planar maps, or the context. A planar map is y = z + û tanh(w·z + b) with
    û = u + (m − 1 − w·u) w / (‖w‖² + 10⁻¹²) and m = 0.001 + 0.999 softplus(w·u + log(e − 1)), so that it is invertible.
    A coupling's log-scale is 3 · tanh(r / 3) of its network's output r.
    """

    family: str = eqx.field(static=True, default="planar")
    layers: int = eqx.field(static=True, default=4)
    hidden: tuple[int, ...] | None = eqx.field(static=True, default=None)
    context: int | None = eqx.field(static=True, default=None)

    def __post_init__(self) -> None:
        choice(PART, "family", self.family, FAMILIES)
        whole(PART, "layers", self.layers)
        if self.family == "planar":
            for option, value in (("hidden", self.hidden), ("context", self.context)):
                if value is not None:
                    raise SpecError(
                        f'posterior "flow": got {option} = {value!r} with family = "planar", whose parameters are the '
                        f'encoder\'s own outputs; leave it out, or take family = "realnvp"'
                    )
            return
        object.__setattr__(self, "hidden", widths(PART, HIDDEN if self.hidden is None else self.hidden))
        context = CONTEXT if self.context is None else self.context
        object.__setattr__(self, "context", whole(PART, "context", context, 0))

    @property
    def evaluates(self) -> bool:  # type: ignore[override]
        """Whether the flow's inverse can be computed."""
        return self.family == "realnvp"

    def init(self, latent_dim: int, *, key: Array) -> Self:
        """With the networks of the couplings, if there are any."""
        if self.family == "planar":
            return self
        assert self.hidden is not None and self.context is not None
        flow = real_nvp(latent_dim, layers=self.layers, hidden=self.hidden, context_dim=self.context, key=key)
        return replace(self, flow=flow)

    def size(self, latent_dim: int) -> int:
        """Two outputs for each latent, then the planar maps' parameters (2 latent_dim + 1 a layer) or the context."""
        return 2 * latent_dim + (planar_size(latent_dim, self.layers) if self.context is None else self.context)

    def log_prob(self, outputs: Array, z: Array) -> Array:
        """log q₀(f⁻¹(z)) + log |det ∂f⁻¹/∂z|.

        Raises:
            SpecError: planar maps have no inverse in closed form.
        """
        if not self.evaluates:
            raise SpecError(
                'posterior "flow" with family = "planar" has no density that can be evaluated at a given code; '
                'take family = "realnvp"'
            )
        return super().log_prob(outputs, z)

    def _parts(self, outputs: Array) -> tuple[Array, Forward]:
        if self.family != "planar":
            return super()._parts(outputs)
        # size = 2d + layers (2d + 1), solved for d.
        dim = (outputs.shape[0] - self.layers) // (2 * self.layers + 2)
        base, parameters = jnp.split(outputs, [2 * dim])
        return base, lambda z: planar_apply(z, parameters)
