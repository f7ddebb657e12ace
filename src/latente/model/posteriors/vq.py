"""Vector-quantised codes: one codebook, or several, each quantising the residual of the one before."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.options import number, whole
from latente.model.posteriors.base import posteriors
from latente.model.posteriors.quantised import Quantised
from latente.registry import learnt

SMOOTHING = 1e-5


@posteriors.register("vq", source="van den Oord et al. 2017, arXiv:1711.00937, eqs. 1–3 and appendix A.1")
class VectorQuantised(Quantised):
    """Each latent is one of ``codes`` vectors of ``width`` numbers, learnt by running averages.

    It is the vector closest to the latent's ``width`` outputs in Euclidean distance, or the first of several.

    A code used less often than ``revive`` times its equal share is moved to a random output of the batch; since all
    start unused, the first batch initialises the codebooks from data. No gradient moves them.

    Attributes:
        book: the codebooks, (levels, codes, width).
        used, total: running averages of each code's uses, (levels, codes), and of the sum of the vectors assigned to
            it, (levels, codes, width).
    """

    codes: int = eqx.field(static=True, default=128)
    width: int = eqx.field(static=True, default=4)
    decay: float = eqx.field(static=True, default=0.95)
    revive: float = eqx.field(static=True, default=0.03)
    book: Array | None = learnt()
    used: Array | None = learnt()
    total: Array | None = learnt()

    def __check_init__(self) -> None:
        part = posteriors.name_of(self)
        whole(part, "codes", self.codes, 2)
        whole(part, "width", self.width)
        number(part, "decay", self.decay, low=0, high=1, below=True)
        number(part, "revive", self.revive, low=0, high=1, below=True)

    def depth(self) -> int:
        """The number of codebooks: 1."""
        return 1

    def init(self, latent_dim: int, *, key: Array) -> Self:
        """With small random codes, all unused."""
        shape = (self.depth(), self.codes, self.width)
        return replace(self, book=0.1 * jr.normal(key, shape), used=jnp.zeros(shape[:2]), total=jnp.zeros(shape))

    def check(self, examples: int) -> None:
        """Refuse a codebook larger than the training part, which cannot be learnt.

        Raises:
            SpecError: naming both.
        """
        if self.codes > examples:
            raise SpecError(
                f"{posteriors.name_of(self)}: got codes = {self.codes}, and the training part has {examples} examples; "
                f"allowed: at most {examples}"
            )

    def entries(self) -> int:
        """``codes``."""
        return self.codes

    def tokens(self, latent_dim: int) -> int:
        """One per latent and codebook."""
        return latent_dim * self.depth()

    def size(self, latent_dim: int) -> int:
        """``width`` outputs for each latent."""
        return latent_dim * self.width

    def code_size(self, latent_dim: int) -> int:
        """``width`` numbers for each latent."""
        return latent_dim * self.width

    def continuous(self, outputs: Array) -> Array:
        """The outputs themselves."""
        return outputs

    def indices(self, outputs: Array) -> Array:
        """For each latent in turn, the code of each codebook nearest to the residual of those before it."""
        return jnp.ravel(self._quantise(outputs.reshape(-1, self.width))[0])

    def lookup(self, indices: Array) -> Array:
        """The sum of the codes over the codebooks, latent after latent."""
        of_latent = indices.reshape(-1, self.depth())
        picked = self._book()[jnp.arange(self.depth()), of_latent]
        return jnp.ravel(picked.sum(axis=1))

    def updated(self, outputs: Array, weight: Array, key: Array) -> Self:
        """With the running averages after a batch, and unused codes moved to outputs."""
        assert self.used is not None and self.total is not None and self.book is not None
        vectors = jax.lax.stop_gradient(outputs.reshape(-1, self.width))
        weights = jnp.repeat(weight, len(vectors) // len(weight))
        index, residuals = self._quantise(vectors)
        books, used, total = [], [], []
        for level in range(self.depth()):
            nearest = index[:, level]
            count = jax.ops.segment_sum(weights, nearest, self.codes)
            summed = jax.ops.segment_sum(residuals[level] * weights[:, None], nearest, self.codes)
            u = self.decay * self.used[level] + (1 - self.decay) * count
            t = self.decay * self.total[level] + (1 - self.decay) * summed
            equal_share = weights.sum() / self.codes
            dead = u < self.revive * equal_share
            # Padding has weight zero and is never drawn.
            drawn = jr.categorical(jr.fold_in(key, level), jnp.log(weights), shape=(self.codes,))
            u = jnp.where(dead, equal_share, u)
            t = jnp.where(dead[:, None], residuals[level][drawn] * equal_share, t)
            n = u.sum()
            smooth = (u + SMOOTHING) / (n + self.codes * SMOOTHING) * n
            books.append(t / smooth[:, None])
            used.append(u)
            total.append(t)
        return replace(self, book=jnp.stack(books), used=jnp.stack(used), total=jnp.stack(total))

    def _book(self) -> Array:
        assert self.book is not None
        return jax.lax.stop_gradient(self.book)

    def _quantise(self, vectors: Array) -> tuple[Array, list[Array]]:
        """For vectors (n, width): indices (n, levels), and the residual that each codebook quantises, (n, width)."""
        residual, index, residuals = vectors, [], []
        for book in self._book():
            residuals.append(residual)
            # ‖v − e‖² without ‖v‖², which is the same for all codes.
            nearest = jnp.argmin((book**2).sum(axis=1) - 2 * residual @ book.T, axis=1)
            index.append(nearest)
            residual = residual - book[nearest]
        return jnp.stack(index, axis=1), residuals


@posteriors.register("rvq", source="Zeghidour et al. 2021, arXiv:2107.03312, algorithm 1")
class ResidualQuantised(VectorQuantised):
    """Each latent is a sum of ``levels`` vectors, each the closest of its own codebook to the residual before it."""

    levels: int = eqx.field(static=True, default=2)

    def __check_init__(self) -> None:
        whole(posteriors.name_of(self), "levels", self.levels)

    def depth(self) -> int:
        """``levels``."""
        return self.levels
