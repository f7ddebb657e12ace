"""Through a trained model: codes, reconstructions, samples and grids, as NumPy arrays."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.special import ndtri

from latente.compiling import jit, uncompiled
from latente.data.split import Data, Split
from latente.errors import SpecError
from latente.evaluation.batching import filled
from latente.memory import rows_at_once
from latente.model.autoencoder import Autoencoder
from latente.objective.objectives.m2 import log_class_probabilities
from latente.spec import ModelSpec, check_seed
from latente.training.examples import Examples, examples_of, stored

BATCH = 1000
"""At most so many at a time, fewer where examples are large (see `latente.memory`)."""
GRID = 40_000_000
"""Values of a whole grid of decoded codes."""
Floats = NDArray[np.float32]


def encode(model: Autoencoder, x: Floats, context: Floats | None = None) -> Floats:
    """Posterior means of model values x, shape (n, *shape); shape (n, code_size).

    ``context``, here and below, is what a conditional model is given beside, shape (n, context_size). A model with a
    classifier needs none here: it takes its own most likely class (`predicted_class`).
    """
    return _mapped(_codes, model, x, predicted_class(model, x) if context is None else context)


def classify(model: Autoencoder, x: Floats) -> Floats:
    """q(y | x) of model values x, shape (n, *shape), for each class; shape (n, classes), rows that add up to 1.

    Raises:
        SpecError: the model has no classifier (one trained with objective "m2" has).
    """
    return batched(_classes, model, x, None)


def predicted_class(model: Autoencoder, x: Floats) -> Floats | None:
    """The most likely class of each of x as zeros and a one, shape (n, classes); None without a classifier."""
    if model.classifier is None:
        return None
    one_hot: Floats = np.eye(model.context_size, dtype=np.float32)[classify(model, x).argmax(axis=1)]
    return one_hot


def context_of(model: Autoencoder, spec: ModelSpec, data: Data, part: Split) -> Floats | None:
    """What a model is conditioned on beside the examples of a part, shape (n, context_size); None without.

    For a model with a classifier it is the class that it finds most likely itself.
    """
    if model.is_conditional:
        context = examples_of(data, part, spec).context
        return None if context is None else np.asarray(context)
    return predicted_class(model, data.values(part.x))


def evaluation_examples(model: Autoencoder, spec: ModelSpec, data: Data, part: Split) -> Examples:
    """The examples of a part as a trained model is judged by them: a classifier's own class as their context."""
    if model.classifier is None:
        return examples_of(data, part, spec)
    return Examples(stored(data, part.x), jnp.asarray(context_of(model, spec, data, part)))


def decode(model: Autoencoder, z: Floats, context: Floats | None = None) -> Floats:
    """E[x | z] for codes z, shape (n, code_size); shape (n, *shape)."""
    return _mapped(_means, model, z, context)


def reconstruct(model: Autoencoder, x: Floats, context: Floats | None = None) -> Floats:
    """E[x | z] at each example's mean code; the shape of x."""
    context = predicted_class(model, x) if context is None else context
    return decode(model, encode(model, x, context), context)


def sample(model: Autoencoder, n: int, *, seed: int, context: Floats | None = None) -> Floats:
    """E[x | z] for n codes from the prior, shape (n, *shape).

    A model with a classifier that is given no context draws its classes too, each as likely as the next (p(y) of M2).

    Raises:
        SpecError: the model has no prior.
    """
    context = sample_context(model, n, seed) if context is None else context
    return decode(model, sample_codes(model, n, seed=seed), context)


def sample_context(model: Autoencoder, n: int, seed: int) -> Floats | None:
    """Classes of a model with a classifier, each as likely as the next, as zeros and a one, shape (n, classes)."""
    if model.classifier is None:
        return None
    classes = np.random.default_rng(seed).integers(model.context_size, size=n)
    one_hot: Floats = np.eye(model.context_size, dtype=np.float32)[classes]
    return one_hot


def sample_codes(model: Autoencoder, n: int, *, seed: int) -> Floats:
    """n codes from the prior, shape (n, code_size).

    Raises:
        SpecError: the model has no prior.
    """
    keys = jr.split(jr.key(check_seed(seed)), n)
    size = rows_at_once(uncompiled(_prior_draws), (model,), (keys,), n)
    return np.concatenate([np.asarray(_prior_draws(model, keys[at : at + size])) for at in range(0, n, size)])


