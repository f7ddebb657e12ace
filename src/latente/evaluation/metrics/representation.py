"""What codes say of labels: linear, nearest-neighbour and few-label probes, and agreement of clusters.

Probes learn from codes of the training part and are judged on codes they have not seen.
"""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latente.errors import DataError
from latente.evaluation.metrics.checks import labels, rows, whole
from latente.evaluation.metrics.disentanglement import entropy
from latente.evaluation.metrics.intervals import (
    LEVEL,
    Estimate,
    bounded,
    check_level,
    jackknife_error,
    mean_interval,
    normal_interval,
    quantile,
    wilson,
    with_both,
)
from latente.evaluation.metrics.neighbours import nearest

PENALTIES = (0.01, 0.1, 1.0, 10.0)
"""Inverse strengths of the penalty that `best_penalty` chooses from."""
NEIGHBOURS = (1, 3, 10, 30)
"""Numbers of neighbours that `best_neighbours` chooses from."""
REFITS = 10
"""How often clusters are sought anew for their error."""

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Probe:
    """What a classifier of codes says of the examples it was not trained on.

    Attributes:
        accuracy: with Wilson's interval over these examples, given the trained codes.
        predicted: shape (n,).
        correct: shape (n,), one value an example, so that two probes can be compared in pairs.
    """

    accuracy: Estimate
    predicted: Labels
    correct: Floats


@dataclass(frozen=True)
class Clusters:
    """How far k-means clusters of codes are the classes.

    Attributes:
        ari: adjusted Rand index; 1 for the same partition, 0 expected by chance (Hubert & Arabie 1985).
        nmi: mutual information over the mean of both entropies, 0..1; by chance above 0.
        assigned: each example's cluster, shape (n,).
    """

    ari: Estimate
    nmi: Estimate
    assigned: Labels


def linear_probe(
    train: ArrayLike, train_y: ArrayLike, codes: ArrayLike, y: ArrayLike, *, c: float = 1.0, level: float = LEVEL
) -> Probe:
    """Multinomial logistic regression on codes standardised by the training part's mean and deviation.

    Args:
        train, codes: shapes (n, d) and (m, d).
        train_y, y: their labels.
        c: inverse strength of the squared penalty, as scikit-learn's.
        level: of the interval.

    Raises:
        DataError: empty, of different widths or lengths, not finite, or a training part of one class.
        SpecError: a level out of range.
    """
    check_level(level)
    a, of_a, b, of_b = _labelled(train, train_y, codes, y)
    return _judged(_logistic(a, of_a, b, c), of_b, level)


def knn_probe(
    train: ArrayLike, train_y: ArrayLike, codes: ArrayLike, y: ArrayLike, k: int = 10, *, level: float = LEVEL
) -> Probe:
    """The class of most of the k nearest training codes, by Euclidean distance as the codes are; ties: lower class.

    Raises:
        DataError: as `linear_probe`.
        SpecError: k above the number of training codes, or a level out of range.
    """
    check_level(level)
    a, of_a, b, of_b = _labelled(train, train_y, codes, y)
    return _judged(_votes(of_a, nearest(b, a, k).index), of_b, level)


def few_label_probe(
    train: ArrayLike,
    train_y: ArrayLike,
    codes: ArrayLike,
    y: ArrayLike,
    *,
    per_class: Sequence[int] = (1, 5, 10, 50),
    draws: int = 10,
    seed: int = 0,
    c: float = 1.0,
    level: float = LEVEL,
) -> dict[int, Estimate]:
    """Accuracy of `linear_probe` from so many labels a class: the mean over draws of which are labelled.

    Its interval is Student's t over the draws and the examples' own (Wilson's), added in quadrature.

    Args:
        train, train_y, codes, y, c, level: as `linear_probe`.
        per_class: numbers of labels a class; those above the smallest class's number are left out.
        draws: how often labels are drawn, at least 2.
        seed: of the draws; equal seeds label the same examples, so that models can be compared in pairs.

    Raises:
        DataError: as `linear_probe`, or no number that the smallest class can give.
        SpecError: draws, numbers or a level out of range.
    """
    check_level(level)
    whole("draws", draws, 2)
    a, of_a, b, of_b = _labelled(train, train_y, codes, y)
    members = [np.flatnonzero(of_a == k) for k in np.unique(of_a)]
    fewest = min(len(m) for m in members)
    sizes = [s for s in per_class if whole("per_class", s, 1) <= fewest]
    if not sizes:
        raise DataError(f"few labels: the smallest class has {fewest} examples; allowed per_class: at most that")
    found = {}
    for size in sizes:
        rng = np.random.default_rng([seed, size])
        right = []
        for _ in range(draws):
            chosen = np.concatenate([rng.choice(m, size, replace=False) for m in members])
            right.append(float((_logistic(a[chosen], of_a[chosen], b, c) == of_b).mean()))
        mean = mean_interval(right, level=level)
        found[size] = bounded(with_both(mean, wilson(mean.value, len(b), level=level)), 0, 1)
    return found


