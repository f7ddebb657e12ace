"""The ELBO's rate in three parts, each with its weight: mutual information, total correlation, marginal KL."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.priors.normal import StandardNormal
from latente.objective.objectives.base import Objective, Opponent, needs_density, objectives, refuse
from latente.objective.objectives.codes import coded
from latente.objective.objectives.options import number
from latente.objective.terms import Batch, Terms


@runtime_checkable
class HasMarginals(Protocol):
    """A posterior that knows the density of each latent by itself."""

    def log_prob_by_latent(self, outputs: Array, z: Array) -> Array:
        """log q(z_j | x) for each latent j, shape (latent_dim,)."""
        ...


class Parts(eqx.Module):
    """log q(z | x) − log p(z) of each example in three parts, in nats, each of shape (n,); they add up to it exactly.

    Attributes:
        mutual_information: log q(z | x) − log q(z); between an example's index and its code.
        total_correlation: log q(z) − Σ_j log q(z_j).
        marginal_kl: Σ_j log q(z_j) − log p(z); the dimension-wise KL.
    """

    mutual_information: Array
    total_correlation: Array
    marginal_kl: Array


def log_importance(weight: Array, examples: Array | int) -> Array:
    """log of what each example of the batch counts for in the aggregate posterior at each one's code, shape (n, n).

    Minibatch stratified sampling (Chen et al. 2018, appendix): q(z_i) = Σ_j w_ij q(z_i | x_j), where example i
    itself, always among the N, has w_ii = 1/N, and the M others of the batch stand for the other N − 1. The paper
    gives M − 1 of those 1/M and one (N − M)/(NM); the mean of that over which one it is, (N − 1)/(NM) for each, has
    the same expectation and less variance, and is the exact mixture when the batch is the whole data set.

    Args:
        weight: 1, or 0 for filling, shape (n,).
        examples: N.
    """
    count = jnp.sum(weight)
    total = jnp.maximum(jnp.asarray(examples, weight.dtype), count)
    others = count - 1
    # An example alone in its batch stands for all: its weights must still add up to one.
    own = jnp.where(others > 0, -jnp.log(total), 0.0)
    other = jnp.log(total - 1) - jnp.log(total) - jnp.log(jnp.maximum(others, 1))
    real = jnp.where(weight > 0, other, -jnp.inf)
    return jnp.where(jnp.eye(len(weight), dtype=bool), own, real[None])


def decompose(model: Autoencoder, outputs: Array, z: Array, weight: Array, examples: Array | int) -> Parts:
    """The rate of each example in its parts, the aggregate posterior being estimated from the batch.

    Args:
        model: with a posterior that `HasMarginals` and can be evaluated.
        outputs, z: the encoder's outputs (n, size) and one code each (n, code_size).
        weight: 1, or 0 for filling, shape (n,).
        examples: how many there are in the data set.
    """
    posterior = model.posterior
    assert isinstance(posterior, HasMarginals)

    def pairs(function: object) -> Array:
        """log-densities at every code (first axis) given every example (second axis)."""
        found: Array = jax.vmap(lambda one: jax.vmap(lambda o: function(o, one))(outputs))(z)  # type: ignore[operator]
        return found

    log_w = log_importance(weight, examples)
    joint = pairs(posterior.log_prob)
    log_q = jax.nn.logsumexp(log_w + joint, axis=1)
    marginals = jax.nn.logsumexp(log_w[..., None] + pairs(posterior.log_prob_by_latent), axis=1)
    log_product = jnp.sum(marginals, axis=1)
    log_p = jax.vmap(model.prior.log_prob)(z)
    return Parts(jnp.diagonal(joint) - log_q, log_q - log_product, log_product - log_p)


@objectives.register("beta-tc", source="Chen et al. 2018, arXiv:1802.04942, eq. 4")
class BetaTC(Objective):
    """β-TCVAE: −log p(x | z) + α I(x; z) + β TC(z) + γ Σ_j KL(q(z_j) ‖ p(z_j)).

    With all three at 1 it is the ELBO in expectation. The parts are estimated within each batch, of each example's
    one code (see `log_importance`); small batches underestimate the mutual information, which cannot pass the log of
    their size by much. ``kl`` among the terms is the rate in closed form, which the parts add up to on average.
    """

    alpha: float = eqx.field(static=True, default=1.0)
    beta: float = eqx.field(static=True, default=6.0)
    gamma: float = eqx.field(static=True, default=1.0)

    least: ClassVar[int] = 2

    def __check_init__(self) -> None:
        for option in ("alpha", "beta", "gamma"):
            number('objective "beta-tc"', option, getattr(self, option), low=0)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code an example, each compared with the whole batch."""
        found = coded(model, model.prior.given(model), batch)
        parts = decompose(model, found.outputs, found.z, batch.weight, batch.examples)
        penalties = {
            "mutual_information": parts.mutual_information,
            "total_correlation": parts.total_correlation,
            "marginal_kl": parts.marginal_kl,
        }
        weights = (self.alpha, self.beta, self.gamma)
        penalty = sum((w * p for w, p in zip(weights, penalties.values(), strict=True)), jnp.zeros(()))
        return Terms(found.reconstruction + penalty, found.reconstruction, found.kl, penalties)

    def weights(self) -> dict[str, float]:
        """The KL in its three parts."""
        parts = {"mutual_information": self.alpha, "total_correlation": self.beta, "marginal_kl": self.gamma}
        return {"reconstruction": 1.0, **{k: float(v) for k, v in parts.items()}}

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior whose density, and each latent's, is known at any code, and a prior of independent ones."""
        needs_density(self, model)
        if model.latent_dim < 2:
            raise SpecError(
                f"{objectives.name_of(self)} does not go with latent_dim = {model.latent_dim}: one latent has no total "
                'correlation; take latent_dim = 2 or more, or objective "elbo"'
            )
        if not (model.posterior.evaluates and isinstance(model.posterior, HasMarginals)):
            raise refuse(
                self,
                model.posterior,
                "it needs log q(z | x) and each latent's log q(z_j | x) at other examples' codes, and this posterior "
                'does not know them; take "gaussian", or objective "factor-vae"',
            )
        if not isinstance(model.prior, StandardNormal):
            raise refuse(
                self, model.prior, 'its KL by dimension needs a prior of independent latents; take "standard-normal"'
            )
