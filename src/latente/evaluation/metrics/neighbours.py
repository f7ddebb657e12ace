"""Nearest neighbours with bounded memory, and a test of whether samples are copies of training examples."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import mannwhitneyu

from latente.evaluation.metrics.anomaly import auroc
from latente.evaluation.metrics.checks import rows, whole
from latente.evaluation.metrics.intervals import LEVEL, Estimate, check_level, wilson

MEMORY = 64 * 2**20
"""Bytes that blocks of distances or of converted examples may take."""
SMALL = 2**19
"""Pairs below which starting scikit-learn's threads takes longer than the search."""

COPY = 1 / 3
"""A copy is this much nearer to one training example than to the next (Yoon et al. 2023, memorisation ratio)."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Near:
    """The k nearest references of each of n queries, nearest first.

    Attributes:
        index: which references, shape (n, k).
        distance: Euclidean, over all values of an example, shape (n, k); exactly zero for a copy.
    """

    index: NDArray[np.int64]
    distance: Floats


@dataclass(frozen=True)
class Memorisation:
    """Whether samples lie nearer to the training examples than new examples do.

    Attributes:
        nearer: probability that a sample is nearer to the training part than a held-out example is, in 0..1; ½ where
            the model has the data's own distribution, 1 where it copies.
        p_value: one-sided, of samples not nearer; small where the model copies.
        copies: share of samples that are copies of one training example: at no distance from it, or nearer to it than
            a third of the distance to the next (Yoon et al. 2023).
        held_out_copies: the same share of the held-out examples, to compare with.
        samples, held_out: counts.
    """

    nearer: Estimate
    p_value: float
    copies: Estimate
    held_out_copies: Estimate
    samples: int
    held_out: int


def nearest(queries: ArrayLike, references: ArrayLike, k: int = 1, *, same: bool = False, memory: int = MEMORY) -> Near:
    """The k nearest references of each query.

    They are found in blocks with one matrix product each, and their distances then computed from differences, so that
    no distance suffers from cancellation. Equal distances go to the lower index, as far as both are among the k.

    Args:
        queries: shape (n, ...), bytes or floats.
        references: shape (m, ...), of as many values an example.
        k: how many, below m.
        same: the queries are the references, and none is its own neighbour.
        memory: bytes that a block may take.

    Raises:
        DataError: empty, of different widths, or not finite.
        SpecError: k too large, or memory too small.
    """
    to = rows("references", references, kind=None)
    q = to if same else rows("queries", queries, width=("references", to.shape[1]), kind=None)
    most = len(to) - same
    whole("k", k, 1, most, f"for there are {len(to)} references{' with the query itself' if same else ''}")
    whole("memory", memory, 2**20)
    wanted = k + same
    block = max(1, memory // (8 * to.shape[1]))
    kind = np.float64 if np.float64 in (to.dtype, q.dtype) else np.float32
    index: NDArray[np.int64] = np.empty((len(q), 0), np.int64)
    apart: NDArray[np.floating] = np.empty((len(q), 0))
    for start in range(0, len(to), block):
        part = np.ascontiguousarray(to[start : start + block], kind)
        most = min(wanted, len(part))
        slices = (np.ascontiguousarray(q[at : at + block], kind) for at in range(0, len(q), block))
        found = [_search(some, part, most) for some in slices]
        apart = np.concatenate([apart, np.concatenate([f[0] for f in found])], axis=1)
        index = np.concatenate([index, start + np.concatenate([f[1] for f in found])], axis=1)
        best = np.argsort(apart, axis=1, kind="stable")[:, :wanted]
        apart, index = np.take_along_axis(apart, best, axis=1), np.take_along_axis(index, best, axis=1)
    if same:
        index = _without_itself(index)
    return _exact(q, to, index, memory)


def nearest_to(
    x: NDArray[Any], parts: Iterable[NDArray[Any]], k: int
) -> tuple[NDArray[np.int64], NDArray[np.floating]]:
    """The k nearest references of one query, where they come in parts: indices and distances, nearest first, (k,) each.

    Nothing is sought by products of matrices, which take longer than the differences of one example. References with
    missing values (NaN) come last.
    """
    squares = []
    for part in parts:
        apart = part.reshape(len(part), -1) - x.reshape(-1)
        squares.append(np.einsum("ij,ij->i", apart, apart))
    square = np.concatenate(squares)
    index = np.argsort(square, kind="stable")[:k]
    return index, np.sqrt(square[index])


def blocks(rows: int, columns: int, memory: int = MEMORY) -> Iterator[slice]:
    """Slices of rows whose distances to so many columns fit into the memory, in double precision."""
    size = max(1, memory // (8 * max(columns, 1)))
    return (slice(at, min(at + size, rows)) for at in range(0, rows, size))


def squared_distances(a: Floats, b: Floats, b_squared: Floats) -> Floats:
    """‖a − b‖² from one matrix product, shape (len(a), len(b)); centre both before, as the error grows with ‖a‖²."""
    square = a @ b.T
    square *= -2
    square += (a**2).sum(axis=1)[:, None]
    square += b_squared
    return np.maximum(square, 0, out=square)


def memorisation(own: Floats, new: Floats, *, level: float = LEVEL) -> Memorisation:
    """Compare samples' distances to the training part with held-out examples' (Meehan, Chaudhuri & Dasgupta 2020).

    The statistic is Mann and Whitney's U as a probability, with DeLong's interval, given the training part. Samples
    without detail lie nearer to training examples than new examples do, and copy none: so report the share of copies
    too.

    Args:
        own, new: distances of samples and of held-out examples to the nearest and the second nearest training example,
            as `nearest` gives them: shapes (n, 2) and (l, 2), or with more columns.
        level: of the intervals.

    Raises:
        SpecError: a level out of range.
    """
    check_level(level)
    value, usual = own[:, 0], new[:, 0]
    differ = float(np.ptp(np.concatenate([value, usual]))) > 0
    p = float(mannwhitneyu(value, usual, alternative="less").pvalue) if differ else 1.0
    copies, usual_copies = (wilson(float(_copied(d).mean()), len(d), level=level) for d in (own, new))
    return Memorisation(auroc(value, usual, level=level), p, copies, usual_copies, len(own), len(new))


def ratio(distance: Floats) -> Floats:
    """The nearest distance over the second nearest, of distances of shape (n, 2) or more; shape (n,).

    0 where both are: whoever is at two training examples that are alike copies them.
    """
    return np.where(distance[:, 1] > 0, distance[:, 0] / np.where(distance[:, 1] > 0, distance[:, 1], 1), 0.0)


def _copied(distance: Floats) -> NDArray[np.bool_]:
    copied: NDArray[np.bool_] = (distance[:, 0] == 0) | (distance[:, 0] < COPY * distance[:, 1])
    return copied


def _search(q: NDArray[Any], part: NDArray[Any], k: int) -> tuple[Any, Any]:
    """Distances and indices of the k nearest, nearest first, as a product of matrices gives them."""
    if len(q) * len(part) > SMALL:
        from sklearn.neighbors import NearestNeighbors

        return NearestNeighbors(n_neighbors=k, algorithm="brute").fit(part).kneighbors(q)  # type: ignore[no-any-return]
    middle = part.mean(axis=0, dtype=np.float64)
    a, b = q - middle, part - middle
    square = squared_distances(a, b, (b**2).sum(axis=1))
    index = np.argpartition(square, k - 1, axis=1)[:, :k]
    near = np.take_along_axis(square, index, axis=1)
    order = np.argsort(near, axis=1, kind="stable")
    return np.sqrt(np.take_along_axis(near, order, axis=1)), np.take_along_axis(index, order, axis=1)


def _without_itself(index: NDArray[np.int64]) -> NDArray[np.int64]:
    """All but the query's own index; where others as near have crowded that out, all but the last."""
    own = index == np.arange(len(index))[:, None]
    own[~own.any(axis=1), -1] = True
    others: NDArray[np.int64] = index[~own].reshape(len(index), -1)
    return others


def _exact(q: NDArray[np.generic], to: NDArray[np.generic], index: NDArray[np.int64], memory: int) -> Near:
    distance = np.empty(index.shape)
    for part in blocks(len(q), index.shape[1] * q.shape[1], memory):
        apart = np.asarray(to[index[part]], np.float64) - np.asarray(q[part], np.float64)[:, None]
        distance[part] = np.sqrt(np.einsum("nkd,nkd->nk", apart, apart))
    order = np.lexsort((index, distance), axis=1)
    return Near(np.take_along_axis(index, order, axis=1), np.take_along_axis(distance, order, axis=1))
