"""What a page shows of a model's codes: means, spreads, KL by latent, principal axes, a fitted prior, scores."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.evaluation import latent
from latente.evaluation.codes import entries, moments, surprise
from latente.evaluation.fit_prior import fit_mixture
from latente.memory import arrays_at_once
from latente.model.autoencoder import Autoencoder
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.objective.divergences import gaussian_kl

Floats = NDArray[np.float32]

BATCH = 1000

COMPONENTS = 10


def encode(model: Autoencoder, x: Floats, context: Floats | None = None) -> tuple[Floats, Floats | None]:
    """Mean codes and, of a diagonal Gaussian posterior, log-variances: shape (n, d) each.

    ``context``, here and below, is what a conditional model is given with each, shape (n, context_size).
    """
    if type(model.posterior) is not DiagonalGaussian:
        return latent.encode(model, x, context), None
    both = _batched(moments, model, x, context)
    return both[:, 0], both[:, 1]


def decode(model: Autoencoder, z: Floats, context: Floats | None = None) -> Floats:
    """E[x | z], shape (n, *shape): as `latent.decode`, with few batch sizes so that few are compiled."""
    given = None if context is None else _filled(context, model)
    return latent.decode(model, _filled(z, model), given)[: len(z)]


def scores(model: Autoencoder, x: Floats, context: Floats | None = None) -> Floats:
    """How unlike the training data: −log p(x | z) at the mean code, plus the KL where it is known; nats, shape (n,)."""
    return _batched(surprise, model, x, context)


def root_errors(model: Autoencoder, x: Floats, context: Floats | None = None) -> Floats:
    """Root mean squared difference of x and E[x | z] at its mean code, in model values; shape (n,)."""
    rebuilt = decode(model, encode(model, x, context)[0], context)
    errors: Floats = np.sqrt(((x - rebuilt) ** 2).reshape(len(x), -1).mean(axis=1))
    return errors


def kl(mean: Floats, log_var: Floats) -> Floats:
    """Mean KL(q ‖ N(0, 1)) of every latent in nats, shape (d,)."""
    return np.asarray(gaussian_kl(mean.astype(np.float64), log_var.astype(np.float64)).mean(axis=0), np.float32)


def mixture(mean: Floats, log_var: Floats | None) -> dict[str, Any]:
    """A Gaussian mixture fitted to codes drawn for these examples: a prior for models that have none, or a bad one.

    Returns:
        ``weights`` (k,), ``means`` (k, d) and ``factors`` (k, d, d), lower Cholesky factors of the covariances.
    """
    rng = np.random.default_rng(0)
    codes = mean.astype(np.float64)
    if log_var is not None:
        codes = codes + np.exp(0.5 * log_var) * rng.normal(size=mean.shape)
    count = max(1, min(COMPONENTS, len(codes) // (10 * codes.shape[1] + 10)))
    floor = 1e-6 + 1e-4 * float(codes.var(axis=0).mean())
    weights, means, precisions = fit_mixture(codes, count, floor=floor)
    return {
        "weights": np.asarray(weights, np.float32),
        "means": np.asarray(means, np.float32),
        "factors": np.asarray(np.linalg.inv(precisions).swapaxes(1, 2), np.float32),
    }


def _filled(x: Floats, model: Autoencoder) -> Floats:
    """With zeros up to one of a few numbers, so that few programs are compiled; large examples are left as they are."""
    n = len(x)
    size = next((s for s in (1, 8, 64, 256) if n <= s), -(-n // BATCH) * BATCH)
    if size == n or arrays_at_once(math.prod(model.shape), size) < size:
        return x
    return np.concatenate([x, np.zeros((size - n, *x.shape[1:]), np.float32)])


def _batched(function: Any, model: Autoencoder, x: Floats, context: Floats | None) -> Floats:
    given = None if context is None else _filled(np.asarray(context, np.float32), model)
    return latent.batched(function, model, _filled(np.asarray(x, np.float32), model), given)[: len(x)]


def tokens(model: Autoencoder, x: Floats, context: Floats | None = None) -> NDArray[np.uint16]:
    """Which entries of its book the codes of examples are made of: as `latente.evaluation.codes.entries`."""
    return _batched(entries, model, x, context).astype(np.uint16)
