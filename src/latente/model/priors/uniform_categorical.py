"""Uniform priors over categorical codes: over one-hot vectors, and over their relaxation."""

from __future__ import annotations

import math
from typing import ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from latente.errors import SpecError
from latente.model.options import number, whole
from latente.model.posteriors import Posterior
from latente.model.posteriors.gumbel import LOG_LEAST, GumbelSoftmax, concrete_log_density
from latente.model.priors.base import Prior, priors


class OverClasses(Prior):
    """A prior over codes that hold a group of ``classes`` numbers for each latent."""

    classes: int = eqx.field(static=True, default=10)

    space: ClassVar[str] = "simplex"

    def __check_init__(self) -> None:
        whole(priors.name_of(self), "classes", self.classes, 2)

    def init(self, code_size: int, features: tuple[int, ...], *, key: Array) -> Self:
        """The prior itself, which learns nothing.

        Raises:
            SpecError: the codes are no groups of ``classes``.
        """
        if code_size % self.classes:
            raise SpecError(
                f"{priors.name_of(self)}: got classes = {self.classes} for codes of {code_size} numbers; allowed: the "
                "classes of the posterior, so that each latent has a group of so many numbers"
            )
        return self

    def unsupported(self, posterior: Posterior) -> str | None:
        """The groups must have the same size."""
        if isinstance(posterior, GumbelSoftmax) and posterior.classes != self.classes:
            return f"it has classes = {self.classes}, and the posterior {posterior.classes}; give both the same"
        return None


@priors.register("uniform-categorical", source="Jang et al. 2017, arXiv:1611.01144, section 4.2")
class UniformCategorical(OverClasses):
    """Each latent is one of ``classes``, all equally likely; codes are one-hot groups.

    ``classes`` must equal the posterior's.
    """

    def log_prob(self, z: Array) -> Array:
        """−log classes for each latent: the log-probability of any one-hot code."""
        return jnp.full((), -(z.shape[0] // self.classes) * math.log(self.classes), z.dtype)

    def sample(self, code_size: int, *, key: Array) -> Array:
        """One-hot groups."""
        drawn = jr.randint(key, (code_size // self.classes,), 0, self.classes)
        return jnp.ravel(jax.nn.one_hot(drawn, self.classes))


@priors.register("uniform-concrete", source="Maddison et al. 2017, arXiv:1611.00712, section 3.3 and definition 1")
class UniformConcrete(OverClasses):
    """The relaxation of uniform classes at a ``temperature``: a density inside the simplex, for soft codes.

    ``classes`` must equal the posterior's; the temperature may differ.
    """

    temperature: float = eqx.field(static=True, default=0.5)

    def __check_init__(self) -> None:
        number('prior "uniform-concrete"', "temperature", self.temperature, low=0, above=True)

    def unsupported(self, posterior: Posterior) -> str | None:
        """The groups must have the same size, and the codes must be soft: one-hot codes have no density."""
        if isinstance(posterior, GumbelSoftmax) and posterior.hard:
            return 'it is a density of soft codes; take posterior {name = "gumbel-softmax", hard = false}'
        return super().unsupported(posterior)

    def log_prob(self, z: Array) -> Array:
        """The log-density of each group with respect to its first classes − 1 numbers; about −∞ at one-hot codes."""
        groups = jnp.reshape(z, (-1, self.classes))
        log_z = jnp.log(jnp.maximum(groups, math.exp(LOG_LEAST)))
        return jnp.sum(concrete_log_density(jnp.zeros_like(groups), log_z, self.temperature))

    def sample(self, code_size: int, *, key: Array) -> Array:
        """softmax(Gumbel noise / temperature) in each group."""
        noise = jr.gumbel(key, (code_size // self.classes, self.classes))
        return jnp.ravel(jax.nn.softmax(noise / self.temperature))
