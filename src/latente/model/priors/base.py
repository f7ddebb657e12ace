"""What every prior p(z) offers. One code at a time; log-densities in nats."""

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
    """A density over codes that new codes are drawn from.

    Attributes:
        space: where its codes live, as `Posterior.space`.
        conditional: whether it still means something where the model is conditioned on labels or columns.
    """

    space: ClassVar[str] = "euclidean"
    conditional: ClassVar[bool] = True

    def init(self, code_size: int, features: tuple[int, ...], *, key: Array) -> Self:
        """Itself with its learnt arrays made for codes of ``code_size`` and encoders of examples of ``features``."""
        return self

    def objection(self, posterior: Posterior) -> str | None:
        """Why it does not go with a posterior whose codes live in its space; None where it does."""
        return None

    def start(self, model: Coder, examples: Callable[[], Array], *, key: Array) -> Self:
        """Itself, moved to where training should start; ``examples`` makes some training examples (n, *shape)."""
        return self

    def given(self, model: Coder) -> Prior:
        """The density as it stands in a model, for one batch: itself, or what needs the encoder, worked out once."""
        return self

    @abstractmethod
    def log_prob(self, z: Array) -> Array:
        """log p(z) in nats; a scalar."""

    @abstractmethod
    def sample(self, code_size: int, *, key: Array) -> Array:
        """One code, shape (code_size,)."""
