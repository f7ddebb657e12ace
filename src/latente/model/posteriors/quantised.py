"""The base of posteriors with a finite number of codes."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from latente.model.posteriors.base import Posterior


class Quantised(Posterior):
    """Each code is a sequence of tokens; each token is one of `entries` numbers, and `lookup` maps tokens to the code.

    A draw is the nearest code; its gradient passes straight through to the encoder (Bengio et al. 2013).
    """

    kind: ClassVar[str] = "quantised"
    space: ClassVar[str] = "codebook"

    @abstractmethod
    def entries(self) -> int:
        """The number of values of a token."""

    @abstractmethod
    def tokens(self, latent_dim: int) -> int:
        """The number of tokens of a code."""

    @abstractmethod
    def continuous(self, outputs: Array) -> Array:
        """The vector to quantise: the encoder's outputs, perhaps bounded; shape (code_size,)."""

    @abstractmethod
    def indices(self, outputs: Array) -> Array:
        """The tokens of the nearest code, int32 of shape (tokens,)."""

    @abstractmethod
    def lookup(self, indices: Array) -> Array:
        """The code of these tokens, shape (code_size,)."""

    def updated(self, outputs: Array, weight: Array, key: Array) -> Quantised:
        """The posterior after a batch of encoder outputs (n, size) with weights (n,): updates without a gradient."""
        return self

    def mean(self, outputs: Array) -> Array:
        """The nearest code."""
        return self.lookup(self.indices(outputs))

    def draw(self, outputs: Array, *, key: Array) -> tuple[Array, Array]:
        """The nearest code, whatever the key, and the log of its probability, 0."""
        found = self.continuous(outputs)
        return found + jax.lax.stop_gradient(self.mean(outputs) - found), jnp.zeros(())
