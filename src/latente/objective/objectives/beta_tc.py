"""β-TCVAE: the ELBO's rate in three weighted parts: mutual information, total correlation, dimension-wise KL."""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.options import number
from latente.model.priors.normal import StandardNormal
from latente.objective.objectives.base import Objective, Opponent, needs_density, objectives, refuse
from latente.objective.objectives.codes import coded
from latente.objective.terms import Batch, Terms


@runtime_checkable
class HasMarginals(Protocol):
    """A posterior with a known density for each single latent."""

    def log_prob_by_latent(self, outputs: Array, z: Array) -> Array:
        """log q(z_j | x) for each latent j, shape (latent_dim,)."""
        ...


class RateParts(eqx.Module):
    """log q(z | x) − log p(z) of each example as the sum of three parts, in nats, each of shape (n,).

    Attributes:
        mutual_information: log q(z | x) − log q(z), between an example's index and its code.
        total_correlation: log q(z) − Σ_j log q(z_j).
        marginal_kl: Σ_j log q(z_j) − log p(z), the dimension-wise KL.
    """

    mutual_information: Array
    total_correlation: Array
    marginal_kl: Array


def log_importance(weight: Array, examples: Array | int) -> Array:
    """The log of each batch example's weight in the aggregate posterior at each example's code, shape (n, n).

    Minibatch stratified sampling (Chen et al. 2018, appendix): q(z_i) = Σ_j w_ij q(z_i | x_j), where example i itself,
    always one of the N, has w_ii = 1/N, and the M others of the batch represent the other N − 1. The paper gives M − 1
    of those the weight 1/M and one (N − M)/(NM); averaging over the choice of that one, (N − 1)/(NM) for each, has the
    same expectation and less variance, and is the exact mixture when the batch is the whole data set.

    Args:
        weight: 1, or 0 for padding, shape (n,).
        examples: N.
    """
    count = jnp.sum(weight)
    total = jnp.maximum(jnp.asarray(examples, weight.dtype), count)
    others = count - 1
    # A single example in its batch represents all: its weights must still add up to one.
    own = jnp.where(others > 0, -jnp.log(total), 0.0)
    other = jnp.log(total - 1) - jnp.log(total) - jnp.log(jnp.maximum(others, 1))
    real = jnp.where(weight > 0, other, -jnp.inf)
    return jnp.where(jnp.eye(len(weight), dtype=bool), own, real[None])


def decompose(model: Autoencoder, outputs: Array, z: Array, weight: Array, examples: Array | int) -> RateParts:
    """The parts of each example's rate, with the aggregate posterior estimated from the batch.

    Args:
        model: its posterior `HasMarginals` and can be evaluated at any code.
        outputs, z: the encoder's outputs (n, size) and one code each (n, code_size).
        weight: 1, or 0 for padding, shape (n,).
        examples: the size of the data set.
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
    return RateParts(jnp.diagonal(joint) - log_q, log_q - log_product, log_product - log_p)


@objectives.register("beta-tc", source="Chen et al. 2018, arXiv:1802.04942, eq. 4")
class BetaTC(Objective):
    """β-TCVAE: −log p(x | z) + α I(x; z) + β TC(z) + γ Σ_j KL(q(z_j) ‖ p(z_j)).

    With all three at 1 it is the ELBO in expectation. The parts are estimated within each batch from one code per
    example (see `log_importance`); small batches underestimate the mutual information, which cannot exceed the log of
    their size by much. The term ``kl`` is the rate in closed form, to which the parts add up on average.
    """

    alpha: float = eqx.field(static=True, default=1.0)
    beta: float = eqx.field(static=True, default=6.0)
    gamma: float = eqx.field(static=True, default=1.0)

    least: ClassVar[int] = 2

    def __check_init__(self) -> None:
        for option in ("alpha", "beta", "gamma"):
            number('objective "beta-tc"', option, getattr(self, option), low=0)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code per example, each compared with the whole batch."""
        found = coded(model, model.prior.given(model), batch)
        parts = decompose(model, found.outputs, found.z, batch.weight, batch.examples)
        penalties = dict(vars(parts))
        weights = (self.alpha, self.beta, self.gamma)
        penalty = sum((w * p for w, p in zip(weights, penalties.values(), strict=True)), jnp.zeros(()))
        return Terms(found.reconstruction + penalty, found.reconstruction, found.kl, penalties)

    def weights(self) -> dict[str, float]:
        """Reconstruction and the three parts of the KL."""
        parts = {"mutual_information": self.alpha, "total_correlation": self.beta, "marginal_kl": self.gamma}
        return {"reconstruction": 1.0, **{k: float(v) for k, v in parts.items()}}

    def check(self, model: Autoencoder) -> None:
        """Needs joint and marginal posterior densities known at any code, and a prior of independent latents."""
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
