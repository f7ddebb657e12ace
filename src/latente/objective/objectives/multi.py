"""MIWAE, CIWAE and PIWAE: combinations of several importance-weighted bounds, and of the ELBO."""

from __future__ import annotations

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array
from jax.lax import stop_gradient

from latente.model.autoencoder import Autoencoder
from latente.model.options import number, whole
from latente.objective.objectives.base import Objective, Opponent, objectives
from latente.objective.objectives.codes import frozen
from latente.objective.objectives.dreg import with_gradient_of
from latente.objective.objectives.iwae import draws, joint, log_mean_exp, mean_rate, needs_weights
from latente.objective.terms import Batch, Terms


@objectives.register("miwae", source="Rainforth et al. 2018, arXiv:1802.04537 (MIWAE)")
class MIWAE(Objective):
    """Mean of ``groups`` importance-weighted bounds of ``samples`` codes each.

    It is looser than a single bound with all the codes, and has an encoder gradient with a better signal-to-noise
    ratio. One group is "iwae"; one code per group is the ELBO with its KL estimated from the codes.
    """

    groups: int = eqx.field(static=True, default=4)
    samples: int = eqx.field(static=True, default=4)

    bound: ClassVar[bool] = True

    def __check_init__(self) -> None:
        whole('objective "miwae"', "groups", self.groups)
        whole('objective "miwae"', "samples", self.samples)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Sample groups · samples codes per example."""
        prior = model.prior.given(model)

        def one(x: Array, context: Array | None, key: Array) -> tuple[Array, Array, Array]:
            drawn = draws(model, x, context, self.groups * self.samples, key=key)
            log_p, log_prior = joint(model, prior, drawn.z, x, context)
            log_weights = (log_p + log_prior - drawn.log_q).reshape(self.groups, self.samples)
            bound = jnp.mean(log_mean_exp(log_weights))
            return -bound, -jnp.mean(log_p), mean_rate(model, prior, drawn, log_prior)

        return Terms(*jax.vmap(one)(batch.x, batch.context, batch.keys))

    def codes(self) -> int:
        """``groups`` times ``samples``."""
        return self.groups * self.samples

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior with a density and a prior."""
        needs_weights(self, model)


@objectives.register("ciwae", source="Rainforth et al. 2018, arXiv:1802.04537 (CIWAE)")
class CIWAE(Objective):
    """Mixture of the ELBO and the importance-weighted bound from the same ``samples`` codes: β ELBO + (1 − β) IWAE.

    ``beta`` goes from 0 ("iwae") to 1 (the mean ELBO of the codes, with its KL in closed form if there is one); the
    loss is a bound for each value.
    """

    samples: int = eqx.field(static=True, default=16)
    beta: float = eqx.field(static=True, default=0.5)

    bound: ClassVar[bool] = True

    def __check_init__(self) -> None:
        whole('objective "ciwae"', "samples", self.samples)
        number('objective "ciwae"', "beta", self.beta, low=0, high=1)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Sample k codes per example."""
        prior = model.prior.given(model)

        def one(x: Array, context: Array | None, key: Array) -> tuple[Array, Array, Array]:
            drawn = draws(model, x, context, self.samples, key=key)
            log_p, log_prior = joint(model, prior, drawn.z, x, context)
            reconstruction, rate = -jnp.mean(log_p), mean_rate(model, prior, drawn, log_prior)
            tight = log_mean_exp(log_p + log_prior - drawn.log_q)
            return self.beta * (reconstruction + rate) - (1 - self.beta) * tight, reconstruction, rate

        return Terms(*jax.vmap(one)(batch.x, batch.context, batch.keys))

    def codes(self) -> int:
        """``samples``."""
        return self.samples

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior with a density and a prior."""
        needs_weights(self, model)


@objectives.register("piwae", source="Rainforth et al. 2018, arXiv:1802.04537 (PIWAE)")
class PIWAE(Objective):
    """Two bounds from the same codes: the decoder learns from one tight bound with them all, the encoder from MIWAE.

    The loss is the tight bound, "iwae" with groups · samples codes. The parameters of p (decoder, likelihood, prior)
    have its gradient; those of q (encoder, posterior) have that of "miwae" with ``groups`` and ``samples``.
    """

    groups: int = eqx.field(static=True, default=4)
    samples: int = eqx.field(static=True, default=4)

    bound: ClassVar[bool] = True

    def __check_init__(self) -> None:
        whole('objective "piwae"', "groups", self.groups)
        whole('objective "piwae"', "samples", self.samples)

    def __call__(self, model: Autoencoder, batch: Batch, opponent: Opponent | None = None) -> Terms:
        """Sample groups · samples codes per example."""
        prior = model.prior.given(model)
        fixed, fixed_prior = frozen(model), frozen(prior)

        def one(x: Array, context: Array | None, key: Array) -> tuple[Array, Array, Array]:
            drawn = draws(model, x, context, self.groups * self.samples, key=key)
            # p learns at fixed codes, q through the codes with p fixed; the compiler shares what both compute.
            log_p, log_prior = joint(model, prior, stop_gradient(drawn.z), x, context)
            tight = log_mean_exp(log_p + log_prior - stop_gradient(drawn.log_q))
            log_weights = sum(joint(fixed, fixed_prior, drawn.z, x, context)) - drawn.log_q
            loose = jnp.mean(log_mean_exp(log_weights.reshape(self.groups, self.samples)))
            bound = with_gradient_of(tight, tight + loose)
            return -bound, -jnp.mean(log_p), mean_rate(model, prior, drawn, log_prior)

        return Terms(*jax.vmap(one)(batch.x, batch.context, batch.keys))

    def codes(self) -> int:
        """``groups`` times ``samples``."""
        return self.groups * self.samples

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior with a density and a prior."""
        needs_weights(self, model)
