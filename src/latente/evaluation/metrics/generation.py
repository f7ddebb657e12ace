"""Are samples like the data? Precision, recall, density and coverage, Fréchet and kernel distance, balance of classes.

All but the last work on features of real examples and of samples, shapes (n, d) and (m, d). None of them notices
copies of the training part: see `latente.evaluation.metrics.neighbours.memorisation`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import rel_entr
from scipy.stats import chi2_contingency

from latente.evaluation.metrics.checks import array, labels, rows, whole
from latente.evaluation.metrics.intervals import (
    GROUPS,
    LEVEL,
    Estimate,
    bounded,
    check_level,
    from_groups,
    group_count,
    group_labels,
    jackknife_error,
    normal_interval,
    widest,
    wilson,
)
from latente.evaluation.metrics.neighbours import MEMORY, blocks, nearest, squared_distances

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]

TIE = 1e-12
"""Rounding of squared distances relative to the largest: a point this near to a ball's surface is not inside."""


@dataclass(frozen=True)
class Manifold:
    """How two sets overlap, from balls that reach to each point's k-th nearest neighbour of its own set.

    Attributes:
        precision: share of samples in at least one ball of the real examples (Kynkäänniemi et al. 2019).
        recall: share of real examples in at least one ball of the samples.
        density: mean number of real balls around a sample, over k; 1 is expected of equal distributions, and more is
            possible (Naeem et al. 2020).
        coverage: share of real balls with a sample in them; 1 − (n−1)…(n−k) / ((2n−1)…(2n−k)), about 1 − 2⁻ᵏ, is
            expected of n examples and n samples of one distribution.
        k: of the balls.
    """

    precision: Estimate
    recall: Estimate
    density: Estimate
    coverage: Estimate
    k: int


def manifold(
    real: ArrayLike,
    samples: ArrayLike,
    k: int = 5,
    *,
    groups: int = GROUPS,
    seed: int = 0,
    level: float = LEVEL,
    memory: int = MEMORY,
) -> Manifold:
    """Precision, recall, density and coverage, with delete-a-group jackknife intervals over both sets.

    An interval of a share is never narrower than Wilson's, and the jackknife's is rather too wide than too narrow for
    neighbours (of coverage up to twice). Compare values at one k and equal numbers of examples only.

    Args:
        real, samples: features, shapes (n, d) and (m, d).
        k: the neighbour that a ball reaches to.
        groups: of the jackknife.
        seed: of the groups.
        level: of the intervals.
        memory: bytes that a block of distances may take.

    Raises:
        DataError: empty, of different widths, or not finite.
        SpecError: k too large for either set, or a level out of range.
    """
    check_level(level)
    r, s = _both(real, samples, least=3)
    count = group_count([len(r), len(s)], groups)
    fewest = min(len(r), len(s))
    most = fewest - 1 - math.ceil(fewest / count)
    whole("k", k, 1, most, f"for the smaller set has {fewest} examples, less one group of {count} for the interval")
    rng = np.random.default_rng(seed)
    of_real, of_samples = group_labels(len(r), count, rng), group_labels(len(s), count, rng)
    of_real_balls, held = membership(s, of_samples, r, of_real, radii(r, k, of_real, count), memory=memory)
    of_sample_balls, _ = membership(r, of_real, s, of_samples, radii(s, k, of_samples, count), memory=memory)

    def score(values: NDArray[np.int64], group: NDArray[np.int64], *, share: bool) -> Estimate:
        v, unit = (values > 0, 1) if share else (values, k)
        left = [float(v[group != g, 1 + g].mean()) / unit for g in range(count)]
        found = bounded(from_groups(float(v[:, 0].mean()) / unit, left, level=level), 0, 1 if share else math.inf)
        return widest(found, wilson(found.value, len(v), level=level)) if share else found

    return Manifold(
        precision=score(of_real_balls, of_samples, share=True),
        recall=score(of_sample_balls, of_real, share=True),
        density=score(of_real_balls, of_samples, share=False),
        coverage=score(held, of_real, share=True),
        k=k,
    )


def frechet_of_moments(mean: Floats, covariance: Floats, other_mean: Floats, other_covariance: Floats) -> float:
    """‖μ − ν‖² + tr(Σ + Τ − 2 (Σ Τ)^½): the squared 2-Wasserstein distance of two Gaussians (Dowson & Landau 1982).

    The trace of the root is the sum of the singular values of Σ^½ Τ^½, so that it is real and finite for singular
    covariances too.
    """
    root, other_root = _root(covariance), _root(other_covariance)
    shared = float(np.linalg.svd(root @ other_root, compute_uv=False).sum())
    apart = float(((mean - other_mean) ** 2).sum())
    return max(0.0, apart + float(np.trace(covariance)) + float(np.trace(other_covariance)) - 2 * shared)


