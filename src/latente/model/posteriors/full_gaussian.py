"""The Gaussian posterior with a full covariance."""

from __future__ import annotations

import math
from typing import ClassVar

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from jax.scipy.linalg import solve_triangular

from latente.model.nets import bounded
from latente.model.posteriors.base import Posterior, posteriors
from latente.model.posteriors.gaussian import LOG_VARIANCE_BOUND


@posteriors.register("full-gaussian", source="Kingma & Welling 2019, arXiv:1906.02691, section 2.5.1")
class FullGaussian(Posterior):
    """A normal with any covariance Σ = LLᵀ: the outputs are means, log L_ii² and the L_ij below, row by row.

    log L_ii², the log-variance of a latent given those before it, is 20 · tanh(r / 20) for an output r, as in the
    diagonal Gaussian; the entries below the diagonal are the outputs themselves.
    """

    kind: ClassVar[str] = "density"
    evaluates: ClassVar[bool] = True

    def size(self, latent_dim: int) -> int:
        """d means, d log-variances and d (d − 1) / 2 entries below the diagonal."""
        return 2 * latent_dim + latent_dim * (latent_dim - 1) // 2

    def moments(self, outputs: Array) -> tuple[Array, Array]:
        """Mean, shape (d,), and the lower-triangular L with a positive diagonal, shape (d, d)."""
        mean, log_var, below = self._split(outputs)
        rows, columns = np.tril_indices(len(mean), -1)
        return mean, jnp.diag(jnp.exp(0.5 * log_var)).at[rows, columns].set(below)

    def mean(self, outputs: Array) -> Array:
        """The first of the outputs."""
        return self._split(outputs)[0]

    def draw(self, outputs: Array, *, key: Array) -> tuple[Array, Array]:
        """μ + Lε with standard normal ε."""
        mean, factor = self.moments(outputs)
        noise = jr.normal(key, mean.shape)
        return mean + factor @ noise, self._log_density(outputs, noise)

    def log_prob(self, outputs: Array, z: Array) -> Array:
        """−½ (‖L⁻¹(z − μ)‖² + Σ log L_ii² + d log 2π)."""
        mean, factor = self.moments(outputs)
        return self._log_density(outputs, solve_triangular(factor, z - mean, lower=True))

    def conditional(self, outputs: Array) -> tuple[Array, Array]:
        """E[z_i²] of each latent under q, and the log-variance of z_i given those before it; each of shape (d,)."""
        mean, log_var, _ = self._split(outputs)
        factor = self.moments(outputs)[1]
        return mean**2 + jnp.sum(factor**2, axis=1), log_var

    def _log_density(self, outputs: Array, noise: Array) -> Array:
        return -0.5 * jnp.sum(noise**2 + self._split(outputs)[1] + math.log(2 * math.pi))

    def _split(self, outputs: Array) -> tuple[Array, Array, Array]:
        # size = d (d + 3) / 2, solved for d.
        dim = (math.isqrt(9 + 8 * outputs.shape[0]) - 3) // 2
        mean, raw, below = jnp.split(outputs, [dim, 2 * dim])
        return mean, bounded(raw, LOG_VARIANCE_BOUND), below
