"""Vector-quantised codes: one codebook, or several of what the one before left."""

from __future__ import annotations

from dataclasses import replace
from typing import Self

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.posteriors.base import posteriors
from latente.model.posteriors.quantised import Quantised, share, whole
from latente.registry import learnt

SMOOTHING = 1e-5


class Codebooks(Quantised):
    """Codebooks that follow the encoder's outputs by running averages (van den Oord et al. 2017, appendix A.1).

    A code used less than ``revive`` times as often as if all were used alike is put where some output of the batch
    is; as all begin unused, the first batch starts the books from data. No gradient moves them.

    Attributes:
        book: (levels, codes, width).
        used, total: running averages of each code's uses, (levels, codes), and of the sum of what it stood for,
            (levels, codes, width).
    """

    codes: int = eqx.field(static=True, default=128)
    width: int = eqx.field(static=True, default=4)
    decay: float = eqx.field(static=True, default=0.95)
    revive: float = eqx.field(static=True, default=0.03)
    book: Array | None = learnt()
    used: Array | None = learnt()
    total: Array | None = learnt()

    def __check_init__(self) -> None:
        whole(self, "codes", self.codes, 2)
        whole(self, "width", self.width)
        share(self, "decay", self.decay)
        share(self, "revive", self.revive)

    def depth(self) -> int:
        """How many books there are."""
        return 1

    def init(self, latent_dim: int, *, key: Array) -> Self:
        """With small random codes, none of them used."""
        shape = (self.depth(), self.codes, self.width)
        return replace(self, book=0.1 * jr.normal(key, shape), used=jnp.zeros(shape[:2]), total=jnp.zeros(shape))

    def check(self, examples: int) -> None:
        """A codebook larger than the training part cannot be learnt.

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
        """One a latent and book."""
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
        """Of each latent in turn, the nearest code of each book to what the books before it left."""
        return jnp.ravel(self._walk(outputs.reshape(-1, self.width))[0])

    def lookup(self, indices: Array) -> Array:
        """The sum over books of the codes, latent after latent."""
        of_latent = indices.reshape(-1, self.depth())
        picked = self._book()[jnp.arange(self.depth()), of_latent]
        return jnp.ravel(picked.sum(axis=1))

    def renewed(self, outputs: Array, weight: Array, key: Array) -> Codebooks:
        """The running averages after a batch, and unused codes put where outputs are."""
        assert self.used is not None and self.total is not None and self.book is not None
        vectors = jax.lax.stop_gradient(outputs.reshape(-1, self.width))
        weights = jnp.repeat(weight, len(vectors) // len(weight))
        index, left = self._walk(vectors)
        books, used, total = [], [], []
        for level in range(self.depth()):
            onto = index[:, level]
            count = jax.ops.segment_sum(weights, onto, self.codes)
            summed = jax.ops.segment_sum(left[level] * weights[:, None], onto, self.codes)
            u = self.decay * self.used[level] + (1 - self.decay) * count
            t = self.decay * self.total[level] + (1 - self.decay) * summed
            even = weights.sum() / self.codes
            dead = u < self.revive * even
            # Drawn among the real examples: filling, of weight zero, is never picked.
            drawn = jr.categorical(jr.fold_in(key, level), jnp.log(weights), shape=(self.codes,))
            u = jnp.where(dead, even, u)
            t = jnp.where(dead[:, None], left[level][drawn] * even, t)
            n = u.sum()
            smooth = (u + SMOOTHING) / (n + self.codes * SMOOTHING) * n
            books.append(t / smooth[:, None])
            used.append(u)
            total.append(t)
        return replace(self, book=jnp.stack(books), used=jnp.stack(used), total=jnp.stack(total))

    def _book(self) -> Array:
        assert self.book is not None
        return jax.lax.stop_gradient(self.book)

    def _walk(self, vectors: Array) -> tuple[Array, list[Array]]:
        """For vectors (n, width): indices (n, levels), and what each book was asked for, (n, width) each."""
        left, index, asked = vectors, [], []
        for book in self._book():
            asked.append(left)
            # ‖v − e‖² without ‖v‖², which is the same for all codes.
            nearest = jnp.argmin((book**2).sum(axis=1) - 2 * left @ book.T, axis=1)
            index.append(nearest)
            left = left - book[nearest]
        return jnp.stack(index, axis=1), asked


@posteriors.register("vq", source="van den Oord et al. 2017, arXiv:1711.00937, eqs. 1–3 and appendix A.1")
class VectorQuantised(Codebooks):
    """Each latent is one of ``codes`` vectors of ``width`` numbers, learnt by running averages.

    It is the vector nearest to the latent's ``width`` outputs, by Euclidean distance; the first of equally near ones.
    """


@posteriors.register("rvq", source="Zeghidour et al. 2021, arXiv:2107.03312, algorithm 1")
class ResidualQuantised(Codebooks):
    """Each latent is a sum of ``levels`` vectors, each the nearest of its own book to what was left before it."""

    levels: int = eqx.field(static=True, default=2)

    def __check_init__(self) -> None:
        whole(self, "levels", self.levels)

    def depth(self) -> int:
        """``levels``."""
        return self.levels
