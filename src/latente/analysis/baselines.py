"""What a model must beat to be worth its training: the training mean, as many principal components, and a model of each
value by itself. All are fitted to the training part alone, have nothing to choose, and are the same at every call."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.flatten_util import ravel_pytree
from numpy.typing import NDArray

from latente.analysis.trained_models import TrainedModel
from latente.compiling import jit
from latente.data.split import Data
from latente.errors import SpecError
from latente.evaluation.batching import subsample
from latente.model.likelihoods import Likelihood
from latente.model.likelihoods.bernoulli import Bernoulli
from latente.model.likelihoods.gaussian import LOG_SIGMA_BOUND, Gaussian
from latente.objective.objectives import objectives
from latente.spec import as_dict

Floats = NDArray[np.float64]

VALUES = 40_000_000
"""At most so many values of the training part are fitted to, by a fixed choice of examples, so that large images stay
in memory; with a likelihood that has no closed form, `SEARCHED`."""

SEARCHED = 4_000_000

LEAST = 100
"""Examples that are fitted to at least."""

BLOCK = 2000
"""Test examples at a time."""

STEPS = 200
"""Of the search for the parameters of a marginal model, at most."""


@dataclass(frozen=True)
class Baselines:
    """Baselines on one part of the data, example by example.

    Attributes:
        errors: mean squared error a value, by how many principal components; under 0 that of the training mean.
        nll: −log p in nats of a model of each value by itself, by the likelihood (`key_of`).
        fitted: to how many training examples.
    """

    errors: Mapping[int, Floats]
    nll: Mapping[str, Floats]
    fitted: int


def baselines(trained: Sequence[TrainedModel], split: str = "test") -> Baselines | None:
    """The baselines of a study's models; None where a value is missing, which they cannot take.

    Raises:
        DataError: the data is gone or has changed.
    """
    data = trained[0].first.data
    known = [data.part(p).x for p in ("train", split)]
    if any(np.issubdtype(x.dtype, np.floating) and not np.isfinite(x).all() for x in known):
        return None
    train = _some(data, VALUES)
    test = data.part(split).x
    sizes = {m.latents for m in trained if has_error(m)}
    errors = pca_errors(train, lambda: _blocks(data, test), sizes) if sizes else {}
    nll = {}
    for model in trained:
        key, likelihood = key_of(model), model.first.model.likelihood
        if key not in nll and has_bound(model):
            nll[key] = np.concatenate([marginal(likelihood, train, x) for x in _blocks(data, test)])
    return Baselines(errors, nll, len(train))


def key_of(model: TrainedModel) -> str:
    """The likelihood as JSON, equal for models of one family with the same options."""
    return json.dumps(as_dict(model.spec.likelihood), sort_keys=True)


def has_error(model: TrainedModel) -> bool:
    """Whether its squared error is that of the values as they are, which any other can be compared to."""
    likelihood = model.first.model.likelihood
    return not (likelihood.observes or likelihood.standardises or model.spec.missing)


def has_bound(model: TrainedModel) -> bool:
    """Whether it bounds −log p(x) of the values as they are or as a Bernoulli likelihood draws them."""
    likelihood = model.first.model.likelihood
    plain = isinstance(likelihood, Bernoulli) or not likelihood.observes
    return plain and not model.spec.missing and model.spec.condition == "none" and bound_terms(model) is not None


def bound_terms(model: TrainedModel) -> tuple[str, ...] | None:
    """The terms that add up to an upper bound on its −log p(x), as `Run.known_examples` has them; None without one."""
    if model.is_bound:
        return ("loss",)
    weights = objectives.make(model.spec.objective).weights()
    # With another weight of the KL the loss is no bound, but reconstruction + KL is.
    is_elbo = weights is not None and set(weights) == {"reconstruction", "kl"} and model.has_kl
    return ("reconstruction", "kl") if is_elbo else None


def pca_errors(train: NDArray[Any], blocks: Any, sizes: Iterable[int]) -> dict[int, Floats]:
    """Mean squared error a value of examples that are rebuilt from their first principal components.

    Args:
        train: values to fit to, shape (n, *shape).
        blocks: called for the examples, in arrays of shape (m, *shape).
        sizes: how many components; 0, the training mean, is always given.

    Returns:
        By size, the error of each example, shape (examples,).
    """
    from sklearn.decomposition import PCA

    flat = train.reshape(len(train), -1)
    most = min(max(sizes, default=0), *flat.shape)
    mean = flat.mean(axis=0, dtype=np.float64)
    axes = PCA(most, random_state=0).fit(flat).components_.astype(np.float64) if most else np.zeros((0, flat.shape[1]))
    found: dict[int, list[Floats]] = {size: [] for size in {0, *sizes}}
    for block in blocks():
        centred = block.reshape(len(block), -1).astype(np.float64) - mean
        whole = (centred**2).sum(axis=1)
        # Components are orthonormal: each takes the square of its coordinate away.
        kept = np.cumsum((centred @ axes.T) ** 2, axis=1)
        for size, errors in found.items():
            left = whole - kept[:, min(size, most) - 1] if size and most else whole
            errors.append(np.maximum(left, 0) / flat.shape[1])
    return {size: np.concatenate(errors) for size, errors in sorted(found.items())}


def marginal(likelihood: Likelihood, train: NDArray[Any], x: NDArray[Any]) -> Floats:
    """−log p in nats, shape (m,), of a model that knows each value's own distribution and nothing of the others.

    The parameters are those that a decoder would give, the same for all examples, fitted to the training examples
    together with what the likelihood learns. In closed form, with half an example of each outcome beside them
    (Krichevsky & Trofimov 1981), for Bernoulli, whose values are the probabilities of ones; for Gaussian with the
    pooled variance as one example more where each value has its own. Otherwise by L-BFGS, with a standard normal prior
    of the parameters around their start, which weighs as one example.

    Args:
        likelihood: of the models that are compared.
        train, x: values to fit to and to score, shape (n, *shape) and (m, *shape).
    """
    n = len(train)
    flat, own = train.reshape(n, -1), x.reshape(len(x), -1).astype(np.float64)
    if isinstance(likelihood, Bernoulli):
        p = (flat.sum(axis=0, dtype=np.float64) + 0.5) / (n + 1)
        return np.asarray(-(own @ np.log(p) + (1 - own) @ np.log1p(-p)))
    if isinstance(likelihood, Gaussian):
        mean = flat.mean(axis=0, dtype=np.float64)
        variances = ((flat - mean) ** 2).mean(axis=0, dtype=np.float64)
        pooled = float(variances.mean())
        if likelihood.sigma == "per-value":
            variance = (n * variances + pooled) / (n + 1)
        else:
            variance = np.full(len(mean), pooled if likelihood.sigma == "learned" else float(likelihood.sigma) ** 2)
        if isinstance(likelihood.sigma, str):
            variance = np.clip(variance, math.exp(-2 * LOG_SIGMA_BOUND), math.exp(2 * LOG_SIGMA_BOUND))
        return np.asarray((0.5 * ((own - mean) ** 2 / variance + np.log(2 * math.pi * variance))).sum(axis=1))
    return searched(likelihood, train, x)


def searched(likelihood: Likelihood, train: NDArray[Any], x: NDArray[Any]) -> Floats:
    """As `marginal`, of any likelihood, by L-BFGS."""
    from scipy.optimize import minimize

    few = jnp.asarray(train[subsample(len(train), max(LEAST, SEARCHED // max(1, train[0].size)), 0)], jnp.float32)
    try:
        start = likelihood.bias(jnp.mean(few, axis=0))
    except SpecError:
        start = jnp.zeros(likelihood.outputs(train.shape[1:]))
    learnt, rest = eqx.partition(likelihood, eqx.is_inexact_array)
    first, unravel = ravel_pytree((jnp.asarray(start, jnp.float32), learnt))

    @jit
    def loss(vector: Array, examples: Array) -> tuple[Array, Array]:
        def of(vector: Array) -> Array:
            return jnp.mean(_score(unravel(vector), rest, examples)) + jnp.sum((vector - first) ** 2) / (2 * len(few))

        return jax.value_and_grad(of)(vector)

    def both(vector: Floats) -> tuple[float, Floats]:
        value, gradient = loss(jnp.asarray(vector, jnp.float32), few)
        return float(value), np.asarray(gradient, np.float64)

    best = minimize(both, np.asarray(first, np.float64), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    fitted = unravel(jnp.asarray(best.x, jnp.float32))
    return np.asarray(_scored(fitted, rest, jnp.asarray(x, jnp.float32)), np.float64)


def _score(parameters: Any, rest: Any, examples: Array) -> Array:
    outputs, learnt = parameters
    likelihood: Likelihood = eqx.combine(learnt, rest)
    return jax.vmap(lambda x: -likelihood.log_prob(outputs, x))(examples)


_scored = jit(_score)


def _some(data: Data, most: int) -> NDArray[Any]:
    """Training values, of as many examples as `most` values are, by a fixed choice."""
    x = data.train.x
    return data.values(x[subsample(len(x), max(LEAST, most // max(1, x[0].size)), 0)])


def _blocks(data: Data, x: NDArray[Any]) -> Iterable[NDArray[Any]]:
    for at in range(0, len(x), BLOCK):
        yield data.values(x[at : at + BLOCK])
