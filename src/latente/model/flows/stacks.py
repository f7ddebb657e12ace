"""Ready-made flows: several layers of one kind, stacked as in their papers."""

from __future__ import annotations

from collections.abc import Sequence

import jax.random as jr
from jax import Array

from latente.model.flows.affine import SCALE_BOUND
from latente.model.flows.autoregressive import AutoregressiveFlow
from latente.model.flows.base import Chain, Inverted, positive, reversing
from latente.model.flows.coupling import Coupling, alternating


def real_nvp(
    dim: int,
    *,
    layers: int = 6,
    hidden: Sequence[int] = (64, 64),
    activation: str = "silu",
    context_dim: int = 0,
    bound: float = SCALE_BOUND,
    key: Array,
) -> Chain:
    """Real NVP (Dinh et al. 2017): couplings with alternating masks; fast in both directions.

    In dimension 1 it is elementwise affine (given the context), so its density is the base's, shifted and scaled.

    Raises:
        SpecError: a size below one, a bound of zero, an unknown activation.
    """
    keys = jr.split(key, positive("layers", layers))
    return Chain(
        [
            Coupling(dim, changed, hidden=hidden, activation=activation, context_dim=context_dim, bound=bound, key=k)
            for changed, k in zip(alternating(dim, layers), keys, strict=True)
        ]
    )


def maf(
    dim: int,
    *,
    layers: int = 5,
    hidden: Sequence[int] = (64, 64),
    activation: str = "silu",
    context_dim: int = 0,
    bound: float = SCALE_BOUND,
    key: Array,
) -> Chain:
    """Masked autoregressive flow (Papamakarios et al. 2017): fast ``inverse`` (density), ``forward`` (samples) a scan.

    The order of the coordinates is reversed between layers.

    Raises:
        SpecError: a size below one, a bound of zero, an unknown activation.
    """
    keys = jr.split(key, positive("layers", layers))
    return reversing(
        [
            Inverted(
                AutoregressiveFlow(
                    dim, hidden=hidden, activation=activation, context_dim=context_dim, bound=bound, key=k
                )
            )
            for k in keys
        ]
    )


def iaf(
    dim: int,
    *,
    layers: int = 4,
    hidden: Sequence[int] = (64, 64),
    activation: str = "silu",
    context_dim: int = 0,
    gate: bool = True,
    bound: float = SCALE_BOUND,
    key: Array,
) -> Chain:
    """Inverse autoregressive flow (Kingma et al. 2016): fast ``forward`` (samples), ``inverse`` (density) a scan.

    ``context_dim`` is the size of the encoder's h; the order of the coordinates is reversed between layers. With
    ``gate`` (the paper's stable form) each layer starts as 0.88 times the identity, and only contracts.

    Raises:
        SpecError: a size below one, a bound of zero, an unknown activation.
    """
    keys = jr.split(key, positive("layers", layers))
    return reversing(
        [
            AutoregressiveFlow(
                dim, hidden=hidden, activation=activation, context_dim=context_dim, gate=gate, bound=bound, key=k
            )
            for k in keys
        ]
    )
