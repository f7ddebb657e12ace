"""Priors that are fitted to codes after training, and how any prior is described in a spec and restored from it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Self

from jax import Array

from latente.errors import SpecError
from latente.model.priors.base import Prior, priors


class FittedPrior(Prior):
    """A prior that exists only by fitting to codes: no model can be trained with it."""

    def init(self, code_size: int, features: tuple[int, ...], *, key: Array) -> Self:
        """Not available: it cannot be trained with a model."""
        raise SpecError(
            f"{priors.name_of(self)} is fitted to the codes of a trained model, and cannot be trained with it; train "
            "with another prior (or none), then take run.with_prior(...)"
        )

    @abstractmethod
    def empty(self, code_size: int, *, key: Array) -> Self:
        """The prior with initial arrays for codes of ``code_size``, which fitting replaces."""


def blank_prior(part: str | Mapping[str, Any], code_size: int, *, key: Array) -> Prior:
    """The prior that `part_of` describes, with arrays of the right shapes.

    Raises:
        SpecError: the prior or an option is unknown.
    """
    prior = priors.make(part)
    return prior.empty(code_size, key=key) if isinstance(prior, FittedPrior) else prior.init(code_size, (), key=key)


def part_of(prior: Prior) -> dict[str, Any]:
    """A prior's name and options, as in a spec; what it has learnt is in its arrays."""
    name = next(n for n in priors if priors[n] is type(prior))
    options = {option: getattr(prior, option) for option in priors.options(name)}
    return {"name": name} | {k: list(v) if isinstance(v, tuple) else v for k, v in options.items()}
