"""Densities and samples through a flow, by the change of variables."""

from __future__ import annotations

from collections.abc import Callable

from jax import Array

from latente.errors import SpecError
from latente.model.flows.base import Flow

LogProb = Callable[[Array], Array]
"""z of shape (dim,) to log p(z), a scalar in nats."""

Sample = Callable[[Array], Array]
"""A key to one z of shape (dim,)."""


def flow_log_prob(flow: Flow, base_log_prob: LogProb, x: Array, context: Array | None = None) -> Array:
    """log p(x) = log p_base(f⁻¹(x)) + log |det ∂f⁻¹/∂x|, in nats; a scalar.

    Raises:
        SpecError: the flow has no inverse (``invertible`` is False), or the context does not fit it.
    """
    if not flow.invertible:
        raise SpecError(
            f"{type(flow).__name__}: a part of this flow has no inverse, so it gives no density of a given point; "
            "take a RealNVP or masked autoregressive flow, or flow_sample_and_log_prob"
        )
    z, log_det = flow.inverse(x, context)
    return base_log_prob(z) + log_det


def flow_sample(flow: Flow, base_sample: Sample, context: Array | None = None, *, key: Array) -> Array:
    """One draw: f applied to a draw from the base; shape (dim,)."""
    return flow.forward(base_sample(key), context)[0]


def flow_sample_and_log_prob(
    flow: Flow, base_log_prob: LogProb, base_sample: Sample, context: Array | None = None, *, key: Array
) -> tuple[Array, Array]:
    """One draw and its log-density in nats, for any flow: log p_base(z) − log |det ∂f/∂z|, no inverse needed.

    Differentiable in the flow, the context, and whatever the base's functions close over.
    """
    z = base_sample(key)
    y, log_det = flow.forward(z, context)
    return y, base_log_prob(z) - log_det
