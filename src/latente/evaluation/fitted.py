"""Priors fitted after training on the codes of any model: the density of codes that its encoder left behind."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array
from numpy.typing import NDArray

from latente.compiling import jit, plain
from latente.errors import DataError, SpecError, unknown
from latente.evaluation.fitters import kinds
from latente.evaluation.latent import likely
from latente.model.autoencoder import Autoencoder
from latente.model.posteriors import posteriors
from latente.model.posteriors.quantised import Quantised
from latente.model.priors import Prior
from latente.objective.objectives.codes import posterior_draws
from latente.spec import check_seed
from latente.training.examples import Examples, Scale
from latente.training.memory import rows_at_once

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
        examples = Examples(examples.x, jnp.asarray(likely(model, np.asarray(scale(examples.x)))))
    examples = Examples(examples.x, examples.context)
    n, block = len(examples), min(BATCH, len(examples))
    key = jr.key(check_seed(seed))
    drawn = jr.split(key, block)
    size = rows_at_once(plain(_codes), (model, scale), (examples.take(slice(block)), drawn), block)
    found = []
    for first in range(0, n, block):
        drawn = jr.split(jr.fold_in(key, first), block)
        for at in range(first, min(first + block, n), size):
            # The last batch is filled up with the first examples, so that one program serves all.
            index = np.arange(at, at + size)
            batch = examples.take(jnp.asarray(np.where(index < n, index, 0)))
            keys = drawn[jnp.asarray(np.minimum(index - first, block - 1))]
            found.append(np.asarray(_codes(model, scale, batch, keys))[: min(first + block, n) - at])
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
