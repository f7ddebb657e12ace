"""What posteriors with a finite number of codes have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import jax
import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.posteriors.base import Posterior, posteriors


class Quantised(Posterior):
    """Each code is a string of tokens; each token is one of `entries` numbers, and `lookup` makes the code of them.

    A draw is the nearest code; its gradient is passed straight through to the encoder (Bengio et al. 2013).
    """

    kind: ClassVar[str] = "quantised"
    space: ClassVar[str] = "codebook"

    @abstractmethod
    def entries(self) -> int:
        """How many values a token has."""

    @abstractmethod
    def tokens(self, latent_dim: int) -> int:
        """How many tokens a code has."""

    @abstractmethod
    def continuous(self, outputs: Array) -> Array:
        """What is quantised: the encoder's outputs, perhaps bounded; shape (code_size,)."""

    @abstractmethod
    def indices(self, outputs: Array) -> Array:
        """The tokens of the nearest code, int32 of shape (tokens,)."""

    @abstractmethod
    def lookup(self, indices: Array) -> Array:
        """The code of some tokens, shape (code_size,)."""

    def renewed(self, outputs: Array, weight: Array, key: Array) -> Quantised:
        """Itself after a batch of encoder outputs (n, size) of weights (n,): what no gradient brings."""
        return self

    def mean(self, outputs: Array) -> Array:
        """The nearest code."""
        return self.lookup(self.indices(outputs))

    def draw(self, outputs: Array, *, key: Array) -> tuple[Array, Array]:
        """The nearest code whatever the key, and the log of its probability, 0."""
        found = self.continuous(outputs)
        return found + jax.lax.stop_gradient(self.mean(outputs) - found), jnp.zeros(())


def whole(part: Posterior, option: str, value: object, low: int = 1) -> None:
    """Refuse an option that is no whole number of at least ``low``.

    Raises:
        SpecError: naming part, option and value.
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        name = posteriors.name_of(part)
        raise SpecError(f"{name}: got {option} = {value!r}; allowed: a whole number of at least {low}")


def share(part: Posterior, option: str, value: object) -> None:
    """Refuse an option that is no number of at least 0 and below 1.

    Raises:
        SpecError: naming part, option and value.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        name = posteriors.name_of(part)
        raise SpecError(f"{name}: got {option} = {value!r}; allowed: a number of at least 0 and below 1")
