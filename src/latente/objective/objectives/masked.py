"""The importance-weighted bound of examples of which values are hidden at random, to learn how to fill values in."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.options import number
from latente.objective.objectives.base import Opponent, objectives, refuse
from latente.objective.objectives.iwae import IWAE
from latente.objective.terms import Batch, Terms

MASKED = 0x6D61736B
"""Folded into an example's key for the choice of what is hidden."""


@objectives.register("masked-iwae", source="Mattei & Frellsen 2019, arXiv:1812.02633, eq. 4 (values hidden at random)")
class MaskedIWAE(IWAE):
    """Importance-weighted bound on what is left of an example when values are hidden at random.

    Of each example, at each use, a share between 0 and twice ``hidden`` is hidden. The encoder so learns posteriors of
    examples with other holes than those in the data, which filling in values needs, and the decoder meets more examples
    than there are. It bounds −log p of the values that are left, and not of the example: it is no bound that compares
    with others. Validation hides values too, always the same.
    """

    hidden: float = eqx.field(static=True, default=0.2)

    bound: ClassVar[bool] = False
    hides: ClassVar[bool] = True

    def __check_init__(self) -> None:
        number('objective "masked-iwae"', "hidden", self.hidden, low=0, high=0.5)

    def masked(self, x: Array, *, key: Array) -> Array:
        """One example with a random share of its values missing."""
        share, chosen = jr.split(jr.fold_in(key, MASKED))
        gone = jr.uniform(chosen, x.shape) < 2 * self.hidden * jr.uniform(share)
        return jnp.where(gone, jnp.nan, x)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """The terms of `IWAE`, of what is left."""
        left = jax.vmap(lambda x, key: self.masked(x, key=key))(batch.x, batch.keys)
        return super().__call__(model, replace(batch, x=left), opponent)

    def by_example(self) -> bool:
        """Yes: what is hidden depends on the example's key alone."""
        return True

    def check(self, model: Autoencoder) -> None:
        """As "iwae", and a model that takes missing values."""
        super().check(model)
        if not model.missing:
            raise SpecError(
                'objective "masked-iwae" does not go with missing = false: it hides values; take missing = true'
            )
        if model.likelihood.when_missing() is not model.likelihood:
            reason = 'values hidden at random would pass for those that it models as missing; take objective "iwae"'
            raise refuse(self, model.likelihood, reason)
