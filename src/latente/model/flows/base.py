"""The interface of flows: invertible maps with the log-determinant of their Jacobian. One example; callers vmap.

``forward`` goes from the base variable z to y, ``inverse`` back. All log-determinants are in nats.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from latente.errors import SpecError


def positive(what: str, value: int, least: int = 1) -> int:
    """``value``, if it is an integer of at least ``least``.

    Raises:
        SpecError: it is not.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise SpecError(f"flow: got {what} = {value!r}; allowed: an integer of at least {least}")
    return value


def checked_context(context: Array | None, size: int) -> Array:
    """The context as a vector of ``size``, empty if the flow takes none.

    Raises:
        SpecError: it is missing, of another shape, or given to a flow that was built without one.
    """
    if context is None:
        if size:
            raise SpecError(f"flow: got no context; it was built for a context of shape ({size},), so give one")
        return jnp.zeros(0)
    if context.shape != (size,):
        wanted = f"allowed: ({size},)" if size else "it was built without one, so give none"
        raise SpecError(f"flow: got a context of shape {context.shape}; {wanted}")
    return context


class Flow(eqx.Module):
    """A smooth invertible map of R^dim onto itself.

    ``context`` is a vector of shape (context_dim,) that the map may depend on (an encoder's h, labels), or None if
    ``context_dim`` is 0.

    Attributes:
        invertible: whether `inverse` can be computed, and with it the density at any given point.
    """

    dim: int = eqx.field(static=True)
    context_dim: int = eqx.field(static=True)

    invertible: ClassVar[bool] = True

    @abstractmethod
    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        """y = f(z), shape (dim,), and log |det ∂y/∂z|, a scalar in nats.

        Raises:
            SpecError: the context is missing, unwanted or of another shape.
        """

    @abstractmethod
    def inverse(self, y: Array, context: Array | None = None) -> tuple[Array, Array]:
        """z = f⁻¹(y), shape (dim,), and log |det ∂z/∂y|, a scalar in nats.

        Raises:
            SpecError: the inverse cannot be computed (``invertible`` is False), or as `forward`.
        """


class Permutation(Flow):
    """y_i = z_order[i]. It is fixed, with nothing to learn; its log-determinant is zero."""

    order: tuple[int, ...] = eqx.field(static=True)

    def __init__(self, order: Sequence[int]) -> None:
        self.order = tuple(int(i) for i in order)
        self.dim, self.context_dim = positive("the length of order", len(self.order)), 0
        if sorted(self.order) != list(range(self.dim)):
            raise SpecError(f"permutation: got order = {self.order}; allowed: each of 0 to {self.dim - 1} once")

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        """The coordinates in their new order."""
        checked_context(context, 0)
        return z[np.array(self.order)], jnp.zeros((), z.dtype)

    def inverse(self, y: Array, context: Array | None = None) -> tuple[Array, Array]:
        """The coordinates in their old order."""
        checked_context(context, 0)
        return y[np.argsort(self.order)], jnp.zeros((), y.dtype)


class Inverted(Flow):
    """Another flow in the opposite direction: ``forward`` is its inverse.

    Raises:
        SpecError: that flow's inverse cannot be computed.
    """

    flow: Flow

    def __init__(self, flow: Flow) -> None:
        if not flow.invertible:
            raise SpecError(f"{type(flow).__name__} has no inverse to compute, so it cannot be turned round")
        self.flow, self.dim, self.context_dim = flow, flow.dim, flow.context_dim

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        """The other flow's inverse."""
        return self.flow.inverse(z, context)

    def inverse(self, y: Array, context: Array | None = None) -> tuple[Array, Array]:
        """The other flow's forward."""
        return self.flow.forward(y, context)


class Chain(Flow):
    """Flows one after the other; log-determinants add up.

    The context goes to those that take one. ``Chain([f, g]).forward(z)`` is g(f(z)).

    Raises:
        SpecError: no flows, or flows of different dimensions or context sizes.
    """

    flows: tuple[Flow, ...]

    def __init__(self, flows: Sequence[Flow]) -> None:
        self.flows = tuple(flows)
        positive("the number of flows in a chain", len(self.flows))
        dims = [f.dim for f in self.flows]
        contexts = sorted({f.context_dim for f in self.flows} - {0})
        if len(set(dims)) > 1:
            raise SpecError(f"chain of flows: got dimensions {dims}; allowed: the same for all")
        if len(contexts) > 1:
            raise SpecError(f"chain of flows: got context sizes {contexts}; allowed: one for all that take any")
        self.dim, self.context_dim = dims[0], contexts[0] if contexts else 0

    @property
    def invertible(self) -> bool:  # type: ignore[override]
        """Whether all of the flows are."""
        return all(f.invertible for f in self.flows)

    def forward(self, z: Array, context: Array | None = None) -> tuple[Array, Array]:
        """Through the flows from first to last."""
        checked_context(context, self.context_dim)
        total = jnp.zeros((), z.dtype)
        for flow in self.flows:
            z, log_det = flow.forward(z, context if flow.context_dim else None)
            total = total + log_det
        return z, total

    def inverse(self, y: Array, context: Array | None = None) -> tuple[Array, Array]:
        """Back through the flows from last to first."""
        checked_context(context, self.context_dim)
        total = jnp.zeros((), y.dtype)
        for flow in reversed(self.flows):
            y, log_det = flow.inverse(y, context if flow.context_dim else None)
            total = total + log_det
        return y, total


def reversing(flows: Sequence[Flow]) -> Chain:
    """The flows in a chain, with the order of the coordinates reversed between them."""
    chain: list[Flow] = []
    for flow in flows:
        if chain:
            chain.append(Permutation(range(flow.dim)[::-1]))
        chain.append(flow)
    return Chain(chain)