def cluster_agreement(
    codes: ArrayLike,
    y: ArrayLike,
    clusters: int | None = None,
    *,
    restarts: int = 10,
    refits: int = REFITS,
    seed: int = 0,
    level: float = LEVEL,
) -> Clusters:
    """ARI and NMI of k-means clusters of codes and their classes.

    Two parts of their error are added in quadrature: other examples in these clusters (the jackknife), and other
    clusters of these examples, by what other examples would make of them and by k-means' own luck (its scatter over
    refits, each to resampled codes with a start of its own; Student's t).

    Args:
        codes: shape (n, d).
        y: their labels, shape (n,).
        clusters: how many; None: as many as there are classes.
        restarts: of k-means, of which the tightest clusters are kept.
        refits: for the second part of the error; 0 leaves it out.
        seed: of k-means.
        level: of the intervals.

    Raises:
        DataError: empty, of different lengths, or not finite.
        SpecError: more clusters than examples, a single refit, or a level out of range.
    """
    from sklearn.cluster import KMeans

    check_level(level)
    if refits != 0:
        whole("refits", refits, 2)
    z = rows("codes", codes, least=2)
    of = labels("y", y, length=("codes", len(z)))
    number = len(np.unique(of)) if clusters is None else clusters
    whole("clusters", number, 1, len(z), f"for there are {len(z)} codes")
    with _alone():
        # Fewer distinct codes than clusters, as collapsed models have: then fewer clusters it is.
        assigned = KMeans(number, n_init=restarts, random_state=seed).fit_predict(z).astype(np.int64)
        rng = np.random.default_rng(seed)
        others = [
            KMeans(number, n_init=restarts, random_state=int(rng.integers(2**31)))
            .fit(z[rng.integers(len(z), size=len(z))])
            .predict(z)
            for _ in range(refits)
        ]
    table = contingency(of, assigned, number)
    refitted = [contingency(of, other, number) for other in others]
    return Clusters(
        bounded(_from_tables(adjusted_rand, table, refitted, level), -1, 1),
        bounded(_from_tables(normalised_information, table, refitted, level), 0, 1),
        assigned,
    )


def contingency(y: Labels, assigned: NDArray[np.integer], clusters: int) -> Floats:
    """How many examples of each class (row) are in each cluster, shape (classes, clusters)."""
    table = np.zeros((int(y.max()) + 1, clusters))
    np.add.at(table, (y, assigned), 1)
    return table


def adjusted_rand(table: Floats) -> float:
    """Adjusted Rand index of two partitions from how often their parts meet, shape (parts, parts)."""

    def pairs(counts: Floats) -> float:
        return float((counts * (counts - 1)).sum() / 2)

    both, rows_, columns, all_ = (pairs(t) for t in (table, table.sum(1), table.sum(0), table.sum()[None]))
    chance = rows_ * columns / all_ if all_ else 0.0
    most = (rows_ + columns) / 2
    return 1.0 if most == chance else (both - chance) / (most - chance)


