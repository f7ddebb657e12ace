"""Objectives: a batch in, `Terms` out. Randomness enters through ``keys`` only, one for each example."""

from __future__ import annotations

import math
from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.posteriors import Dirac
from latente.model.priors import NoPrior
from latente.objective.divergences import kl
from latente.objective.terms import Terms
from latente.registry import Registry


class Objective(eqx.Module):
    """What training minimises: the mean of ``Terms.loss``."""

    @abstractmethod
    def __call__(self, model: Autoencoder, x: Array, *, keys: Array) -> Terms:
        """Terms of a batch x of shape (n, *shape), with keys of shape (n,)."""

    @abstractmethod
    def check(self, model: Autoencoder) -> None:
        """Refuse a model that this objective makes no sense with.

        Raises:
            SpecError: naming both sides and the reason.
        """


objectives: Registry[Objective] = Registry("objective")


@objectives.register("elbo")
class ELBO(Objective):
    """Negative evidence lower bound, one code an example: −log p(x | z) + β KL (Kingma & Welling 2014, eq. 10).

    ``beta`` other than 1 is Higgins et al. 2017; the loss is then no bound on log p(x).
    """

    beta: float = 1.0

    def __check_init__(self) -> None:
        fine = isinstance(self.beta, int | float) and not isinstance(self.beta, bool)
        if not fine or not 0 <= self.beta < math.inf:
            raise SpecError(f'objective "elbo": got beta = {self.beta!r}; allowed: a number of at least 0')

    def __call__(self, model: Autoencoder, x: Array, *, keys: Array) -> Terms:
        """Sample one code an example."""

        def one(x: Array, key: Array) -> tuple[Array, Array]:
            outputs = model.encode(x)
            z = model.posterior.sample(outputs, key=key)
            reconstruction = -model.likelihood.log_prob(model.decode(z), x)
            return reconstruction, kl(model.posterior, model.prior, outputs)

        reconstruction, rate = jax.vmap(one)(x, keys)
        return Terms(reconstruction + self.beta * rate, reconstruction, rate)

    def check(self, model: Autoencoder) -> None:
        """Needs a posterior with a density and a prior."""
        if isinstance(model.posterior, Dirac):
            raise SpecError(
                'objective "elbo" does not go with posterior "dirac": a point has no density, so its KL is infinite; '
                'take posterior "gaussian", or objective "reconstruction"'
            )
        if isinstance(model.prior, NoPrior):
            raise SpecError(
                'objective "elbo" does not go with prior "none": the KL needs a prior; take "standard-normal"'
            )


@objectives.register("reconstruction")
class Reconstruction(Objective):
    """−log p(x | z) alone: a deterministic autoencoder's loss."""

    def __call__(self, model: Autoencoder, x: Array, *, keys: Array) -> Terms:
        """Decode each example's code."""

        def one(x: Array, key: Array) -> Array:
            z = model.posterior.sample(model.encode(x), key=key)
            return -model.likelihood.log_prob(model.decode(z), x)

        reconstruction = jax.vmap(one)(x, keys)
        return Terms(reconstruction, reconstruction, jnp.zeros_like(reconstruction))

    def check(self, model: Autoencoder) -> None:
        """Needs a point for a code and no prior."""
        if not isinstance(model.posterior, Dirac):
            raise SpecError(
                f'objective "reconstruction" does not go with posterior {type(model.posterior).__name__}: '
                'nothing would hold its variance up; take posterior "dirac", or objective "elbo"'
            )
        if not isinstance(model.prior, NoPrior):
            raise SpecError(
                'objective "reconstruction" does not go with a prior: nothing would bring the codes to it; take "none"'
            )
