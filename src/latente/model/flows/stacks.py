"""Ready-made flows: several layers of one kind, stacked as in their papers."""

from __future__ import annotations

from typing import Any

import jax.random as jr
from jax import Array

from latente.model.flows.autoregressive import AutoregressiveFlow
from latente.model.flows.base import Chain, Inverted, positive, reversing
from latente.model.flows.coupling import Coupling, alternating


def real_nvp(dim: int, *, layers: int = 6, key: Array, **options: Any) -> Chain:
    """Real NVP (Dinh et al. 2017): couplings with alternating masks; fast in both directions.

    ``options`` are those of `Coupling`. In dimension 1 it is elementwise affine (given the context), so its density is
    the base's, shifted and scaled.

    Raises:
        SpecError: a size below one, a bound of zero, an unknown activation.
    """
    keys = jr.split(key, positive("layers", layers))
    pairs = zip(alternating(dim, layers), keys, strict=True)
    return Chain([Coupling(dim, changed, key=key, **options) for changed, key in pairs])


def maf(dim: int, *, layers: int = 5, key: Array, **options: Any) -> Chain:
    """Masked autoregressive flow (Papamakarios et al. 2017): fast ``inverse`` (density), ``forward`` (samples) a scan.

    ``options`` are those of `AutoregressiveFlow`. The order of the coordinates is reversed between layers.

    Raises:
        SpecError: a size below one, a bound of zero, an unknown activation.
    """
    keys = jr.split(key, positive("layers", layers))
    return reversing([Inverted(AutoregressiveFlow(dim, key=key, **options)) for key in keys])


def iaf(dim: int, *, layers: int = 4, gate: bool = True, key: Array, **options: Any) -> Chain:
    """Inverse autoregressive flow (Kingma et al. 2016): fast ``forward`` (samples), ``inverse`` (density) a scan.

    ``options`` are those of `AutoregressiveFlow`, and its context is the encoder's h; the order of the coordinates is
    reversed between layers. With ``gate`` (the paper's stable form) each layer starts as 0.88 times the identity, and
    only contracts.

    Raises:
        SpecError: a size below one, a bound of zero, an unknown activation.
    """
    keys = jr.split(key, positive("layers", layers))
    return reversing([AutoregressiveFlow(dim, gate=gate, key=key, **options) for key in keys])
