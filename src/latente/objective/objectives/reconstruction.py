"""The loss of a deterministic autoencoder."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.objective.objectives.base import Opponent, PointObjective, objectives
from latente.objective.terms import Batch, Terms


@objectives.register("reconstruction", source="Hinton & Salakhutdinov 2006")
class Reconstruction(PointObjective):
    """−log p(x | z) alone: a deterministic autoencoder's loss."""

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Decode each example's code."""

        def one(x: Array, context: Array | None) -> Array:
            return -model.log_prob(model.code(x, context), x, context)

        reconstruction = jax.vmap(one)(batch.x, batch.context)
        return Terms(reconstruction, reconstruction, jnp.zeros_like(reconstruction))

    def weights(self) -> dict[str, float]:
        """Reconstruction alone."""
        return {"reconstruction": 1.0}
