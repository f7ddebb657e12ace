"""The importance-weighted bound with doubly reparametrised gradients."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from latente.model.autoencoder import Autoencoder
from latente.model.posteriors.gumbel import GumbelSoftmax
from latente.model.priors import Prior
from latente.objective.objectives.base import objectives, refuse
from latente.objective.objectives.codes import frozen
from latente.objective.objectives.iwae import IWAE, Draws, joint, log_mean_exp


@jax.custom_vjp
def _scaled(z: Array, scale: Array) -> Array:
    """The identity of ``z``, with its gradient multiplied by ``scale``."""
    return z


_scaled.defvjp(lambda z, scale: (z, scale), lambda scale, gradient: (gradient * scale, jnp.zeros_like(scale)))


def with_gradient_of(value: Array, surrogate: Array) -> Array:
    """A number equal to ``value`` whose gradient is that of ``surrogate``."""
    return stop_gradient(value) + (surrogate - stop_gradient(surrogate))


@objectives.register("dreg-iwae", source="Tucker et al. 2019, arXiv:1810.04152 (IWAE-DReG)")
class DReG(IWAE):
    """Importance-weighted bound whose encoder gradient is doubly reparametrised: the same mean, less noise.

    The loss is the same bound as that of "iwae". The parameters of p (decoder, prior) have the gradient of "iwae",
    Σ w̃ᵢ ∇log p(x, zᵢ) with w̃ the normalised weights; those of q have Σ w̃ᵢ² ∂log wᵢ/∂zᵢ ∇zᵢ, which omits the score of
    q at a fixed code, since that is pure noise. This gradient vanishes at the true posterior, while that of "iwae" does
    not; for a q several times too narrow it is the noisier of the two.
    """

    def loss(self, model: Autoencoder, prior: Prior, drawn: Draws, x: Array, context: Array | None) -> Array:
        """That of "iwae", with another gradient."""
        posterior = frozen(model.posterior)
        share = stop_gradient(jax.nn.softmax(drawn.log_weights))
        # The same numbers again, which the compiler shares; the codes' gradient gets w̃ twice, that of p once.
        z = _scaled(drawn.z, jnp.broadcast_to(share[:, None], drawn.z.shape))
        outputs = stop_gradient(drawn.outputs)
        log_q = jax.vmap(lambda z: posterior.log_prob(outputs, z))(z)
        surrogate = jnp.sum(share * (sum(joint(model, prior, z, x, context)) - log_q))
        return -with_gradient_of(log_mean_exp(drawn.log_weights), surrogate)

    def check(self, model: Autoencoder) -> None:
        """Needs a prior, and a posterior whose density is known at any code."""
        super().check(model)
        if isinstance(model.posterior, GumbelSoftmax) and model.posterior.hard:
            raise refuse(
                self,
                model.posterior,
                'one-hot codes do not move with the encoder, which the gradient needs; take objective "iwae", or '
                'hard = false with prior "uniform-concrete"',
            )
        if not model.posterior.evaluates:
            raise refuse(
                self,
                model.posterior,
                "its density is known at its own draws only, and the gradient needs it at a held code; "
                'take objective "iwae"',
            )
