"""The uniform prior on the unit sphere."""

from __future__ import annotations

import math
from typing import ClassVar, Self

import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.priors.base import Prior, priors


@priors.register("uniform-sphere", source="Davidson et al. 2018, arXiv:1804.00891")
class UniformSphere(Prior):
    """Every direction alike: unit vectors of R^latent_dim, latent_dim ≥ 2."""

    space: ClassVar[str] = "sphere"

    def init(self, code_size: int, features: tuple[int, ...], *, key: Array) -> Self:
        """Itself.

        Raises:
            SpecError: codes of one number.
        """
        if code_size < 2:
            raise SpecError(f'prior "uniform-sphere": got latent_dim = {code_size}; allowed: at least 2')
        return self

    def log_prob(self, z: Array) -> Array:
        """Minus the log of the sphere's area, log(2 π^(d/2) / Γ(d/2)), at any unit vector."""
        half = z.shape[0] / 2
        return jnp.full((), math.lgamma(half) - math.log(2) - half * math.log(math.pi), z.dtype)

    def sample(self, code_size: int, *, key: Array) -> Array:
        """Standard normal draws, brought to length one."""
        z = jr.normal(key, (code_size,))
        return z / jnp.sqrt(jnp.sum(z**2))