def draw(model: Autoencoder, z: Floats, context: Floats | None = None, *, seed: int) -> Floats:
    """One draw from p(x | z) for each code of z, shape (n, code_size); shape (n, *shape).

    It depends on the seed and on a code's place.

    Raises:
        SpecError: a conditional model without a context.
    """
    if model.context_size and context is None:
        raise _conditioned(model)
    keys = jr.split(jr.key(check_seed(seed)), len(z))
    rows = (jax.ShapeDtypeStruct(z.shape, np.float32), context, keys)  # type: ignore[no-untyped-call]
    size = rows_at_once(uncompiled(_drawn), (model,), rows, min(BATCH, len(z)))
    parts = []
    for at, index in filled(len(z), size):
        given = None if context is None else jnp.asarray(context[index])
        found = _drawn(model, jnp.asarray(np.asarray(z[index], np.float32)), given, keys[index])
        parts.append(np.asarray(found)[: len(z) - at])
    return np.concatenate(parts)


def manifold(model: Autoencoder, side: int | None = None) -> tuple[Floats, Floats]:
    """A grid over a two-dimensional latent space at the standard normal's quantiles (Kingma & Welling 2014, fig. 4).

    Args:
        model: with two latents.
        side: codes in a row; by default 20, or fewer where examples are so large that the grid would have more than
            `GRID` values.

    Returns:
        E[x | z] of shape (side, side, *shape), the first axis the second latent from high to low as on a map;
        and the quantiles, shape (side,).

    Raises:
        SpecError: the model has another number of latents.
    """
    if model.code_size != 2:
        raise SpecError(f"the manifold grid is for 2 latents; this model has {model.code_size}")
    side = min(20, max(2, math.isqrt(GRID // math.prod(model.shape)))) if side is None else side
    at = ndtri((np.arange(side) + 0.5) / side).astype(np.float32)
    second, first = np.meshgrid(at[::-1], at, indexing="ij")
    z = np.stack([first.ravel(), second.ravel()], axis=1)
    return decode(model, z).reshape(side, side, *model.shape), at


def _conditioned(model: Autoencoder) -> SpecError:
    return SpecError(
        f"this model is conditioned on {model.context_size} numbers beside each example; give them "
        "(run.encode(x, given=labels), run.sample(16, given=labels))"
    )


def _mapped(
    function: Callable[[Autoencoder, Array, Array | None], Array],
    model: Autoencoder,
    x: NDArray[Any],
    context: Floats | None,
) -> Floats:
    if model.context_size and context is None:
        raise _conditioned(model)
    return batched(function, model, x, context)


def batched(
    function: Callable[[Autoencoder, Array, Array | None], Array],
    model: Autoencoder,
    x: NDArray[Any],
    context: Floats | None,
) -> Floats:
    """What a program made by `jit` gives for examples or codes x and their context, as many at a time as fit."""
    if len(x) == 0:
        raise SpecError("got no examples or codes; give at least one")
    parts = []
    rows = (jax.ShapeDtypeStruct(x.shape, np.float32), context)  # type: ignore[no-untyped-call]
    size = rows_at_once(uncompiled(function), (model,), rows, min(BATCH, len(x)))
    for at, index in filled(len(x), size):
        given = None if context is None else jnp.asarray(context[index])
        batch = jnp.asarray(np.asarray(x[index], np.float32))
        parts.append(np.asarray(function(model, batch, given))[: len(x) - at])
    return np.concatenate(parts)


@jit
def _codes(model: Autoencoder, x: Array, context: Array | None) -> Array:
    return jax.vmap(model.code)(x, context)


@jit
def _classes(model: Autoencoder, x: Array, context: Array | None) -> Array:
    return jnp.exp(jax.vmap(lambda x: log_class_probabilities(model, x))(x))


@jit
def _means(model: Autoencoder, z: Array, context: Array | None) -> Array:
    return jax.vmap(model.mean)(z, context)


@jit
def _drawn(model: Autoencoder, z: Array, context: Array | None, keys: Array) -> Array:
    def one(z: Array, context: Array | None, key: Array) -> Array:
        return model.likelihood.sample(model.decode(z, context), key=key)

    return jax.vmap(one)(z, context, keys)


@jit
def _prior_draws(model: Autoencoder, keys: Array) -> Array:
    prior = model.prior.given(model)
    return jax.vmap(lambda key: prior.sample(model.code_size, key=key))(keys)
