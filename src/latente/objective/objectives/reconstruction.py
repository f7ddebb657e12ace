"""The loss of a deterministic autoencoder."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.objective.objectives.base import Objective, Opponent, needs_no_prior, needs_point, objectives
from latente.objective.terms import Batch, Terms


@objectives.register("reconstruction", source="Hinton & Salakhutdinov 2006")
class Reconstruction(Objective):
    """−log p(x | z) alone: a deterministic autoencoder's loss."""

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Decode each example's code."""

        def one(x: Array, context: Array | None) -> Array:
            return -model.log_prob(model.code(x, context), x, context)

        reconstruction = jax.vmap(one)(batch.x, batch.context)
        return Terms(reconstruction, reconstruction, jnp.zeros_like(reconstruction))

    def by_example(self) -> bool:
        """Yes: there are no terms of other examples."""
        return True

    def weights(self) -> dict[str, float]:
        """Reconstruction alone."""
        return {"reconstruction": 1.0}

    def check(self, model: Autoencoder) -> None:
        """Needs a point posterior and no prior."""
        needs_point(self, model)
        needs_no_prior(self, model)
