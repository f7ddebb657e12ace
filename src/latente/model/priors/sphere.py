"""The uniform prior on the unit sphere."""

from __future__ import annotations

from typing import ClassVar, Self

import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.posteriors.vmf_angle import log_area
from latente.model.priors.base import Prior, priors


@priors.register("uniform-sphere", source="Davidson et al. 2018, arXiv:1804.00891")
class UniformSphere(Prior):
    """All directions equally likely: unit vectors of R^latent_dim, latent_dim ≥ 2."""

    space: ClassVar[str] = "sphere"

    def init(self, code_size: int, features: tuple[int, ...], *, key: Array) -> Self:
        """The prior itself, which learns nothing.

        Raises:
            SpecError: codes of a single number.
        """
        if code_size < 2:
            raise SpecError(f'prior "uniform-sphere": got latent_dim = {code_size}; allowed: at least 2')
        return self

    def log_prob(self, z: Array) -> Array:
        """Minus the log of the sphere's area, at any unit vector."""
        return jnp.full((), -log_area(z.shape[0]), z.dtype)

    def sample(self, code_size: int, *, key: Array) -> Array:
        """A standard normal draw, divided by its length."""
        z = jr.normal(key, (code_size,))
        return z / jnp.sqrt(jnp.sum(z**2))
