"""The interface of priors p(z). One code at a time; log-densities in nats."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Self

import equinox as eqx
from jax import Array

from latente.model.coder import Coder
from latente.model.posteriors import Posterior
from latente.registry import Registry

priors: Registry[Prior] = Registry("prior")


class Prior(eqx.Module):
    """A density over codes, from which new codes are drawn.

    Attributes:
        space: the space of its codes, as `Posterior.space`.
        conditional: whether it may be used in a model conditioned on labels or columns.
    """

    space: ClassVar[str] = "euclidean"
    conditional: ClassVar[bool] = True

    def init(self, code_size: int, features: tuple[int, ...], *, key: Array) -> Self:
        """The prior with initial learnt arrays, for codes of ``code_size`` and encoder inputs of ``features``."""
        return self

    def unsupported(self, posterior: Posterior) -> str | None:
        """Why it does not go with a posterior whose codes are in its space; None if it does."""
        return None

    def start(self, model: Coder, examples: Callable[[], Array], *, key: Array) -> Self:
        """The prior at the start of training; ``examples`` returns a sample of training examples (n, *shape)."""
        return self

    def given(self, model: Coder) -> Prior:
        """The prior given the model, for one batch: what needs the encoder is computed once here."""
        return self

    @abstractmethod
    def log_prob(self, z: Array) -> Array:
        """log p(z) in nats; a scalar."""

    @abstractmethod
    def sample(self, code_size: int, *, key: Array) -> Array:
        """One code, shape (code_size,)."""
