"""A prior as a table and arrays from which another framework draws codes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from latente.errors import SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.posteriors.fsq import FiniteScalar
from latente.model.posteriors.full_gaussian import FullGaussian
from latente.model.posteriors.gaussian import DiagonalGaussian
from latente.model.posteriors.vq import VectorQuantised
from latente.model.priors.codes import UniformCodes
from latente.model.priors.kde import KDE
from latente.model.priors.mixture import GaussianMixture
from latente.model.priors.none import NoPrior
from latente.model.priors.normal import StandardNormal
from latente.model.priors.sphere import UniformSphere
from latente.model.priors.uniform_categorical import UniformCategorical
from latente.model.priors.vamp import PosteriorMixture, Vamp

Arrays = dict[str, NDArray[np.float32]]


def prior_table(model: Autoencoder) -> tuple[dict[str, Any], Arrays]:
    """How codes are drawn from a model's prior: what is drawn under ``kind``, and the arrays that it needs.

    - "none": no prior;
    - "normal": independent standard normals;
    - "sphere": a standard normal divided by its length;
    - "classes": for each latent a one-hot group of ``classes``, all equally likely;
    - "grid": of each number of a code one of 0, 1, … up to its entry of ``steps``, over that, from −1 to 1;
    - "codes": for each latent the sum of a row of each of ``books``, arrays of the encoder, all rows equally likely;
    - "mixture": a component k by ``prior.weights`` (k,), then ``prior.means`` (k, d) plus ``prior.factors`` times
      standard normals: standard deviations (k, d), or matrices (k, d, d).

    Raises:
        SpecError: a prior that has no such table.
    """
    prior = model.prior
    if type(prior) is NoPrior:
        return {"kind": "none"}, {}
    if type(prior) is StandardNormal:
        return {"kind": "normal"}, {}
    if type(prior) is UniformSphere:
        return {"kind": "sphere"}, {}
    if type(prior) is UniformCategorical:
        return {"kind": "classes", "classes": prior.classes}, {}
    posterior = model.posterior
    if type(prior) is UniformCodes and type(posterior) is FiniteScalar:
        steps = [n - 1 for n in posterior.levels]
        return {"kind": "grid", "steps": steps * (model.code_size // len(steps))}, {}
    if type(prior) is UniformCodes and isinstance(posterior, VectorQuantised):
        return {"kind": "codes", "books": [f"code.book.{i}" for i in range(posterior.depth())]}, {}
    found = _mixture(model)
    if found is None:
        raise SpecError(
            f"the prior {type(prior).__name__} cannot be drawn from outside latente; fit a mixture to the codes "
            "(latente prior RUN, run.with_prior), or export to onnx, which draws no codes"
        )
    names = ("prior.weights", "prior.means", "prior.factors")
    return {"kind": "mixture"}, {k: np.asarray(v, np.float32) for k, v in zip(names, found, strict=True)}


def _mixture(model: Autoencoder) -> tuple[Any, Any, Any] | None:
    """Weights, means and factors, where the prior is a mixture of Gaussians."""
    prior = model.prior
    if type(prior) is KDE:
        codes = np.asarray(prior.codes)
        return np.full(len(codes), 1 / len(codes)), codes, np.full(codes.shape, float(np.asarray(prior.bandwidth)))
    if type(prior) is GaussianMixture:
        spreads = np.exp(0.5 * np.asarray(prior.log_variances(), np.float64))
        weights = np.exp(np.asarray(prior.log_weights()))
        if prior.above is None:
            return weights, np.asarray(prior.means), spreads
        whitening = np.stack([np.diag(1 / s) for s in spreads]) + np.triu(np.asarray(prior.above, np.float64), 1)
        return weights, np.asarray(prior.means), np.linalg.inv(whitening.swapaxes(1, 2))
    posterior = model.posterior
    if type(prior) is Vamp and isinstance(posterior, DiagonalGaussian | FullGaussian):
        given = prior.given(model)
        assert isinstance(given, PosteriorMixture)
        found = [posterior.moments(outputs) for outputs in given.outputs]
        means, second = (np.stack([np.asarray(pair[i]) for pair in found]) for i in (0, 1))
        spreads = np.exp(0.5 * second) if isinstance(posterior, DiagonalGaussian) else second
        return np.full(len(means), 1 / len(means)), means, spreads
    return None
