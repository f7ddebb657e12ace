"""MIWAE, CIWAE and PIWAE: combinations of several importance-weighted bounds, and of the ELBO."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from latente.model.autoencoder import Autoencoder
from latente.model.options import number, whole
from latente.model.priors import Prior
from latente.objective.objectives.base import objectives
from latente.objective.objectives.codes import frozen
from latente.objective.objectives.dreg import with_gradient_of
from latente.objective.objectives.iwae import IWAE, Draws, ImportanceWeighted, joint, log_mean_exp, mean_rate


@objectives.register("miwae", source="Rainforth et al. 2018, arXiv:1802.04537 (MIWAE)")
class MIWAE(ImportanceWeighted):
    """Mean of ``groups`` importance-weighted bounds of ``samples`` codes each.

    It is looser than a single bound with all the codes, and has an encoder gradient with a better signal-to-noise
    ratio. One group is "iwae"; one code per group is the ELBO with its KL estimated from the codes.
    """

    groups: int = eqx.field(static=True, default=4)
    samples: int = eqx.field(static=True, default=4)

    def __check_init__(self) -> None:
        for option in ("groups", "samples"):
            whole(objectives.name_of(self), option, getattr(self, option))

    def loss(self, model: Autoencoder, prior: Prior, drawn: Draws, x: Array, context: Array | None) -> Array:
        """Minus the mean of the groups' bounds."""
        return -jnp.mean(log_mean_exp(drawn.log_weights.reshape(self.groups, self.samples)))

    def codes(self) -> int:
        """``groups`` times ``samples``."""
        return self.groups * self.samples


@objectives.register("ciwae", source="Rainforth et al. 2018, arXiv:1802.04537 (CIWAE)")
class CIWAE(IWAE):
    """Mixture of the ELBO and the importance-weighted bound from the same ``samples`` codes: β ELBO + (1 − β) IWAE.

    ``beta`` goes from 0 ("iwae") to 1 (the mean ELBO of the codes, with its KL in closed form if there is one); the
    loss is a bound for each value.
    """

    samples: int = eqx.field(static=True, default=16)
    beta: float = eqx.field(static=True, default=0.5)

    def __check_init__(self) -> None:
        number('objective "ciwae"', "beta", self.beta, low=0, high=1)

    def loss(self, model: Autoencoder, prior: Prior, drawn: Draws, x: Array, context: Array | None) -> Array:
        """The mixture, negative."""
        loose = -jnp.mean(drawn.log_p) + mean_rate(model, prior, drawn)
        return self.beta * loose - (1 - self.beta) * log_mean_exp(drawn.log_weights)


@objectives.register("piwae", source="Rainforth et al. 2018, arXiv:1802.04537 (PIWAE)")
class PIWAE(MIWAE):
    """Two bounds from the same codes: the decoder learns from one tight bound with them all, the encoder from MIWAE.

    The loss is the tight bound, "iwae" with groups · samples codes. The parameters of p (decoder, likelihood, prior)
    have its gradient; those of q (encoder, posterior) have that of "miwae" with ``groups`` and ``samples``.
    """

    def loss(self, model: Autoencoder, prior: Prior, drawn: Draws, x: Array, context: Array | None) -> Array:
        """The tight bound, negative, with the gradients of both."""
        # p learns at fixed codes, q through the codes with p fixed; the compiler shares what both compute.
        log_p, log_prior = joint(model, prior, stop_gradient(drawn.z), x, context)
        tight = log_mean_exp(log_p + log_prior - stop_gradient(drawn.log_q))
        log_p, log_prior = joint(frozen(model), frozen(prior), drawn.z, x, context)
        loose = super().loss(model, prior, drawn._replace(log_p=log_p, log_prior=log_prior), x, context)
        return -with_gradient_of(tight, tight - loose)
