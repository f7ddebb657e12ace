"""Priors fitted after training on the codes of any model: the density of codes that its encoder left behind."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit, uncompiled
from latente.errors import DataError, SpecError, unknown
from latente.evaluation.batching import filled
from latente.evaluation.latent import predicted_class
from latente.memory import rows_at_once
from latente.model.autoencoder import Autoencoder
from latente.model.posteriors import posteriors
from latente.model.posteriors.quantised import Quantised
from latente.model.priors import Prior, priors
from latente.model.priors.autoregressive import AutoregressivePrior
from latente.model.priors.flow import FlowPrior
from latente.model.priors.kde import KDE
from latente.model.priors.mixture import COVARIANCES, GaussianMixture, mixture_of
from latente.model.priors.second_stage import SecondStageVAE
from latente.objective.objectives.codes import posterior_draws
from latente.registry import Registry
from latente.spec import check_seed
from latente.training.density import DensityRecipe, fit_density
from latente.training.examples import Examples, Scale

LEAST_CODES = 20
"""Fewer codes than this say too little of their density to be fitted."""

BATCH = 500
"""As `latente.evaluation.evaluate.BATCH`."""

Codes = NDArray[Any]

Fitter = Callable[..., Prior]


def fit_prior(
    model: Autoencoder, codes: Codes, kind: str, *, seed: int = 0, held_out: Codes | None = None, **options: Any
) -> Prior:
    """A prior of codes that a trained model gave.

    Args:
        model: whose codes they are.
        codes: of training examples, shape (n, code_size); for a quantised posterior the token indices, (n, tokens).
        kind: "gaussian-mixture", "kde", "realnvp", "maf", "second-stage-vae" or "autoregressive".
        seed: of all randomness.
        held_out: codes of other examples, shape (m, code_size), to stop by; by default a tenth of ``codes``, which
            are then not learnt from. Mixtures and kernel estimates need none, and learn from all of ``codes``.
        options: of the kind (see `kinds`); for instance ``components=20``.

    Raises:
        SpecError: an unknown kind or option, or one that does not go with the model's posterior.
        DataError: codes of another shape, not finite, too few, or all alike.
        TrainingError: no finite likelihood was found.
    """
    check_kind(model, kind, options)
    codes = _checked(model, codes, "codes", LEAST_CODES)
    held_out = None if held_out is None else _checked(model, held_out, "held-out codes", 1)
    fitter: Fitter = kinds[kind]
    return fitter(model, codes, held_out, seed, **options)


def check_kind(model: Autoencoder, kind: str, options: Iterable[str] = ()) -> None:
    """Refuse a kind of prior that a model's codes cannot have, and options that it does not take.

    Raises:
        SpecError: naming both sides; or an unknown kind or option.
    """
    allowed = options_of(kind)
    for option in options:
        if option not in allowed:
            raise SpecError(unknown(f'option of prior "{kind}"', option, allowed))
    tokens = isinstance(model.posterior, Quantised)
    ours, theirs = f'prior "{kind}"', posteriors.name_of(model.posterior)
    if tokens and kind != "autoregressive":
        raise SpecError(f'{ours} does not go with {theirs}: its codes come from a codebook; take "autoregressive"')
    if kind == "autoregressive" and not tokens:
        raise SpecError(f'{ours} does not go with {theirs}: its codes are no tokens of a codebook; take "realnvp"')
    if not tokens and model.posterior.space != "euclidean":
        raise SpecError(
            f"{ours} does not go with {theirs}: its codes live in {model.posterior.space} space, where a prior of "
            "euclidean space would have most of its mass off them"
        )


def options_of(kind: str) -> list[str]:
    """The options that a kind of prior takes where it is fitted.

    Raises:
        SpecError: the kind is unknown.
    """
    parameters = inspect.signature(kinds[kind]).parameters.values()
    return [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]


def codes_of(model: Autoencoder, scale: Scale, examples: Examples, *, seed: int = 0) -> Codes:
    """What a prior is fitted to: one code of each example drawn from the posterior, shape (n, code_size).

    Draws, and not means, for it is draws that the decoder was trained on (Dai & Wipf 2019); a point's code
    is itself. Of a quantised posterior the token indices, shape (n, tokens).

    Args:
        model: the trained model.
        scale: brings stored values to model values.
        examples: with the context of a conditional model; a model with a classifier takes its most likely class.
        seed: of the draws, and of what is observed of an example (binarisation).
    """
    if model.classifier is not None:
        examples = Examples(examples.x, jnp.asarray(predicted_class(model, np.asarray(scale(examples.x)))))
    examples = Examples(examples.x, examples.context)
    n, block = len(examples), min(BATCH, len(examples))
    key = jr.key(check_seed(seed))
    drawn = jr.split(key, block)
    size = rows_at_once(uncompiled(_codes), (model, scale), (examples.take(slice(block)), drawn), block)
    found = []
    for first in range(0, n, block):
        drawn, here = jr.split(jr.fold_in(key, first), block), min(block, n - first)
        for at, index in filled(here, size):
            batch = examples.take(jnp.asarray(first + index))
            found.append(np.asarray(_codes(model, scale, batch, drawn[jnp.asarray(index)]))[: here - at])
    return np.concatenate(found)


@jit
def _codes(model: Autoencoder, scale: Scale, examples: Examples, keys: Array) -> Array:
    batch = examples.batch(model, scale, keys, jnp.ones(len(examples)))
    posterior = model.posterior
    if isinstance(posterior, Quantised):
        return jax.vmap(lambda x, context: posterior.indices(model.encode(x, context)))(batch.x, batch.context)
    return posterior_draws(model, batch)


def _checked(model: Autoencoder, codes: Codes, what: str, least: int) -> NDArray[np.float64]:
    found = np.asarray(codes, np.float64)
    posterior, size = model.posterior, model.code_size
    if isinstance(posterior, Quantised):
        size = posterior.tokens(model.latent_dim)
    if found.ndim != 2 or found.shape[1] != size or not np.isfinite(found).all():
        raise DataError(f"{what}: got shape {found.shape}; allowed: (n, {size}) of finite numbers")
    if isinstance(posterior, Quantised):
        top = posterior.entries() - 1
        if not ((found == np.round(found)) & (found >= 0) & (found <= top)).all():
            raise DataError(f"{what}: got tokens that are not all whole numbers of 0 to {top}")
    if len(found) < least:
        raise DataError(f"{what}: got {len(found)}; allowed: at least {least}")
    if not isinstance(posterior, Quantised) and least > 1 and not np.ptp(found, axis=0).any():
        raise DataError(f"{what}: all are alike, so they have no density; the encoder has collapsed")
    return found


HELD_OUT = 0.1
"""Share of the codes to stop by, where no others are given."""

LEAST_SCALE = 1e-3
"""A number of the code that varies less than this part of the most varied one is scaled as if it varied so much."""

BANDWIDTHS = np.geomspace(0.02, 2, 30)
"""Tried by cross-validation, in standard deviations of the codes."""

QUERIES = 1000
"""How many codes are left out, one at a time, to choose a bandwidth."""

kinds: Registry[Prior] = Registry("kind of prior to fit")


@kinds.register("gaussian-mixture", source="Ghosh et al. 2020, arXiv:1903.12436, section 4 (ex-post density)")
def _gaussian_mixture(
    model: Autoencoder, codes: Codes, held_out: Codes | None, seed: int, *, components: int = 10,
    covariance: str = "full",
) -> GaussianMixture:  # fmt: skip
    """Expectation maximisation by scikit-learn; covariances are full unless ``covariance`` is "diagonal"."""
    GaussianMixture(components, covariance)  # checks the options
    if len(codes) < components:
        raise DataError(
            f'prior "gaussian-mixture": got {len(codes)} codes for {components} components; allowed: at most one '
            "component a code"
        )
    return mixture_of(*fit_mixture(codes, components, covariance, seed=seed))


def fit_mixture(
    codes: Codes, components: int, covariance: str = "full", *, seed: int = 0, floor: float | None = None
) -> tuple[Codes, Codes, Codes]:
    """Weights (k,), means (k, d) and what whitens each component (see `mixture_of`) of a mixture fitted to codes.

    Expectation maximisation by scikit-learn, with ``floor`` added to every variance: by default a millionth of the
    codes' own.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture as Mixture

    # One scale for all numbers of a code, so that the covariances' floor means the same for any codes.
    centre, unit = codes.mean(axis=0), _spread(codes) or 1.0
    kind = dict(zip(COVARIANCES, ("diag", "full"), strict=True))[covariance]
    least = 1e-6 if floor is None else floor / unit**2
    mixture = Mixture(components, covariance_type=kind, max_iter=300, random_state=seed, reg_covar=least)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = mixture.fit((codes - centre) / unit)
    # A component that lost all its codes has the weight zero, whose log is not finite.
    weights = np.maximum(found.weights_, 1e-12)
    return weights / weights.sum(), centre + unit * found.means_, found.precisions_cholesky_ / unit


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


