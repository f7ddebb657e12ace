"""The Dirac posterior: the code of a deterministic autoencoder."""

from __future__ import annotations

from typing import ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import Array

from latente.errors import SpecError
from latente.model.nets import activation
from latente.model.options import whole
from latente.model.posteriors.base import Posterior, posteriors


@posteriors.register("dirac", source="Hinton & Salakhutdinov 2006; Makhzani & Frey 2014, arXiv:1312.5663 (top_k)")
class Dirac(Posterior):
    """A point: the code of a deterministic autoencoder, after an ``activation`` ("linear" or another).

    With ``top_k`` only its k largest numbers are kept, and the others are zero.
    """

    activation: str = eqx.field(static=True, default="linear")
    top_k: int | None = eqx.field(static=True, default=None)

    kind: ClassVar[str] = "point"

    def __check_init__(self) -> None:
        activation(self.activation)
        if self.top_k is not None:
            whole('posterior "dirac"', "top_k", self.top_k)

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
        # By position rather than by a threshold, so that ties do not let in more than k.
        _, kept = jax.lax.top_k(z, self.top_k)
        return jnp.zeros_like(z).at[kept].set(z[kept])

    def draw(self, outputs: Array, *, key: Array) -> tuple[Array, Array]:
        """The code, whatever the key; its log-density is that of a point, infinite."""
        return self.mean(outputs), jnp.asarray(jnp.inf)
