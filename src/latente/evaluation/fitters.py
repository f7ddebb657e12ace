"""The kinds of prior that can be fitted to codes, and how each is fitted.

Each is a function (model, codes (n, d), held-out codes or None, seed, *, options) to a prior.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.errors import DataError, SpecError
from latente.model.autoencoder import Autoencoder
from latente.model.posteriors.quantised import Quantised
from latente.model.priors import Prior, priors
from latente.model.priors.autoregressive import Autoregressive
from latente.model.priors.flow import FlowPrior
from latente.model.priors.kde import KDE
from latente.model.priors.mixture import COVARIANCES, GaussianMixture, mixture_of
from latente.model.priors.second_stage import SecondStageVAE
from latente.registry import Registry
from latente.training.density import DensityRecipe, fit_density

HELD_OUT = 0.1
"""Share of the codes to stop by, where no others are given."""
LEAST_SCALE = 1e-3
"""A number of the code that varies less than this part of the most varied one is scaled as if it varied so much."""
BANDWIDTHS = np.geomspace(0.02, 2, 30)
"""Tried by cross-validation, in standard deviations of the codes."""
QUERIES = 1000
"""How many codes are left out, one at a time, to choose a bandwidth."""

Codes = NDArray[Any]
kinds: Registry[Prior] = Registry("kind of prior to fit")


@kinds.register("gaussian-mixture", source="Ghosh et al. 2020, arXiv:1903.12436, section 4 (ex-post density)")
def _gaussian_mixture(
    model: Autoencoder, codes: Codes, held_out: Codes | None, seed: int, *, components: int = 10,
    covariance: str = "full",
) -> GaussianMixture:  # fmt: skip
    """Expectation maximisation by scikit-learn; covariances are full unless ``covariance`` is "diagonal"."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture as Mixture

    GaussianMixture(components, covariance)  # checks the options
    if len(codes) < components:
        raise DataError(
            f'prior "gaussian-mixture": got {len(codes)} codes for {components} components; allowed: at most one '
            "component a code"
        )
    # One scale for all numbers of a code, so that the covariances' floor means the same for any codes.
    centre, unit = codes.mean(axis=0), _spread(codes)
    kind = dict(zip(COVARIANCES, ("diag", "full"), strict=True))[covariance]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = Mixture(components, covariance_type=kind, max_iter=300, random_state=seed).fit((codes - centre) / unit)
    # A component that lost all its codes has the weight zero, whose log is not finite.
    weights = np.maximum(found.weights_, 1e-12)
    return mixture_of(weights / weights.sum(), centre + unit * found.means_, found.precisions_cholesky_ / unit)


@kinds.register("kde", source="Parzen 1962; Scott 1992, eq. 6.42")
def _kde(
    model: Autoencoder, codes: Codes, held_out: Codes | None, seed: int, *, bandwidth: str | float = "scott",
    points: int = 5000,
) -> KDE:  # fmt: skip
    """Normals around at most ``points`` of the codes; their ``bandwidth`` is a number, "scott" (σ n^(−1/(d + 4)), σ²
    the mean variance), or "cross-validated" (the highest likelihood of codes left out one at a time)."""
    KDE(points)  # checks the option
    if len(codes) > points:
        codes = codes[np.random.default_rng(seed).permutation(len(codes))[:points]]
    (n, d), unit = codes.shape, _spread(codes)
    if bandwidth == "scott":
        chosen = unit * n ** (-1 / (d + 4))
    elif bandwidth == "cross-validated":
        chosen = unit * _left_out(codes / unit)
    elif isinstance(bandwidth, int | float) and not isinstance(bandwidth, bool) and 0 < bandwidth < np.inf:
        chosen = float(bandwidth)
    else:
        raise SpecError(
            f'prior "kde": got bandwidth = {bandwidth!r}; allowed: "scott", "cross-validated", or a number above 0'
        )
    return KDE(n, codes=jnp.asarray(codes, jnp.float32), bandwidth=jnp.float32(chosen))


def _left_out(codes: Codes) -> float:
    """The bandwidth of `BANDWIDTHS` with the highest mean log-density of codes that are left out of the estimate."""
    from scipy.spatial.distance import cdist
    from scipy.special import logsumexp

    few, d = codes[:QUERIES], codes.shape[1]
    apart = cdist(few, codes, "sqeuclidean")
    np.fill_diagonal(apart, np.inf)  # the same code is in both, at the same place
    scores = [np.mean(logsumexp(-0.5 * apart / h**2, axis=1)) - d * np.log(h) for h in BANDWIDTHS]
    return float(BANDWIDTHS[int(np.argmax(scores))])


