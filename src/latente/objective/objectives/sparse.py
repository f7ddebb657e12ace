"""Sparse autoencoders, with few active latents per example."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.model.options import choice, number
from latente.model.posteriors.dirac import Dirac
from latente.objective.objectives.base import Opponent, PointObjective, objectives, refuse
from latente.objective.terms import Batch, Terms

KINDS = ("l1", "kl", "top-k")
_EDGE = 1e-6
"""Mean codes are kept this far from 0 and 1, where the divergence would be infinite."""


def bernoulli_kl(target: float, mean: Array) -> Array:
    """KL(Bernoulli(ρ) ‖ Bernoulli(mean)) in nats for each mean activity in [0, 1], kept 1e-6 from the ends."""
    p = _EDGE + (1 - 2 * _EDGE) * mean
    return target * jnp.log(target / p) + (1 - target) * jnp.log((1 - target) / (1 - p))


@objectives.register(
    "sparse", source="Ng 2011, CS294A notes, section 3 (kl); Makhzani & Frey 2014, arXiv:1312.5663 (top-k)"
)
class Sparse(PointObjective):
    """−log p(x | z) with few active latents, by ``kind``.

    - "l1": plus λ Σⱼ |zⱼ|.
    - "kl": plus λ Σⱼ KL(ρ ‖ ρ̂ⱼ) in nats, where ρ̂ⱼ is latent j's mean over the minibatch and ρ the ``target``; codes
      must come from a sigmoid.
    - "top-k": no penalty; the posterior itself keeps the k largest numbers, so that a trained model encodes as it was
      trained: posterior = {name = "dirac", top_k = 8}.

    ``weight`` is λ.
    """

    kind: str = eqx.field(static=True, default="l1")
    weight: float = eqx.field(static=True, default=0.1)
    target: float = eqx.field(static=True, default=0.05)

    def __check_init__(self) -> None:
        part = 'objective "sparse"'
        choice(part, "kind", self.kind, KINDS)
        number(part, "weight", self.weight, low=0, above=True)
        number(part, "target", self.target, low=0, high=1, above=True, below=True)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Decode each example's code."""

        def one(x: Array, context: Array | None) -> tuple[Array, Array]:
            z = model.code(x, context)
            return -model.log_prob(z, x, context), z

        reconstruction, z = jax.vmap(one)(batch.x, batch.context)
        zero = jnp.zeros_like(reconstruction)
        if self.kind == "top-k":
            return Terms(reconstruction, reconstruction, zero)
        if self.kind == "l1":
            penalty = jnp.sum(jnp.abs(z), axis=1)
        else:
            mean = batch.weight @ z / batch.count()
            penalty = jnp.broadcast_to(jnp.sum(bernoulli_kl(self.target, mean)), zero.shape)
        return Terms(reconstruction + self.weight * penalty, reconstruction, zero, {"sparsity": penalty})

    def by_example(self) -> bool:
        """Unless it uses mean codes over the batch, as "kl" does."""
        return self.kind != "kl"

    def weights(self) -> dict[str, float]:
        """Reconstruction, and λ times the penalty if there is one."""
        return {"reconstruction": 1.0} | ({} if self.kind == "top-k" else {"sparsity": float(self.weight)})

    def check(self, model: Autoencoder) -> None:
        """Needs a point posterior and no prior; "kl" needs a sigmoid code, "top-k" a posterior that keeps k numbers."""
        super().check(model)
        posterior = model.posterior
        if self.kind == "kl" and not (isinstance(posterior, Dirac) and posterior.activation == "sigmoid"):
            raise refuse(
                self,
                posterior,
                'kind = "kl" compares mean codes from 0 to 1; take {name = "dirac", activation = "sigmoid"}',
            )
        if self.kind == "top-k" and not (isinstance(posterior, Dirac) and posterior.top_k is not None):
            raise refuse(self, posterior, 'kind = "top-k" needs its k; take {name = "dirac", top_k = 8}')