def normalised_information(table: Floats) -> float:
    """Mutual information of two partitions over the arithmetic mean of their entropies; 1 where neither divides."""
    of_rows, of_columns = entropy(table.sum(1)), entropy(table.sum(0))
    mean = (of_rows + of_columns) / 2
    return 1.0 if mean == 0 else max(0.0, of_rows + of_columns - entropy(table)) / mean


def _from_tables(
    statistic: Callable[[Floats], float], table: Floats, refitted: Sequence[Floats], level: float
) -> Estimate:
    # Leaving out any one example of a cell gives the same value.
    cells = np.argwhere(table > 0)
    left = []
    for cell in map(tuple, cells):
        less = table.copy()
        less[cell] -= 1
        left.append(statistic(less))
    value = statistic(table)
    given = normal_interval(value, jackknife_error(left, table[table > 0]), level=level)
    scatter = float(np.std([statistic(t) for t in refitted], ddof=1)) if refitted else 0.0
    other = quantile(len(refitted) - 1, level) * scatter if scatter > 0 else 0.0
    return with_both(given, Estimate(value, value - other, value + other))


def _labelled(
    train: ArrayLike, train_y: ArrayLike, codes: ArrayLike, y: ArrayLike
) -> tuple[Floats, Labels, Floats, Labels]:
    a = rows("train", train, least=2)
    b = rows("codes", codes, width=("train", a.shape[1]))
    of_a = labels("train_y", train_y, length=("train", len(a)))
    if of_a.min() == of_a.max():
        raise DataError(f"train_y: all {len(of_a)} labels are {of_a[0]}; allowed: two classes or more")
    return a, of_a, b, labels("y", y, length=("codes", len(b)))


def best_penalty(
    train: ArrayLike, train_y: ArrayLike, held: ArrayLike, held_y: ArrayLike, choices: Sequence[float] = PENALTIES
) -> float:
    """The ``c`` of `linear_probe` that is right most often on held-out codes; of equal ones the strongest penalty.

    Raises:
        DataError: as `linear_probe`.
    """
    a, of_a, b, of_b = _labelled(train, train_y, held, held_y)
    return max(sorted(choices), key=lambda c: int((_logistic(a, of_a, b, c) == of_b).sum()))


def best_neighbours(
    train: ArrayLike, train_y: ArrayLike, held: ArrayLike, held_y: ArrayLike, choices: Sequence[int] = NEIGHBOURS
) -> int:
    """The ``k`` of `knn_probe` that is right most often on held-out codes, of those below the number of training codes;
    of equal ones the largest.

    Raises:
        DataError: as `linear_probe`.
    """
    a, of_a, b, of_b = _labelled(train, train_y, held, held_y)
    allowed = sorted((k for k in choices if k < len(a)), reverse=True) or [1]
    near = nearest(b, a, allowed[0]).index
    return max(allowed, key=lambda k: int((_votes(of_a, near[:, :k]) == of_b).sum()))


def _votes(of_a: Labels, near: Labels) -> Labels:
    votes = (of_a[near][:, :, None] == np.arange(of_a.max() + 1)).sum(axis=1)
    return np.asarray(votes.argmax(axis=1), np.int64)


def _logistic(a: Floats, y: Labels, b: Floats, c: float) -> Labels:
    from sklearn.linear_model import LogisticRegression

    spread = a.std(axis=0)
    mean, spread = a.mean(axis=0), np.where(spread > 0, spread, 1)
    with _alone():  # a thousand steps are enough for an accuracy
        fitted = LogisticRegression(C=c, max_iter=1000).fit((a - mean) / spread, y)
    return np.asarray(fitted.predict((b - mean) / spread), np.int64)


def _judged(predicted: NDArray[np.generic], y: Labels, level: float) -> Probe:
    correct = (predicted == y).astype(np.float64)
    return Probe(wilson(float(correct.mean()), len(y), level=level), np.asarray(predicted, np.int64), correct)


@contextmanager
def _alone() -> Iterator[None]:
    """No warnings of scikit-learn, and one thread: its many small products are ten times slower with more."""
    pools: Any = importlib.import_module("threadpoolctl")  # scikit-learn's own, without types
    with warnings.catch_warnings(), pools.threadpool_limits(1):
        warnings.simplefilter("ignore")
        yield
