"""The uniform prior over the codes of a quantised posterior."""

from __future__ import annotations

import math
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.coder import Coder
from latente.model.posteriors.quantised import Quantised
from latente.model.priors.base import Prior, priors


@priors.register("uniform-codes", source="van den Oord et al. 2017, arXiv:1711.00937, section 3.1")
class UniformCodes(Prior):
    """All codes equally likely: log p = −tokens · log entries. The codes are those of the model (see `given`)."""

    space: ClassVar[str] = "codebook"

    def given(self, model: Coder) -> Prior:
        """With the model's codes."""
        assert isinstance(model.posterior, Quantised)
        return _UniformOver(model.posterior, model.posterior.tokens(model.latent_dim))

    def log_prob(self, z: Array) -> Array:
        """Not available without a model's codes."""
        raise SpecError('prior "uniform-codes" needs the codes of a model: use prior.given(model)')

    def sample(self, code_size: int, *, key: Array) -> Array:
        """Not available without a model's codes."""
        raise SpecError('prior "uniform-codes" needs the codes of a model: use prior.given(model)')


class _UniformOver(Prior):
    posterior: Quantised
    tokens: int = eqx.field(static=True)

    space: ClassVar[str] = "codebook"

    def log_prob(self, z: Array) -> Array:
        return jnp.asarray(-self.tokens * math.log(self.posterior.entries()))

    def sample(self, code_size: int, *, key: Array) -> Array:
        return self.posterior.lookup(jr.randint(key, (self.tokens,), 0, self.posterior.entries()))
