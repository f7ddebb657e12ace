"""log p(x) in closed form, of the one model where it is known: the linear-Gaussian one."""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from numpy.typing import NDArray
from scipy.special import logsumexp

from latente.compiling import jit
from latente.errors import SpecError
from latente.language.message import Message
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods import likelihoods
from latente.model.likelihoods.gaussian import Gaussian
from latente.model.nets import MLP
from latente.model.priors import priors
from latente.model.priors.normal import StandardNormal
from latente.training.examples import Examples, Scale


def unsupported(model: Autoencoder) -> Message | None:
    """Why a model's log p(x) has no closed form; None where it has one."""
    if not isinstance(model.prior, StandardNormal):
        return Message("reason.exact_prior", found=priors.name_of(model.prior))
    if not isinstance(model.likelihood, Gaussian) or model.likelihood.sigma == "per-value":
        return Message("reason.exact_likelihood", found=likelihoods.name_of(model.likelihood))
    net = model.decoder
    if not isinstance(net, MLP) or (len(net.layers) > 1 and net.activation != "linear"):
        return Message("reason.exact_decoder")
    return None


def exact_nll(model: Autoencoder, scale: Scale, examples: Examples) -> NDArray[np.float64]:
    """−log p(x) of each example in nats, shape (n,), in double precision: p(x) = N(x; b, W Wᵀ + σ² I).

    Tipping & Bishop 1999, eq. 6 (probabilistic PCA). Missing values are integrated out; a conditional model's b is
    that of its context, and a model with a classifier is summed over its classes, which are alike probable.

    Raises:
        SpecError: the model is no linear-Gaussian one (`unsupported`).
    """
    if reason := unsupported(model):
        raise SpecError(reason)
    x = np.asarray(scale(examples.x), np.float64).reshape(len(examples), -1)
    if model.classifier is None:
        return -_log_density(x, *_decoder(model, examples.context, len(x)))
    classes = jnp.eye(model.context_size)
    each = [_log_density(x, *_decoder(model, jnp.broadcast_to(y, (len(x), len(y))), len(x))) for y in classes]
    return np.asarray(math.log(len(classes)) - logsumexp(each, axis=0))


def _decoder(
    model: Autoencoder, context: Array | None, n: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Of the affine map z ↦ W z + b: b for each example, shape (n, D); W, shape (D, d); and σ."""
    zero = jnp.zeros(model.code_size)

    def mean(z: Array, context: Array | None) -> Array:
        return jnp.ravel(model.mean(z, context))

    first = None if context is None else context[0]
    weight = np.asarray(jit(jax.jacfwd(mean))(zero, first), np.float64)
    if context is None:
        means = np.broadcast_to(np.asarray(mean(zero, None), np.float64), (n, len(weight)))
    else:
        means = np.asarray(jax.vmap(lambda c: mean(zero, c))(context), np.float64)
    assert isinstance(model.likelihood, Gaussian)
    at_mean = model.likelihood.log_prob(model.decode(zero, first), model.mean(zero, first))
    sigma = math.exp(-float(at_mean) / len(weight) - 0.5 * math.log(2 * math.pi))
    return means, weight, sigma


def _log_density(
    x: NDArray[np.float64], means: NDArray[np.float64], weight: NDArray[np.float64], sigma: float
) -> NDArray[np.float64]:
    """log N(x; means, W Wᵀ + σ² I) over the values of each row that are not NaN; through d × d matrices only."""
    found = np.empty(len(x))
    known = ~np.isnan(x)
    patterns, which = np.unique(known, axis=0, return_inverse=True)
    for number, seen in enumerate(patterns):
        rows = np.flatnonzero(which.ravel() == number)
        w, error = weight[seen], (x[rows] - means[rows])[:, seen]
        inner = np.eye(w.shape[1]) + w.T @ w / sigma**2
        factor = np.linalg.cholesky(inner)
        half = np.linalg.solve(factor, (error @ w / sigma**2).T)
        square = (error**2).sum(axis=1) / sigma**2 - (half**2).sum(axis=0)
        log_det = 2 * np.log(np.diag(factor)).sum() + 2 * len(w) * math.log(sigma)
        found[rows] = -0.5 * (square + log_det + len(w) * math.log(2 * math.pi))
    return found
