"""A kernel density estimate of codes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.model.options import whole
from latente.model.priors.base import priors
from latente.model.priors.fitted import FittedPrior
from latente.registry import learnt


@priors.register("kde", source="Parzen 1962, Ann. Math. Statist. 33(3); Scott 1992, eq. 6.42 (bandwidth)")
class KDE(FittedPrior):
    """The mean of normals around ``points`` codes, all with the same standard deviation, the bandwidth.

    Attributes:
        codes: their centres, shape (points, code_size).
        bandwidth: the standard deviation, a scalar above zero.
    """

    points: int = eqx.field(static=True, default=1)
    codes: Array | None = learnt()
    bandwidth: Array | None = learnt()

    def __check_init__(self) -> None:
        whole('prior "kde"', "points", self.points)

    def empty(self, code_size: int, *, key: Array) -> Self:
        """All centres at zero, bandwidth one."""
        return replace(self, codes=jnp.zeros((self.points, code_size)), bandwidth=jnp.ones(()))

    def log_prob(self, z: Array) -> Array:
        """log Σ_i N(z; code_i, bandwidth² I) − log points."""
        assert self.codes is not None and self.bandwidth is not None  # filled in by fitting
        squared = jnp.sum((z - self.codes) ** 2, axis=1)
        log_normaliser = z.shape[0] * (jnp.log(self.bandwidth) + 0.5 * math.log(2 * math.pi))
        return jax.nn.logsumexp(-0.5 * squared / self.bandwidth**2) - math.log(self.points) - log_normaliser

    def sample(self, code_size: int, *, key: Array) -> Array:
        """One of the codes plus normal noise."""
        assert self.codes is not None and self.bandwidth is not None
        chosen, noise = jr.split(key)
        centre = self.codes[jr.randint(chosen, (), 0, self.points)]
        return centre + self.bandwidth * jr.normal(noise, (code_size,))
