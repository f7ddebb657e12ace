"""One number an example that says how unlike the training examples it is: higher is more anomalous."""

from __future__ import annotations

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from latente.errors import SpecError, unknown
from latente.evaluation import latent
from latente.evaluation.batching import OnBatch, one_pass
from latente.evaluation.likelihood.importance import nll, unsupported
from latente.evaluation.outliers.regret import regret
from latente.model.autoencoder import Autoencoder
from latente.model.likelihoods import Likelihood
from latente.training.examples import Examples, Scale

KINDS = ("nll", "reconstruction", "regret")

SAMPLES = 100

Floats = NDArray[np.float32]


def kinds_of(model: Autoencoder) -> tuple[str, ...]:
    """Those of `KINDS` that a model has.

    The bound is where `likelihood.importance.unsupported` has nothing against it, the regret where codes are points
    of a continuous space besides.
    """
    if unsupported(model) is not None:
        return ("reconstruction",)
    return KINDS if model.posterior.kind == "density" else ("nll", "reconstruction")


def anomaly_scores(
    model: Autoencoder,
    x: Floats,
    context: Floats | None = None,
    *,
    kinds: Sequence[str] | None = None,
    samples: int = SAMPLES,
    seed: int = 0,
    on_batch: OnBatch | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Scores of each example, shape (n,) each, by their names.

    ``nll`` is the bound on −log p(x) with K = ``samples``, nats (`likelihood.importance.nll`): the plain choice,
    and the one that may fail altogether, for simple examples are likely under almost any model (Nalisnick et al. 2019,
    arXiv:1810.09136). ``reconstruction`` is the squared error of the decoded mean code, a value. ``regret`` is a ratio
    of likelihoods (`latente.evaluation.outliers.regret`).

    Of the ratios that were proposed this one is taken because it holds for every likelihood. The length of a
    compressed example as a background (Serrà et al. 2020, arXiv:1909.11480) means something only where −log p(x) is
    the length of a code for the same bytes, which a binary cross-entropy of grey values and a density are not: for a
    Bernoulli VAE of MNIST it found Fashion-MNIST less anomalous than MNIST itself (see docs/evaluation.md). A
    background model of perturbed inputs (Ren et al. 2019, arXiv:1906.02845) is a second training with a rate to tune,
    and did not mend the failure of a VAE of Fashion-MNIST.

    Args:
        model: a trained one.
        x: model values, shape (n, *shape).
        context: what a conditional model is given, shape (n, context_size).
        kinds: which of `KINDS`; by default all that the model has.
        samples: K of the bound.
        seed: of the draws.
        on_batch: called with (examples done, of how many), once through for each kind that draws.

    Raises:
        SpecError: a kind that is unknown or that the model has not.
    """
    asked = kinds_of(model) if kinds is None else tuple(kinds)
    for kind in asked:
        if kind not in KINDS:
            raise SpecError(unknown("anomaly score", kind, KINDS))
        if kind not in kinds_of(model):
            reason = unsupported(model) or "its codes are of a finite number"
            raise SpecError(f'anomaly score "{kind}": {reason}; allowed here: {", ".join(kinds_of(model))}')
    examples = Examples(jnp.asarray(x), None if context is None else jnp.asarray(context))
    found: dict[str, NDArray[np.float64]] = {}
    plain = Scale(jnp.ones(()), jnp.zeros(()), False)
    drawn = [k for k in asked if k != "reconstruction"]
    for kind in asked:
        if kind == "reconstruction":
            found[kind] = squared_error(x, latent.reconstruct(model, x, context), model.likelihood)
            continue
        report = one_pass(on_batch, drawn.index(kind), len(drawn))
        if kind == "nll":
            found[kind] = nll(model, plain, examples, samples=samples, seed=seed, on_batch=report).values
        else:
            found[kind] = regret(model, plain, examples, seed=seed, on_batch=report)
    return found


def squared_error(x: Floats, reconstructions: Floats, likelihood: Likelihood) -> NDArray[np.float64]:
    """Mean over the values of each example that are not missing, shape (n,), in the likelihood's `residual`."""
    error = np.asarray(likelihood.residual(x, np.asarray(reconstructions, np.float64)), np.float64) ** 2
    return np.asarray(np.nanmean(error.reshape(len(error), -1), axis=1), np.float64)
