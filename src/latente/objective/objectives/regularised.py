"""The regularised autoencoder (RAE): small codes and a smooth decoder instead of a VAE's noise."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.model.options import choice, number
from latente.objective.objectives.base import Opponent, PointObjective, objectives, refuse
from latente.objective.objectives.contractive import squared_norm
from latente.objective.terms import Batch, Terms

PENALTIES = ("l2", "gradient")


@objectives.register("regularised", source="Ghosh et al. 2020, arXiv:1903.12436, eq. 11 and section 3.1")
class Regularised(PointObjective):
    """−log p(x | z) + β ½ ‖z‖² + λ R, with R a ``penalty`` on the decoder.

    - "l2": ‖θ‖², the sum of the decoder's squared weights and biases.
    - "gradient": ‖∂E[x | z]/∂z‖²_F at the example's code, exact.

    ``beta`` and ``weight`` are β and λ. Nothing matches the codes to a prior: fit one to them after training.
    """

    beta: float = eqx.field(static=True, default=0.01)
    weight: float = eqx.field(static=True, default=0.001)
    penalty: str = eqx.field(static=True, default="l2")

    def __check_init__(self) -> None:
        part = 'objective "regularised"'
        number(part, "beta", self.beta, low=0)
        number(part, "weight", self.weight, low=0)
        choice(part, "penalty", self.penalty, PENALTIES)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Decode each example's code."""

        def one(x: Array, context: Array | None) -> tuple[Array, Array, Array]:
            z = model.code(x, context)
            size = 0.5 * jnp.sum(z**2)
            if self.penalty == "l2":
                penalty = squared_weights(model)
            else:
                penalty = squared_norm(lambda z: model.mean(z, context), z)
            return -model.log_prob(z, x, context), size, penalty

        reconstruction, size, penalty = jax.vmap(one)(batch.x, batch.context)
        loss = reconstruction + self.beta * size + self.weight * penalty
        penalties = {"code_norm": size, f"decoder_{self.penalty}": penalty}
        return Terms(loss, reconstruction, jnp.zeros_like(reconstruction), penalties)

    def weights(self) -> dict[str, float]:
        """No KL: reconstruction and both penalties."""
        return {"reconstruction": 1.0, "code_norm": float(self.beta), f"decoder_{self.penalty}": float(self.weight)}

    def check(self, model: Autoencoder) -> None:
        """Needs a point posterior and no prior; "gradient" a differentiable mean."""
        super().check(model)
        if self.penalty == "gradient" and model.likelihood.features_shape(model.shape) != model.shape:
            raise refuse(
                self,
                model.likelihood,
                'penalty = "gradient" needs a mean that moves smoothly, and a most probable category does not; '
                'take penalty = "l2"',
            )


def squared_weights(model: Autoencoder) -> Array:
    """‖θ‖² of all the decoder's parameters; a scalar."""
    return sum(
        (jnp.sum(a**2) for a in jax.tree.leaves(eqx.filter(model.decoder, eqx.is_inexact_array))), start=jnp.zeros(())
    )