def frechet_distance(
    real: ArrayLike,
    samples: ArrayLike,
    *,
    corrected: bool = False,
    groups: int = GROUPS,
    seed: int = 0,
    level: float = LEVEL,
) -> Estimate:
    """Fréchet distance of the Gaussians fitted to two sets (Heusel et al. 2017: the formula of FID), a square.

    The plain value is biased upwards by some c/n, so that more samples look better: compare equal numbers, or take
    ``corrected``, from which the jackknife's estimate of the bias is taken off (it may fall below zero).

    Args:
        real, samples: features, shapes (n, d) and (m, d), at least 4 each; covariances are those of n − 1.
        corrected: take the bias off.
        groups, seed, level: of the delete-a-group jackknife.

    Raises:
        DataError: empty, of different widths, or not finite.
        SpecError: a level out of range.
    """
    check_level(level)
    sets = _both(real, samples, least=4)
    count = group_count([len(x) for x in sets], groups)
    rng = np.random.default_rng(seed)
    sums = [_Moments(x, group_labels(len(x), count, rng), count) for x in sets]
    value = frechet_of_moments(*sums[0].without(None), *sums[1].without(None))
    left = [frechet_of_moments(*sums[0].without(g), *sums[1].without(g)) for g in range(count)]
    bias = (count - 1) * (float(np.mean(left)) - value)
    found = from_groups(value - bias if corrected else value, left, level=level)
    return found if corrected else bounded(found, 0)


def kernel_distance(real: ArrayLike, samples: ArrayLike, *, level: float = LEVEL, memory: int = MEMORY) -> Estimate:
    """Unbiased squared maximum mean discrepancy with the kernel (x·y/d + 1)³ (Bińkowski et al. 2018: KID).

    Over all pairs, not over subsets of a thousand. It is zero in expectation for equal distributions, so that values
    below zero occur. The interval is the jackknife's over both sets, which is too wide rather than too narrow where
    the distributions are equal.

    Args:
        real, samples: features, shapes (n, d) and (m, d), at least 3 each.
        level: of the interval.
        memory: bytes that a block of kernel values may take.

    Raises:
        DataError: empty, of different widths, or not finite.
        SpecError: a level out of range.
    """
    check_level(level)
    x, y = _both(real, samples, least=3)
    n, m = len(x), len(y)
    xx, yy, xy = _kernel_sums(x, x, memory), _kernel_sums(y, y, memory), _kernel_sums(x, y, memory)
    # Less each one's value with itself.
    by_x, by_y = (sums[0] - ((v**2).sum(axis=1) / v.shape[1] + 1) ** 3 for sums, v in ((xx, x), (yy, y)))
    sx, sy, sxy = float(by_x.sum()), float(by_y.sum()), float(xy[0].sum())
    value = sx / (n * (n - 1)) + sy / (m * (m - 1)) - 2 * sxy / (n * m)
    without_x = (sx - 2 * by_x) / ((n - 1) * (n - 2)) + sy / (m * (m - 1)) - 2 * (sxy - xy[0]) / ((n - 1) * m)
    without_y = sx / (n * (n - 1)) + (sy - 2 * by_y) / ((m - 1) * (m - 2)) - 2 * (sxy - xy[1]) / (n * (m - 1))
    return normal_interval(value, math.hypot(jackknife_error(without_x), jackknife_error(without_y)), level=level)


class _Moments:
    """Mean and covariance of features, of all and without any one group, from one pass."""

    def __init__(self, x: Floats, group: NDArray[np.int64], groups: int) -> None:
        self.middle = x.mean(axis=0)
        centred = x - self.middle
        parts = [centred[group == g] for g in range(groups)]
        self.count = np.array([len(p) for p in parts])
        self.sums = np.stack([p.sum(axis=0) for p in parts])
        self.total = centred.T @ centred
        self.parts = parts

    def without(self, group: int | None) -> tuple[Floats, Floats]:
        n, total, square = self.count.sum(), self.sums.sum(axis=0), self.total
        if group is not None:
            part = self.parts[group]
            n, total, square = n - len(part), total - self.sums[group], square - part.T @ part
        mean = total / n
        return self.middle + mean, (square - n * np.outer(mean, mean)) / (n - 1)


def _both(real: ArrayLike, samples: ArrayLike, *, least: int) -> tuple[Floats, Floats]:
    r = rows("real", real, least=least)
    return r, rows("samples", samples, least=least, width=("real", r.shape[1]))


def _root(covariance: Floats) -> Floats:
    values, vectors = np.linalg.eigh(np.atleast_2d(covariance))
    root: Floats = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root


def _kernel_sums(x: Floats, y: Floats, memory: int) -> tuple[Floats, Floats]:
    """Kernel values summed over y for each x, and over x for each y."""
    by_x, by_y = np.empty(len(x)), np.zeros(len(y))
    for part in blocks(len(x), 2 * len(y), memory):
        kernel = x[part] @ y.T
        kernel /= x.shape[1]
        kernel += 1
        kernel *= kernel * kernel
        by_x[part] = kernel.sum(axis=1)
        by_y += kernel.sum(axis=0)
    return by_x, by_y


