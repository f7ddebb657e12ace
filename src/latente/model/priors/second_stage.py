"""A small VAE on another model's codes, as its prior."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.nets import MLP, bounded
from latente.model.options import as_tuple, whole, widths
from latente.model.posteriors.gaussian import LOG_VARIANCE_BOUND, DiagonalGaussian
from latente.model.priors.base import priors
from latente.model.priors.fitted import FittedPrior
from latente.model.priors.normal import StandardNormal
from latente.registry import learnt

POSTERIOR, BASE = DiagonalGaussian(), StandardNormal()
FIRST_NOISE = 0.2
"""Standardised codes have a deviation of 1: if γ started there, it would explain everything, leaving latents unused."""
NOISE = 0x73656332
"""Seed of the draws in `SecondStageVAE.log_prob`: the same for every z, so that it is a function of z."""


@priors.register("second-stage-vae", source="Dai & Wipf 2019, arXiv:1903.05789")
class SecondStageVAE(FittedPrior):
    """p(z) = ∫ N(z; f(u), γ² I) N(u; 0, I) du, a Gaussian VAE with as many latents u as z has numbers.

    Codes are standardised first (by a shift and scale of each number). Encoder and decoder have ``hidden`` widths; γ is
    learnt: log γ² = 20 · tanh(raw / 20), and the encoder's log-variances have the same bound. `log_prob` is not the
    density but an importance-weighted lower bound with ``samples`` draws.
    """

    hidden: tuple[int, ...] = eqx.field(static=True, default=(256, 256), converter=as_tuple)
    samples: int = eqx.field(static=True, default=100)
    encoder: MLP | None = learnt()
    decoder: MLP | None = learnt()
    raw: Array | None = learnt()  # log γ² before its bound
    shift: Array | None = learnt()
    log_scale: Array | None = learnt()

    def __check_init__(self) -> None:
        whole('prior "second-stage-vae"', "samples", self.samples)
        widths('prior "second-stage-vae"', self.hidden)

    def empty(self, code_size: int, *, key: Array) -> Self:
        """New networks, γ = `FIRST_NOISE`, and no standardisation."""
        up, down = jr.split(key)
        return replace(
            self,
            encoder=MLP((code_size, *self.hidden, 2 * code_size), "relu", key=up),
            decoder=MLP((code_size, *reversed(self.hidden), code_size), "relu", key=down),
            raw=jnp.full((), 2 * math.log(FIRST_NOISE)),
            shift=jnp.zeros(code_size),
            log_scale=jnp.zeros(code_size),
        )

    def log_noise(self) -> Array:
        """log γ², in (−20, 20)."""
        assert self.raw is not None
        return bounded(self.raw, LOG_VARIANCE_BOUND)

    def log_weight(self, z: Array, *, key: Array) -> Array:
        """log p(z | u) + log p(u) − log q(u | z) at one u drawn from q(u | z): its mean is the ELBO of log p(z)."""
        assert self.encoder is not None and self.decoder is not None  # filled in by empty
        assert self.shift is not None and self.log_scale is not None
        w = (z - self.shift) * jnp.exp(-self.log_scale)
        u, log_q = POSTERIOR.draw(self.encoder(w), key=key)
        log_noise = self.log_noise()
        squared = (w - self.decoder(u)) ** 2
        log_p = -0.5 * jnp.sum(squared * jnp.exp(-log_noise) + log_noise + math.log(2 * math.pi))
        return log_p - jnp.sum(self.log_scale) + BASE.log_prob(u) - log_q

    def log_prob(self, z: Array) -> Array:
        """A lower bound on log p(z), in the mean over draws: log (1 / samples) Σ p(z, u) / q(u | z).

        It is the bound of Burda et al. 2016 (arXiv:1509.00519, eq. 8), with the same draws for every z; more
        ``samples`` make it tighter.
        """
        keys = jr.split(jr.key(NOISE), self.samples)
        weights = jax.vmap(lambda key: self.log_weight(z, key=key))(keys)
        return jax.nn.logsumexp(weights) - math.log(self.samples)

    def sample(self, code_size: int, *, key: Array) -> Array:
        """f(u) + γε with standard normal u and ε, in the codes' own scale."""
        assert self.decoder is not None and self.shift is not None and self.log_scale is not None
        drawn, noise = jr.split(key)
        w = self.decoder(BASE.sample(code_size, key=drawn))
        w = w + jnp.exp(0.5 * self.log_noise()) * jr.normal(noise, w.shape)
        return self.shift + jnp.exp(self.log_scale) * w