@kinds.register("realnvp", source="Dinh et al. 2017, arXiv:1605.08803")
def _realnvp(
    model: Autoencoder, codes: Codes, held_out: Codes | None, seed: int, *, layers: int = 6,
    hidden: tuple[int, ...] = (64, 64), epochs: int = 200, batch_size: int = 128, learning_rate: float = 1e-3,
    patience: int = 10,
) -> Prior:  # fmt: skip
    """Maximum likelihood with early stopping, from the codes' own means and standard deviations on."""
    recipe = DensityRecipe(epochs, batch_size, learning_rate, patience)
    return _flow("realnvp", {"layers": layers, "hidden": hidden}, codes, held_out, seed, recipe)


@kinds.register("maf", source="Papamakarios et al. 2017, arXiv:1705.07057")
def _maf(
    model: Autoencoder, codes: Codes, held_out: Codes | None, seed: int, *, layers: int = 5,
    hidden: tuple[int, ...] = (64, 64), epochs: int = 200, batch_size: int = 128, learning_rate: float = 1e-3,
    patience: int = 10,
) -> Prior:  # fmt: skip
    """As "realnvp"."""
    recipe = DensityRecipe(epochs, batch_size, learning_rate, patience)
    return _flow("maf", {"layers": layers, "hidden": hidden}, codes, held_out, seed, recipe)


def _flow(
    name: str, options: dict[str, Any], codes: Codes, held_out: Codes | None, seed: int, recipe: DensityRecipe
) -> Prior:
    learn, stop = _parted(codes, held_out, seed)
    made, trained = jr.split(jr.key(seed))
    prior = priors.make({"name": name, **options}).init(codes.shape[1], (), key=made)
    assert isinstance(prior, FlowPrior)
    shift, log_scale = _standard(learn)
    return fit_density(replace(prior, shift=shift, log_scale=log_scale), _score, learn, stop, recipe, key=trained)[0]


def _score(prior: Prior, z: Array, key: Array) -> Array:
    return -prior.log_prob(z)


@kinds.register("second-stage-vae", source="Dai & Wipf 2019, arXiv:1903.05789")
def _second_stage(
    model: Autoencoder, codes: Codes, held_out: Codes | None, seed: int, *, hidden: tuple[int, ...] = (256, 256),
    samples: int = 100, epochs: int = 300, batch_size: int = 128, learning_rate: float = 1e-3, patience: int = 20,
) -> SecondStageVAE:  # fmt: skip
    """A small VAE on the codes, by its ELBO with early stopping; the ``samples`` are those of its bound."""
    recipe = DensityRecipe(epochs, batch_size, learning_rate, patience)
    learn, stop = _parted(codes, held_out, seed)
    made, trained = jr.split(jr.key(seed))
    shift, log_scale = _standard(learn)
    prior = replace(SecondStageVAE(hidden, samples).empty(codes.shape[1], key=made), shift=shift, log_scale=log_scale)
    return fit_density(prior, _second_loss, learn, stop, recipe, key=trained)[0]


def _second_loss(prior: SecondStageVAE, z: Array, key: Array) -> Array:
    return -prior.log_weight(z, key=key)


@kinds.register("autoregressive", source="van den Oord et al. 2017, arXiv:1711.00937, section 3.3")
def _autoregressive(
    model: Autoencoder, codes: Codes, held_out: Codes | None, seed: int, *, hidden: tuple[int, ...] = (256,),
    width: int = 32, epochs: int = 200, batch_size: int = 128, learning_rate: float = 1e-3, patience: int = 10,
) -> Autoregressive:  # fmt: skip
    """Exact maximum likelihood of tokens with early stopping."""
    assert isinstance(model.posterior, Quantised)
    recipe = DensityRecipe(epochs, batch_size, learning_rate, patience)
    learn, stop = (some.astype(np.int32) for some in _parted(codes, held_out, seed))
    made, trained = jr.split(jr.key(seed))
    prior = Autoregressive(codes.shape[1], model.posterior.entries(), hidden, width).empty(codes.shape[1], key=made)
    return fit_density(prior, _score, learn, stop, recipe, key=trained)[0]


def _parted(codes: Codes, held_out: Codes | None, seed: int) -> tuple[Codes, Codes]:
    """Codes to learn from and codes to stop by."""
    if held_out is not None:
        return codes.astype(np.float32), held_out.astype(np.float32)
    order = np.random.default_rng(seed).permutation(len(codes))
    few = round(HELD_OUT * len(codes))
    codes = codes[order].astype(np.float32)
    return codes[few:], codes[:few]


def _spread(codes: Codes) -> float:
    """The root of the mean variance over the numbers of a code."""
    return float(np.sqrt(np.mean(np.var(codes, axis=0))))


def _standard(codes: Codes) -> tuple[Array, Array]:
    """Mean and log standard deviation of each number of a code."""
    deviation = codes.std(axis=0)
    return jnp.asarray(codes.mean(axis=0)), jnp.log(jnp.asarray(np.maximum(deviation, LEAST_SCALE * deviation.max())))
