"""SAP: is each factor predicted by one latent much better than by the next?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from latente.errors import DataError
from latente.evaluation.metrics.disentanglement.codes import Floats, Integers, Score, checked
from latente.evaluation.metrics.disentanglement.dci import halves

EXAMPLES = 9_000


def sap(
    codes: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    seed: int,
    categorical: bool | Sequence[bool] = False,
    examples: int = EXAMPLES,
) -> Score:
    """Separated attribute predictability (Kumar, Sattigeri, Balakrishnan 2018, section 3), in 0..1; higher is better.

    For each factor, the gap between the two latents that alone predict it best; the mean over factors. An ordered
    factor is predicted by a line, and scored by R² over all examples. A categorical one is predicted by a linear
    support vector machine (C = 0.01, balanced classes, one against the rest, as Locatello et al. 2019) on the
    standardised latent, and scored by the share predicted right of the third of the examples that is held out. There
    a perfect code of k classes gets 1 − 1/k, as noise is right on one in k; and from six classes along one latent on,
    one against the rest no longer parts them (of eight, a quarter is right), so call only factors of few values
    categorical.

    Args:
        codes: shape (n, latents).
        factors: whole numbers, shape (n, factors); an ordered factor's are taken as evenly spaced.
        seed: of the held-out third.
        categorical: whether the factors are names without an order: one for all, or one each.
        examples: at most so many are used for a categorical factor, drawn with the seed.

    Returns:
        The score; each: the gap of every factor.

    Raises:
        DataError: as `latente.evaluation.metrics.disentanglement.codes.checked`, fewer than 30 examples where a factor
            is categorical, or ``categorical`` of another length.
    """
    z, f = checked(codes, factors)
    kinds = [categorical] * f.shape[1] if isinstance(categorical, bool | np.bool_) else list(categorical)
    if len(kinds) != f.shape[1]:
        raise DataError(f"categorical: got {len(kinds)} values; allowed: one, or one for each of {f.shape[1]} factors")
    alone = r_squared(z, f)
    if any(kinds):
        train, held = halves(len(z), seed=seed, examples=examples)
        for j in np.flatnonzero(kinds):
            alone[:, j] = _right(z, f[:, j], train, held)
    ranked = np.sort(alone, axis=0)
    gaps = ranked[-1] - ranked[-2]
    return Score(float(gaps.mean()), gaps)


def r_squared(z: Floats, factors: Integers) -> Floats:
    """Squared correlation of each latent and each factor, shape (d, f); 0 for a constant latent."""
    z, f = z - z.mean(axis=0), factors - factors.mean(axis=0)
    products = (z.T @ f) ** 2
    variances = np.outer((z**2).sum(axis=0), (f**2).sum(axis=0))
    # What rounding leaves of a constant latent's variance is not variance.
    varies = (z.std(axis=0) > 1e-9 * (1 + np.abs(z).max(axis=0)))[:, None]
    return np.asarray(np.where(varies, products / np.where(varies, variances, 1), 0.0))


def _right(z: Floats, factor: Integers, train: Integers, held: Integers) -> Floats:
    from sklearn.svm import LinearSVC

    found = []
    for column in z.T:
        mean, spread = column[train].mean(), column[train].std()
        standard = ((column - mean) / (spread if spread > 0 else 1))[:, None]
        machine = LinearSVC(C=0.01, class_weight="balanced", dual=False).fit(standard[train], factor[train])
        found.append((machine.predict(standard[held]) == factor[held]).mean())
    return np.array(found)