def radii(x: Floats, k: int, group: Labels, groups: int) -> Floats:
    """Distance of each x to its k-th nearest other, with all (column 0) and without each group; (n, 1 + groups)."""
    found = np.full((len(x), 1 + groups), np.nan)
    ask = min(len(x) - 1, k + max(10, 3 * k))
    while True:
        near = nearest(x, x, ask, same=True)
        found[:, 0] = near.distance[:, k - 1]
        for left in range(groups):
            place = (np.cumsum(group[near.index] != left, axis=1) < k).sum(axis=1)
            enough = np.flatnonzero(place < ask)
            found[enough, 1 + left] = near.distance[enough, place[enough]]
        if ask == len(x) - 1 or not np.isnan(found).any():
            return found
        # Neighbours all of one group: rare, so that asking again for more of them costs little.
        ask = min(len(x) - 1, 4 * ask)


def membership(
    points: Floats, point_group: Labels, centres: Floats, centre_group: Labels, radius: Floats, *, memory: int = MEMORY
) -> tuple[Labels, Labels]:
    """Count points strictly inside balls around centres, for every group left out, in one pass over the distances.

    Args:
        points, centres: shapes (n, d) and (m, d).
        point_group, centre_group: of each, in 0..groups − 1.
        radius: of each ball, shape (m, 1 + groups), see `radii`.
        memory: bytes that a block of distances may take.

    Returns:
        How many balls each point lies in, shape (n, 1 + groups), and how many points each ball holds, (m, 1 + groups);
        column 0 of all points and balls, column 1 + g without those of group g.
    """
    columns = radius.shape[1]
    balls = np.zeros((len(points), columns), np.int64)
    held = np.zeros((len(centres), columns), np.int64)
    middle = centres.mean(axis=0)
    p, c = points - middle, centres - middle
    squared = (c**2).sum(axis=1)
    limit = radius**2 - TIE * max(float(squared.max()), float((p**2).sum(axis=1).max()))
    largest = limit.max(axis=1)
    for part in blocks(len(p), 2 * len(c), memory):
        apart = squared_distances(p[part], c, squared)
        # Few pairs are inside of even the largest ball: only they are looked at group by group.
        flat = np.flatnonzero(apart < largest)
        row, column = np.divmod(flat, len(c))
        distance = apart.ravel()[flat]
        for at in range(columns):
            inside = distance < limit[column, at]
            if at:
                inside &= (centre_group[column] != at - 1) & (point_group[part][row] != at - 1)
            balls[part, at] = np.bincount(row[inside], minlength=len(apart))
            held[:, at] += np.bincount(column[inside], minlength=len(c))
    return balls, held


@dataclass(frozen=True)
class Balance:
    """The classes of samples beside those of real examples.

    Attributes:
        shares: of each class among the samples, with its interval.
        reference: of each class among the real examples, shape (classes,).
        divergence: Jensen and Shannon's, in nats, 0 to ln 2, less its bias.
        p_value: of equal shares (G test); 1 where there is one class only.
    """

    shares: tuple[Estimate, ...]
    reference: Floats
    divergence: Estimate
    p_value: float


def class_balance(real: ArrayLike, samples: ArrayLike, classes: int, *, level: float = LEVEL) -> Balance:
    """Compare the classes of samples with those of real examples, both told by one classifier.

    Args:
        real, samples: labels, shapes (n,) and (m,), in 0..classes − 1.
        classes: how many there are.
        level: of the intervals; the divergence's is the jackknife's over both sets.

    Raises:
        DataError: none, or labels out of range.
        SpecError: a level or a number of classes out of range.
    """
    check_level(level)
    whole("classes", classes, 1)
    sets = [labels(name, y, classes=classes) for name, y in (("real", real), ("samples", samples))]
    for name, y in zip(("real", "samples"), sets, strict=True):
        array(name, y, least=2)
    counts = np.stack([np.bincount(y, minlength=classes) for y in sets]).astype(np.float64)
    value, bias, square = _divergence(counts), 0.0, 0.0
    for side in (0, 1):
        # Leaving out any one example of a class gives the same value.
        present = np.flatnonzero(counts[side])
        left = np.array([_divergence(counts - np.outer(np.eye(2)[side], np.eye(classes)[c])) for c in present])
        n = counts[side].sum()
        bias += (n - 1) * (float((left * counts[side, present]).sum() / n) - value)
        square += jackknife_error(left, counts[side, present]) ** 2
    found = normal_interval(min(max(0.0, value - bias), math.log(2)), math.sqrt(square), level=level)
    shares = counts / counts.sum(axis=1, keepdims=True)
    return Balance(
        tuple(wilson(float(p), len(sets[1]), level=level) for p in shares[1]),
        shares[0],
        bounded(found, 0, math.log(2)),
        _g_test(counts),
    )


def _divergence(counts: Floats) -> float:
    p, q = counts / counts.sum(axis=1, keepdims=True)
    return float(rel_entr([p, q], (p + q) / 2).sum() / 2)


def _g_test(counts: Floats) -> float:
    present = counts[:, counts.sum(axis=0) > 0]
    if present.shape[1] < 2:
        return 1.0
    return float(chi2_contingency(present, correction=False, lambda_="log-likelihood").pvalue)
