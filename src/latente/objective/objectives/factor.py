"""FactorVAE: the total correlation by the density-ratio trick, with a discriminator."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.nets import MLP
from latente.model.options import as_tuple, number
from latente.objective.objectives.base import Objective, Opponent, needs_density, no_opponent, objectives, refuse
from latente.objective.objectives.codes import coded, posterior_draws
from latente.objective.objectives.critics import check_opponent, cross_entropy
from latente.objective.terms import Batch, Terms


def permuted(z: Array, weight: Array, *, key: Array) -> Array:
    """Each latent permuted over the examples of positive weight (Kim & Mnih 2018, algorithm 1): draws from the product
    of the marginals, shape (n, d).

    Args:
        z: codes, shape (n, d).
        weight: 1, or 0 for padding, which stays at the end, shape (n,).
        key: of the permutations, one per latent.
    """
    order = jnp.where(weight[:, None] > 0, jr.uniform(key, z.shape), 2.0)
    return jnp.take_along_axis(z, jnp.argsort(order, axis=0), axis=0)


class FactorCritic(Opponent):
    """A discriminator between codes from q(z) and codes from the product of its marginals."""

    net: MLP

    def logit(self, z: Array) -> Array:
        """log D(z) / (1 − D(z)), with D the probability that a code, shape (d,), is from q(z) itself; a scalar.

        Its optimum is log q(z) / ∏_j q(z_j), whose mean over q(z) is the total correlation in nats.
        """
        return self.net(z)[0]

    def loss(self, model: Autoencoder, batch: Batch) -> Array:
        """`cross_entropy` between the batch's codes and the same codes permuted."""
        return self.loss_of(posterior_draws(model, batch), batch.weight, key=jr.fold_in(batch.key, 1))

    def loss_of(self, z: Array, weight: Array, *, key: Array) -> Array:
        """The loss for codes z of shape (n, d) with ``weight`` (n,); a scalar."""
        logit = jax.vmap(self.logit)
        return cross_entropy(logit(z), logit(permuted(z, weight, key=key)), weight)


@objectives.register("factor-vae", source="Kim & Mnih 2018, arXiv:1802.05983, eq. 2 and algorithm 2")
class FactorVAE(Objective):
    """The ELBO, plus γ times the total correlation as an opponent estimates it.

    The opponent is trained by its own Adam (``learning_rate``; β 0.5 and 0.9) on each step's batch, whereas the paper
    uses a second batch. ``hidden`` are its widths; the paper has six of 1,000.
    """

    gamma: float = eqx.field(static=True, default=10.0)
    hidden: tuple[int, ...] = eqx.field(static=True, default=(256, 256), converter=as_tuple)
    activation: str = eqx.field(static=True, default="elu")
    learning_rate: float = eqx.field(static=True, default=1e-4)

    least: ClassVar[int] = 2

    def __check_init__(self) -> None:
        number('objective "factor-vae"', "gamma", self.gamma, low=0)
        check_opponent('objective "factor-vae"', self.hidden, self.activation, self.learning_rate)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """One code per example; its total correlation is the opponent's logit."""
        if not isinstance(opponent, FactorCritic):
            raise no_opponent(self)
        found = coded(model, model.prior.given(model), batch)
        correlation = jax.vmap(opponent.logit)(found.z)
        loss = found.reconstruction + found.kl + self.gamma * correlation
        return Terms(loss, found.reconstruction, found.kl, {"total_correlation": correlation})

    def weights(self) -> dict[str, float]:
        """The ELBO and γ times the total correlation."""
        return {"reconstruction": 1.0, "kl": 1.0, "total_correlation": float(self.gamma)}

    def check(self, model: Autoencoder) -> None:
        """Needs a density over codes whose latents can be permuted independently, and at least two latents."""
        needs_density(self, model)
        if model.posterior.space != "euclidean":
            raise refuse(
                self,
                model.posterior,
                f"codes in {model.posterior.space} space leave it when their latents are permuted, so their total "
                'correlation is infinite; take "gaussian"',
            )
        if model.code_size < 2:
            raise SpecError(
                'objective "factor-vae" does not go with latent_dim = 1: one latent has no total correlation; '
                'take latent_dim = 2 or more, or objective "elbo"'
            )

    def opponent(self, model: Autoencoder, *, key: Array) -> Opponent:
        """A discriminator of codes."""
        net = MLP((model.code_size, *self.hidden, 1), self.activation, key=key)
        return FactorCritic(net, learning_rate=self.learning_rate)
