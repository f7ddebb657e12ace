"""Through a trained model: codes, reconstructions, samples and grids, as NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.stats import norm

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder

BATCH = 1000
Floats = NDArray[np.float32]


def encode(model: Autoencoder, x: Floats) -> Floats:
    """Posterior means of model values x, shape (n, *shape); shape (n, latent_dim)."""
    return _mapped(_codes, model, x)


def decode(model: Autoencoder, z: Floats) -> Floats:
    """E[x | z] for codes z, shape (n, latent_dim); shape (n, *shape)."""
    return _mapped(_means, model, z)


def reconstruct(model: Autoencoder, x: Floats) -> Floats:
    """E[x | z] at each example's mean code; the shape of x."""
    return decode(model, encode(model, x))


def sample(model: Autoencoder, n: int, *, seed: int) -> Floats:
    """E[x | z] for n codes from the prior, shape (n, *shape).

    Raises:
        SpecError: the model has no prior.
    """
    keys = jr.split(jr.key(seed), n)
    z = jax.vmap(lambda key: model.prior.sample(model.latent_dim, key=key))(keys)
    return decode(model, np.asarray(z))


def manifold(model: Autoencoder, side: int = 20) -> tuple[Floats, Floats]:
    """A grid over a two-dimensional latent space at the standard normal's quantiles (Kingma & Welling 2014, fig. 4).

    Returns:
        E[x | z] of shape (side, side, *shape), the first axis the second latent from high to low as on a map;
        and the quantiles, shape (side,).

    Raises:
        SpecError: the model has another number of latents.
    """
    if model.latent_dim != 2:
        raise SpecError(f"the manifold grid is for 2 latents; this model has {model.latent_dim}")
    at = norm.ppf((np.arange(side) + 0.5) / side).astype(np.float32)
    second, first = np.meshgrid(at[::-1], at, indexing="ij")
    z = np.stack([first.ravel(), second.ravel()], axis=1)
    return decode(model, z).reshape(side, side, *model.shape), at


def _mapped(function: Callable[[Autoencoder, Array], Array], model: Autoencoder, x: NDArray[Any]) -> Floats:
    parts = []
    size = min(BATCH, len(x))
    for at in range(0, len(x), BATCH):
        batch = np.asarray(x[at : at + size], np.float32)
        fill = np.zeros((size - len(batch), *batch.shape[1:]), np.float32)
        parts.append(np.asarray(function(model, jnp.asarray(np.concatenate([batch, fill]))))[: len(batch)])
    return np.concatenate(parts)


@eqx.filter_jit
def _codes(model: Autoencoder, x: Array) -> Array:
    return jax.vmap(model.code)(x)


@eqx.filter_jit
def _means(model: Autoencoder, z: Array) -> Array:
    return jax.vmap(model.mean)(z)
