"""DIP-VAE (disentangled inferred prior): the aggregate posterior's covariance is pulled towards the prior's."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.model.autoencoder import Autoencoder
from latente.model.options import choice, number
from latente.model.posteriors import Posterior
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.model.priors.normal import StandardNormal
from latente.objective.objectives.base import Objective, Opponent, needs_density, objectives, refuse
from latente.objective.objectives.codes import coded, weighted_mean
from latente.objective.terms import Batch, Terms

KINDS = ("i", "ii")


@runtime_checkable
class HasCovariance(Protocol):
    """A posterior whose covariance is known."""

    def covariance(self, outputs: Array) -> Array:
        """Cov(z | x), shape (latent_dim, latent_dim)."""
        ...


def covariances(posterior: Posterior, outputs: Array, weight: Array) -> tuple[Array, Array]:
    """Cov_x[E(z | x)] and E_x[Cov(z | x)] over a batch, each of shape (latent_dim, latent_dim).

    Their sum is the covariance of the aggregate posterior. Both divide by n rather than n − 1.

    Args:
        posterior: a diagonal Gaussian, or another that `HasCovariance`.
        outputs: the encoder's, shape (n, size).
        weight: 1, or 0 for padding, shape (n,).
    """

    def one(outputs: Array) -> tuple[Array, Array]:
        if isinstance(posterior, DiagonalGaussian):
            mean, log_var = posterior.moments(outputs)
            return mean, jnp.diag(jnp.exp(log_var))
        assert isinstance(posterior, HasCovariance)
        return posterior.mean(outputs), posterior.covariance(outputs)

    means, within = jax.vmap(one)(outputs)
    centred = means - weighted_mean(means, weight)
    across = (centred * weight[:, None]).T @ centred / jnp.maximum(jnp.sum(weight), 1.0)
    return across, weighted_mean(within, weight)


@objectives.register("dip-vae", source="Kumar et al. 2018, arXiv:1711.00848, eqs. 6–7")
class DIPVAE(Objective):
    """The ELBO, plus λ_od Σ_{i≠j} C_ij² + λ_d Σ_i (C_ii − 1)².

    ``kind`` "i": C is the covariance of the posterior means over the batch. "ii": C is that of the whole aggregate
    posterior, which adds the posteriors' own variances (eq. 7). ``off_diagonal`` is λ_od, ``diagonal`` is λ_d; the
    authors use λ_d = 10 λ_od for "i" and λ_d = λ_od for "ii".
    """

    kind: str = eqx.field(static=True, default="ii")
    off_diagonal: float = eqx.field(static=True, default=10.0)
    diagonal: float = eqx.field(static=True, default=10.0)

    least: ClassVar[int] = 2

    def __check_init__(self) -> None:
        choice('objective "dip-vae"', "kind", self.kind, KINDS)
        number('objective "dip-vae"', "off_diagonal", self.off_diagonal, low=0)
        number('objective "dip-vae"', "diagonal", self.diagonal, low=0)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code per example; the two penalties are those of the batch, the same for each example."""
        found = coded(model, model.prior.given(model), batch)
        across, within = covariances(model.posterior, found.outputs, batch.weight)
        covariance = across if self.kind == "i" else across + within
        variance = jnp.diagonal(covariance)
        off = jnp.sum((covariance - jnp.diag(variance)) ** 2)
        on = jnp.sum((variance - 1) ** 2)
        penalties = {k: jnp.full(batch.weight.shape, v) for k, v in (("off_diagonal", off), ("diagonal", on))}
        loss = found.reconstruction + found.kl + self.off_diagonal * off + self.diagonal * on
        return Terms(loss, found.reconstruction, found.kl, penalties)

    def weights(self) -> dict[str, float]:
        """The ELBO and both penalties."""
        penalties = {"off_diagonal": float(self.off_diagonal), "diagonal": float(self.diagonal)}
        return {"reconstruction": 1.0, "kl": 1.0, **penalties}

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior with known covariance, and a standard normal prior."""
        needs_density(self, model)
        if not isinstance(model.posterior, DiagonalGaussian | HasCovariance):
            raise refuse(self, model.posterior, 'its covariance is not known in closed form; take "gaussian"')
        if not isinstance(model.prior, StandardNormal):
            raise refuse(
                self,
                model.prior,
                'it draws the covariance of the codes to the identity, a standard normal\'s; take "standard-normal"',
            )
