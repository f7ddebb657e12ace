"""No prior at all."""

from __future__ import annotations

from typing import ClassVar

from jax import Array

from latente.errors import SpecError
from latente.model.priors.base import Prior, priors


@priors.register("none", source="Hinton & Salakhutdinov 2006")
class NoPrior(Prior):
    """No prior: a deterministic autoencoder, which can reconstruct but not sample."""

    space: ClassVar[str] = "any"

    def log_prob(self, z: Array) -> Array:
        """Not available."""
        raise SpecError('prior "none" has no density; take "standard-normal"')

    def sample(self, code_size: int, *, key: Array) -> Array:
        """Not available."""
        raise SpecError(
            "this model has no prior to sample from (a deterministic autoencoder learns none); "
            "fit one on its codes (run.with_prior), sample from a VAE, or decode codes of your own"
        )
