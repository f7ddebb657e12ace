"""The contractive autoencoder, whose code changes little when the example does."""

from __future__ import annotations

import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.model.options import number
from latente.objective.objectives.base import Opponent, PointObjective, objectives
from latente.objective.terms import Batch, Terms


def squared_norm(function: Callable[[Array], Array], at: Array) -> Array:
    """‖J‖²_F, the exact sum of the squared entries of a function's Jacobian at a point; a scalar."""
    outputs = math.prod(jax.eval_shape(function, at).shape)
    jacobian = jax.jacrev(function) if outputs <= at.size else jax.jacfwd(function)
    return jnp.sum(jacobian(at) ** 2)


def contraction(model: Autoencoder, x: Array, context: Array | None) -> Array:
    """‖∂code/∂features‖²_F at one example, with respect to the encoder's input; a scalar."""
    values = model.features(x)
    mask = None
    if model.missing:
        # After the values comes the mask of observed values, which does not vary smoothly.
        size = math.prod(model.likelihood.features_shape(model.shape))
        values, mask = values[:size], values[size:]

    def code(values: Array) -> Array:
        features = values if mask is None else jnp.concatenate([values, mask])
        outputs = model.encoder(features) if context is None else model.encoder(features, context)
        return model.posterior.mean(outputs)

    return squared_norm(code, values)


@objectives.register("contractive", source="Rifai et al. 2011, Contractive auto-encoders, ICML")
class Contractive(PointObjective):
    """−log p(x | z) + λ ‖J‖²_F, with J the Jacobian of the code with respect to the encoder's input.

    ``weight`` is λ. The norm is exact for any network, by one backward pass per latent, so the encoder takes about
    latent_dim times as long.
    """

    weight: float = eqx.field(static=True, default=0.1)

    def __check_init__(self) -> None:
        number('objective "contractive"', "weight", self.weight, low=0, above=True)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Decode each example's code."""

        def one(x: Array, context: Array | None) -> tuple[Array, Array]:
            return -model.log_prob(model.code(x, context), x, context), contraction(model, x, context)

        reconstruction, norm = jax.vmap(one)(batch.x, batch.context)
        loss = reconstruction + self.weight * norm
        return Terms(loss, reconstruction, jnp.zeros_like(reconstruction), {"contraction": norm})

    def weights(self) -> dict[str, float]:
        """Reconstruction and λ times the penalty."""
        return {"reconstruction": 1.0, "contraction": float(self.weight)}