def _flow(name: str, usual: int) -> Fitter:
    """The fitter of a flow, of ``usual`` layers by default."""

    def fitted(
        model: Autoencoder, codes: Codes, held_out: Codes | None, seed: int, *, layers: int = usual,
        hidden: tuple[int, ...] = (64, 64), epochs: int = 200, batch_size: int = 128, learning_rate: float = 1e-3,
        patience: int = 10,
    ) -> Prior:  # fmt: skip
        """Maximum likelihood with early stopping, from the codes' own means and standard deviations on."""
        recipe = DensityRecipe(epochs, batch_size, learning_rate, patience)
        learn, stop = _parted(codes, held_out, seed)
        made, trained = jr.split(jr.key(seed))
        prior = priors.make({"name": name, "layers": layers, "hidden": hidden}).init(codes.shape[1], (), key=made)
        assert isinstance(prior, FlowPrior)
        shift, log_scale = _standard(learn)
        prior = replace(prior, shift=shift, log_scale=log_scale)
        return fit_density(prior, _score, learn, stop, recipe, key=trained)[0]

    return fitted


kinds.register("realnvp", source="Dinh et al. 2017, arXiv:1605.08803")(_flow("realnvp", 6))
kinds.register("maf", source="Papamakarios et al. 2017, arXiv:1705.07057")(_flow("maf", 5))


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
) -> AutoregressivePrior:  # fmt: skip
    """Exact maximum likelihood of tokens with early stopping."""
    assert isinstance(model.posterior, Quantised)
    recipe = DensityRecipe(epochs, batch_size, learning_rate, patience)
    learn, stop = (some.astype(np.int32) for some in _parted(codes, held_out, seed))
    made, trained = jr.split(jr.key(seed))
    prior = AutoregressivePrior(codes.shape[1], model.posterior.entries(), hidden, width)
    prior = prior.empty(codes.shape[1], key=made)
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
