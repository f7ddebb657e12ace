"""Free bits: a few nats of KL per latent without a penalty."""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.model.options import number
from latente.model.priors import priors
from latente.objective.divergences import is_closed, kl_by_latent
from latente.objective.objectives.base import Objective, Opponent, needs_density, objectives, refuse
from latente.objective.objectives.codes import coded
from latente.objective.terms import Batch, Terms


@objectives.register("free-bits", source="Kingma et al. 2016, arXiv:1606.04934, eq. 15")
class FreeBits(Objective):
    """−log p(x | z) + Σⱼ max(λ, KLⱼ), where KLⱼ is the mean KL of latent j over the minibatch.

    ``minimum`` is λ, in nats per latent: below it a latent's KL has no gradient, so that it does not collapse. It is
    the paper's variant with groups of one latent, and the maximum is taken after the mean over the minibatch, not for
    each example. The mean loss is a bound on log p(x), looser than the ELBO by the free nats; that of one example is
    not.
    """

    minimum: float = eqx.field(static=True, default=0.25)

    def __check_init__(self) -> None:
        number('objective "free-bits"', "minimum", self.minimum, low=0)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Sample one code per example."""
        prior = model.prior.given(model)
        found = coded(model, prior, batch)
        kls = jax.vmap(lambda outputs: kl_by_latent(model.posterior, prior, outputs))(found.outputs)
        means = batch.weight @ kls / batch.count()
        penalty = jnp.broadcast_to(jnp.sum(jnp.maximum(means, self.minimum)), found.kl.shape)
        return Terms(found.reconstruction + penalty, found.reconstruction, found.kl, {"free_bits": penalty})

    def weights(self) -> dict[str, float]:
        """Reconstruction, and the KL beyond the free nats."""
        return {"reconstruction": 1.0, "free_bits": 1.0}

    def check(self, model: Autoencoder) -> None:
        """Needs a KL in closed form that is a sum over the latents."""
        needs_density(self, model)

        def by_latent(model: Autoencoder) -> Array:
            prior = model.prior.given(model)
            if not is_closed(model.posterior, prior):
                return jnp.zeros(0)
            return kl_by_latent(model.posterior, prior, jnp.zeros(model.posterior.size(model.latent_dim)))

        if eqx.filter_eval_shape(by_latent, model).shape != (model.latent_dim,):
            raise refuse(
                self,
                model.posterior,
                f"with {priors.name_of(model.prior)} its KL is not known for each latent; "
                'take posterior "gaussian" and prior "standard-normal", or objective "capacity"',
            )
