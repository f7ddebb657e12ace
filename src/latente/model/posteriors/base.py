"""The interface of posteriors q(z | x). One example at a time; log-densities in nats."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Self

import equinox as eqx
from jax import Array

from latente.errors import SpecError
from latente.registry import Registry

posteriors: Registry[Posterior] = Registry("posterior")


class Posterior(eqx.Module):
    """The family of distributions that an encoder's outputs parametrise; ``outputs`` is a vector of `size`.

    Attributes:
        kind: "point" (no density), "density" (over a continuous code), "categorical" (relaxed), or "quantised" (a code
            from a finite codebook).
        space: the space of its codes: "euclidean", "sphere", "simplex" or "codebook"; a prior must have the same.
        evaluates: whether `log_prob` is known at any code, and not only at its own draws.
    """

    kind: ClassVar[str]
    space: ClassVar[str] = "euclidean"
    evaluates: ClassVar[bool] = False

    def init(self, latent_dim: int, *, key: Array) -> Self:
        """The posterior with its learnt arrays initialised for so many latents."""
        return self

    def check(self, examples: int) -> None:
        """Refuse a training part with too few examples to learn from.

        Raises:
            SpecError: naming both numbers.
        """
        return

    @abstractmethod
    def size(self, latent_dim: int) -> int:
        """The number of outputs that the encoder must have."""

    def code_size(self, latent_dim: int) -> int:
        """The length of a code: one number per latent."""
        return latent_dim

    @abstractmethod
    def mean(self, outputs: Array) -> Array:
        """The code that represents the example, shape (code_size,): the mean, or the mode if the mean is no code."""

    @abstractmethod
    def draw(self, outputs: Array, *, key: Array) -> tuple[Array, Array]:
        """One code, shape (code_size,), differentiable in ``outputs``, and its log q(z | x), a scalar."""

    def sample(self, outputs: Array, *, key: Array) -> Array:
        """One code, shape (code_size,), differentiable in ``outputs``."""
        return self.draw(outputs, key=key)[0]

    def log_prob(self, outputs: Array, z: Array) -> Array:
        """log q(z | x) in nats at any code; a scalar.

        Raises:
            SpecError: it is not known (``evaluates`` is False).
        """
        raise SpecError(f"{posteriors.name_of(self)} has no density that can be evaluated at a given code")
