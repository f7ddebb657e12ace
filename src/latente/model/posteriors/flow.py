"""A flow on top of the Gaussian posterior: planar, or Real NVP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Self

import equinox as eqx
import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError, unknown
from latente.model.flows import Flow, flow_log_prob, planar_apply, planar_size, real_nvp
from latente.model.nets import check_most
from latente.model.posteriors.base import Posterior, posteriors
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.registry import learnt

BASE = DiagonalGaussian()
FAMILIES = ("planar", "realnvp")
HIDDEN, CONTEXT = (64,), 16

Forward = Callable[[Array], tuple[Array, Array]]
"""z to y and log |det ∂y/∂z|."""


def whole(posterior: str, option: str, value: Any, least: int) -> int:
    """An option's value where it is a whole number of at least ``least``.

    Raises:
        SpecError: naming the posterior and what was got.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SpecError(
            f'posterior "{posterior}": got {option} = {value!r}; allowed: a whole number of at least {least}'
        )
    check_most(f'posterior "{posterior}"', option, value)
    return value


def widths(posterior: str, value: Any) -> tuple[int, ...]:
    """The option ``hidden``: a list of layer widths.

    Raises:
        SpecError: naming the posterior and what was got.
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise SpecError(
            f'posterior "{posterior}": got hidden = {value!r}; allowed: a list of widths, for instance [64]'
        )
    return tuple(whole(posterior, f"hidden[{i}]", width, 1) for i, width in enumerate(value))


def pushed(base: Array, forward: Forward, *, key: Array) -> tuple[Array, Array]:
    """A draw of the Gaussian with outputs ``base``, taken through a map, and its log-density after it."""
    z, log_q = BASE.draw(base, key=key)
    y, log_det = forward(z)
    return y, log_q - log_det


def with_context(flow: Flow | None, outputs: Array) -> tuple[Flow, Array, Array]:
    """A learnt flow, the outputs of its Gaussian base, and its context."""
    assert flow is not None  # filled in by init
    base, context = jnp.split(outputs, [2 * flow.dim])
    return flow, base, context


@posteriors.register("flow", source="Rezende & Mohamed 2015, arXiv:1505.05770, section 4.1; Dinh et al. 2017 (realnvp)")
class FlowPosterior(Posterior):
    """A flow's image of a diagonal Gaussian; its KL is estimated from draws.

    ``family`` "planar": the encoder gives the parameters of all ``layers`` for each example, as in Rezende & Mohamed;
    the density is known at its own draws only. "realnvp": couplings with learnt networks of ``hidden`` widths ([64]),
    to which the encoder gives ``context`` numbers (16) beside the Gaussian's; the density is known at any code.
    Both start near the Gaussian itself.

    The outputs are the Gaussian's (means, and log-variances before their bound 20 · tanh(r / 20)), then, one layer
    after another, u, w and b of the planar maps, or the context. A planar map is y = z + û tanh(w·z + b) with
    û = u + (m − 1 − w·u) w / (‖w‖² + 10⁻¹²) and m = 0.001 + 0.999 softplus(w·u + log(e − 1)), so that it is invertible.
    A coupling's log-scale is 3 · tanh(r / 3) of its network's output r.
    """

    family: str = eqx.field(static=True, default="planar")
    layers: int = eqx.field(static=True, default=4)
    hidden: tuple[int, ...] | None = eqx.field(static=True, default=None)
    context: int | None = eqx.field(static=True, default=None)
    flow: Flow | None = learnt()

    kind: ClassVar[str] = "density"

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise SpecError(unknown('family of posterior "flow"', self.family, FAMILIES))
        whole("flow", "layers", self.layers, 1)
        if self.family == "planar":
            for option, value in (("hidden", self.hidden), ("context", self.context)):
                if value is not None:
                    raise SpecError(
                        f'posterior "flow": got {option} = {value!r} with family = "planar", whose parameters are the '
                        f'encoder\'s own outputs; leave it out, or take family = "realnvp"'
                    )
            return
        object.__setattr__(self, "hidden", widths("flow", HIDDEN if self.hidden is None else self.hidden))
        object.__setattr__(
            self, "context", whole("flow", "context", CONTEXT if self.context is None else self.context, 0)
        )

    @property
    def evaluates(self) -> bool:  # type: ignore[override]
        """Whether the flow has an inverse to compute."""
        return self.family == "realnvp"

    def init(self, latent_dim: int, *, key: Array) -> Self:
        """With the couplings' networks made, where there are any."""
        if self.family == "planar":
            return self
        assert self.hidden is not None and self.context is not None
        flow = real_nvp(latent_dim, layers=self.layers, hidden=self.hidden, context_dim=self.context, key=key)
        return replace(self, flow=flow)

    def size(self, latent_dim: int) -> int:
        """Two outputs for each latent, then the planar maps' parameters (2 latent_dim + 1 a layer) or the context."""
        beside = planar_size(latent_dim, self.layers) if self.context is None else self.context
        return 2 * latent_dim + beside

    def mean(self, outputs: Array) -> Array:
        """The image of the Gaussian's mean; the mean itself has no closed form."""
        base, forward = self._parts(outputs)
        return forward(BASE.mean(base))[0]

    def draw(self, outputs: Array, *, key: Array) -> tuple[Array, Array]:
        """The image of a draw of the Gaussian; log q = log q₀ − log |det|."""
        base, forward = self._parts(outputs)
        return pushed(base, forward, key=key)

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
        flow, base, context = with_context(self.flow, outputs)
        return flow_log_prob(flow, lambda y: BASE.log_prob(base, y), z, context)

    def _parts(self, outputs: Array) -> tuple[Array, Forward]:
        """The outputs of the Gaussian, and the map on top of it."""
        if self.family == "planar":
            # size = 2d + layers (2d + 1), solved for d.
            dim = (outputs.shape[0] - self.layers) // (2 * self.layers + 2)
            base, parameters = jnp.split(outputs, [2 * dim])
            return base, lambda z: planar_apply(z, parameters)
        flow, base, context = with_context(self.flow, outputs)
        return base, lambda z: flow.forward(z, context)
