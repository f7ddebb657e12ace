"""DCI: how a forest that predicts the factors from the codes uses the latents."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from latente.errors import DataError
from latente.evaluation.metrics.disentanglement.codes import Floats, checked, entropy

TREES = 50
LEAF = 5
EXAMPLES = 9_000


@dataclass(frozen=True)
class DCI:
    """The three scores, all higher for better.

    Attributes:
        disentanglement: whether each latent serves one factor, in 0..1.
        completeness: whether each factor is served by one latent, in 0..1.
        informativeness: share of held-out factors predicted right, in 0..1, the mean over factors.
        chance: that share for always saying the most frequent value of the training part.
        importance: of every latent for every factor, shape (latents, factors); each column sums to 1.
        of_latents: disentanglement of each latent.
        of_factors: completeness of each factor.
        right: held-out accuracy of each factor.
    """

    disentanglement: float
    completeness: float
    informativeness: float
    chance: float
    importance: Floats
    of_latents: Floats
    of_factors: Floats
    right: Floats


def dci(
    codes: NDArray[np.floating],
    factors: NDArray[np.integer],
    *,
    seed: int,
    trees: int = TREES,
    examples: int = EXAMPLES,
) -> DCI:
    """Disentanglement, completeness and informativeness (Eastwood & Williams 2018).

    Importances are the impurity decreases of scikit-learn's random forest classifier, one forest a factor, of ``trees``
    trees with leaves of at least 5 examples. Every split looks at all latents: with the usual random subset, the splits
    that cannot see the right latent spread importance over the others, and a perfect code does not get 1. Two thirds of
    the examples train, one third is held out. Scores of other kinds of trees are not comparable with these.

    Args:
        codes: shape (n, latents).
        factors: whole numbers, shape (n, factors); each is predicted as a class.
        seed: of the split and the forests.
        trees: of each forest.
        examples: at most so many are used, drawn with the seed.

    Raises:
        DataError: as `latente.evaluation.metrics.disentanglement.codes.checked`, or fewer than 30 examples.
    """
    from sklearn.ensemble import RandomForestClassifier

    z, f = checked(codes, factors)
    train, held = halves(len(z), seed=seed, examples=examples)
    importance, right, chance = np.empty((z.shape[1], f.shape[1])), np.empty(f.shape[1]), np.empty(f.shape[1])
    for j, factor in enumerate(f.T):
        forest = RandomForestClassifier(trees, max_features=None, min_samples_leaf=LEAF, n_jobs=-1, random_state=seed)
        forest.fit(z[train], factor[train])
        importance[:, j] = forest.feature_importances_
        # In one thread: several would add the trees' votes in any order, and near ties could fall either way.
        right[j] = (forest.set_params(n_jobs=1).predict(z[held]) == factor[held]).mean()
        chance[j] = (factor[held] == np.bincount(factor[train]).argmax()).mean()
    of_latents, of_factors = purity(importance), purity(importance.T)
    weights = importance.sum(axis=1)
    # A forest that found nothing to split has no importances at all.
    disentanglement = float(weights @ of_latents / weights.sum()) if weights.sum() > 0 else 0.0
    return DCI(
        disentanglement,
        float(of_factors.mean()),
        float(right.mean()),
        float(chance.mean()),
        importance,
        of_latents,
        of_factors,
        right,
    )


def purity(importance: Floats) -> Floats:
    """One less each row's entropy over that of equal shares, shape (rows,); 0 for a row of zeros."""
    full = math.log(importance.shape[1])
    return np.array([1 - entropy(row) / full if row.sum() > 0 else 0.0 for row in importance])


def halves(n: int, *, seed: int, examples: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Two thirds and one third of at most ``examples`` of n rows, shuffled.

    Raises:
        DataError: fewer than 30.
    """
    n_used = min(n, examples)
    if n_used < 30:
        raise DataError(f"got {n_used} examples; at least 30 are needed to train on some and test on others")
    rows = np.random.default_rng(seed).permutation(n)[:n_used]
    cut = 2 * n_used // 3
    return rows[:cut], rows[cut:]
