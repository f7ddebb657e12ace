"""A mixture of Gaussians as the prior, learnt with the model or fitted to codes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.model.nets import bounded
from latente.model.options import choice, whole
from latente.model.posteriors.gaussian import LOG_VARIANCE_BOUND
from latente.model.priors.base import Prior, priors
from latente.registry import learnt

COVARIANCES = ("diagonal", "full")


@priors.register("gaussian-mixture", source="Tomczak & Welling 2018 (MoG); Jiang et al. 2017, arXiv:1611.05148")
class GaussianMixture(Prior):
    """Σ_k π_k N(z; μ_k, Σ_k) with ``components`` terms; means, variances and weights are learnt.

    ``covariance`` is "diagonal" or "full". Each component whitens a code z as y = (z − μ)P, where P is upper triangular
    and PPᵀ = Σ⁻¹, so that P's diagonal follows from the variances of z_j given the z before it: their logs are
    20 · tanh(raw / 20), as in the Gaussian posterior. With "diagonal", P is zero off its diagonal.

    Attributes:
        means: μ, shape (components, code_size).
        raw: the log-variances of z_j given z_<j before the tanh, of the same shape.
        above: P above its diagonal, shape (components, code_size, code_size); its other entries are unused. None with
            "diagonal".
        logits: log π up to a constant, shape (components,).
    """

    components: int = eqx.field(static=True, default=10)
    covariance: str = eqx.field(static=True, default="diagonal")
    means: Array | None = learnt()
    raw: Array | None = learnt()
    above: Array | None = learnt()
    logits: Array | None = learnt()

    def __check_init__(self) -> None:
        whole('prior "gaussian-mixture"', "components", self.components)
        choice('prior "gaussian-mixture"', "covariance", self.covariance, COVARIANCES)

    def init(self, code_size: int, features: tuple[int, ...], *, key: Array) -> Self:
        """Unit variances and equal weights; means are standard normal draws, since equal ones would stay equal."""
        size = (self.components, code_size)
        above = jnp.zeros((*size, code_size)) if self.covariance == "full" else None
        return replace(
            self, means=jr.normal(key, size), raw=jnp.zeros(size), above=above, logits=jnp.zeros(self.components)
        )

    def log_variances(self) -> Array:
        """The log-variances of z_j given z_<j in each component, shape (components, code_size)."""
        assert self.raw is not None  # filled in by init
        return bounded(self.raw, LOG_VARIANCE_BOUND)

    def log_weights(self) -> Array:
        """log π, shape (components,)."""
        assert self.logits is not None
        return jax.nn.log_softmax(self.logits)

    def log_prob(self, z: Array) -> Array:
        """log Σ_k exp(log π_k + log |P_k| − ½ ‖(z − μ_k)P_k‖² − ½ d log 2π)."""
        assert self.means is not None
        centred, log_var = z - self.means, self.log_variances()
        white = centred * jnp.exp(-0.5 * log_var)
        if self.above is not None:
            white = white + jnp.einsum("ki,kij->kj", centred, jnp.triu(self.above, 1))
        log_p = -0.5 * jnp.sum(white**2 + log_var + math.log(2 * math.pi), axis=1)
        return jax.nn.logsumexp(self.log_weights() + log_p)

    def sample(self, code_size: int, *, key: Array) -> Array:
        """A component drawn by its weight, then a draw from it."""
        assert self.means is not None
        chosen, noise = jr.split(key)
        k = jr.categorical(chosen, self.log_weights())
        y, log_var = jr.normal(noise, (code_size,)), self.log_variances()[k]
        if self.above is None:
            return self.means[k] + jnp.exp(0.5 * log_var) * y
        factor = jnp.diag(jnp.exp(-0.5 * log_var)) + jnp.triu(self.above[k], 1)
        return self.means[k] + jax.scipy.linalg.solve_triangular(factor.T, y, lower=True)


def mixture_of(weights: NDArray[Any], means: NDArray[Any], factors: NDArray[Any]) -> GaussianMixture:
    """The mixture with these parameters.

    Args:
        weights: π, shape (k,), above zero.
        means: shape (k, d).
        factors: upper triangular P with PPᵀ = Σ⁻¹, shape (k, d, d), for full covariances; or 1/σ, shape (k, d), for
            diagonal ones.
    """
    full = factors.ndim == 3
    diagonal = np.diagonal(factors, axis1=1, axis2=2) if full else factors
    # Strictly inside the bound, where the tanh can be inverted.
    edge = LOG_VARIANCE_BOUND * (1 - 1e-6)
    log_var = np.clip(-2 * np.log(diagonal), -edge, edge)
    return GaussianMixture(
        len(weights),
        "full" if full else "diagonal",
        means=jnp.asarray(means, jnp.float32),
        raw=jnp.asarray(LOG_VARIANCE_BOUND * np.arctanh(log_var / LOG_VARIANCE_BOUND), jnp.float32),
        above=jnp.asarray(np.triu(factors, 1), jnp.float32) if full else None,
        logits=jnp.asarray(np.log(weights), jnp.float32),
    )
