"""Finite scalar quantisation: bounded, rounded numbers, without a codebook to learn."""

from __future__ import annotations

import math

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import Array

from latente.errors import SpecError
from latente.model.options import as_tuple
from latente.model.posteriors.base import posteriors
from latente.model.posteriors.quantised import Quantised

MOST = 2**31 - 1
"""Codes are numbered by int32."""


@posteriors.register("fsq", source="Mentzer et al. 2023, arXiv:2309.15505, section 3.1 and appendix A.1")
class FiniteScalar(Quantised):
    """Each latent is a point of a grid: its i-th number takes ``levels[i]`` values, evenly spaced over [−1, 1].

    For an output r and L levels the digit is (tanh(r) + 1) / 2 · (L − 1), rounded, and the code is
    2 · digit / (L − 1) − 1; a latent's token combines its digits into one number, the first level's being the lowest.
    """

    levels: tuple[int, ...] = eqx.field(static=True, default=(8, 5, 5), converter=as_tuple)

    def __check_init__(self) -> None:
        fine = isinstance(self.levels, tuple) and len(self.levels) > 0
        if not fine or not all(isinstance(n, int) and not isinstance(n, bool) and n >= 2 for n in self.levels):
            raise SpecError(
                f'posterior "fsq": got levels = {self.levels!r}; allowed: a list of whole numbers of at least 2, '
                "for instance [8, 5, 5]"
            )
        if math.prod(self.levels) > MOST:
            raise SpecError(
                f'posterior "fsq": got levels = {self.levels!r}, which make {math.prod(self.levels):,} codes; '
                f"allowed: at most {MOST:,}"
            )

    def entries(self) -> int:
        """The product of the levels."""
        return math.prod(self.levels)

    def tokens(self, latent_dim: int) -> int:
        """One per latent."""
        return latent_dim

    def size(self, latent_dim: int) -> int:
        """One output per number."""
        return latent_dim * len(self.levels)

    def code_size(self, latent_dim: int) -> int:
        """As many numbers as there are levels, for each latent."""
        return latent_dim * len(self.levels)

    def continuous(self, outputs: Array) -> Array:
        """tanh of the outputs: in (−1, 1)."""
        return jnp.tanh(outputs)

    def indices(self, outputs: Array) -> Array:
        """The nearest grid point as one number per latent, the first level's digit being the lowest."""
        steps = jnp.asarray([n - 1 for n in self.levels])
        digits = jnp.round((jnp.tanh(outputs).reshape(-1, len(self.levels)) + 1) / 2 * steps).astype(jnp.int32)
        return digits @ jnp.asarray(self._places())

    def lookup(self, indices: Array) -> Array:
        """The point's numbers in [−1, 1]."""
        levels = jnp.asarray(self.levels)
        digits = indices[:, None] // jnp.asarray(self._places()) % levels
        return jnp.ravel(2 * digits / (levels - 1) - 1).astype(jnp.float32)

    def _places(self) -> np.ndarray:
        return np.cumprod([1, *self.levels[:-1]]).astype(np.int32)
