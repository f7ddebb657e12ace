"""The code of a deterministic autoencoder."""

from __future__ import annotations

from typing import ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.nets import activation
from latente.model.posteriors.base import Posterior, posteriors


@posteriors.register("dirac", source="Hinton & Salakhutdinov 2006; Makhzani & Frey 2014, arXiv:1312.5663 (top_k)")
class Dirac(Posterior):
    """A point: the code of a deterministic autoencoder, after an ``activation`` ("linear" or another).

    With ``top_k`` only the k largest of its numbers are kept, and the others are zero.
    """

    activation: str = eqx.field(static=True, default="linear")
    top_k: int | None = eqx.field(static=True, default=None)

    kind: ClassVar[str] = "point"

    def __check_init__(self) -> None:
        activation(self.activation)
        k = self.top_k
        if k is not None and (isinstance(k, bool) or not isinstance(k, int) or k < 1):
            raise SpecError(f'posterior "dirac": got top_k = {k!r}; allowed: a whole number of at least 1')

    def init(self, latent_dim: int, *, key: Array) -> Self:
        """Itself.

        Raises:
            SpecError: ``top_k`` above the number of latents.
        """
        if self.top_k is not None and self.top_k > latent_dim:
            raise SpecError(
                f'posterior "dirac": got top_k = {self.top_k} with latent_dim = {latent_dim}; '
                f"allowed: at most {latent_dim}"
            )
        return self

    def size(self, latent_dim: int) -> int:
        """One output for each latent."""
        return latent_dim

    def mean(self, outputs: Array) -> Array:
        """The code."""
        z = activation(self.activation)(outputs)
        if self.top_k is None:
            return z
        # By place, not by a threshold, so that equal numbers do not bring in more than k.
        _, kept = jax.lax.top_k(z, self.top_k)
        return jnp.zeros_like(z).at[kept].set(z[kept])

    def draw(self, outputs: Array, *, key: Array) -> tuple[Array, Array]:
        """The code, whatever the key; its log-density is that of a point, infinite."""
        return self.mean(outputs), jnp.asarray(jnp.inf)
