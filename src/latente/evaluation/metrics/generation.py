"""Are samples like the data? Precision, recall, density, coverage, Fréchet and kernel distance.

All work on features of real examples and of samples, shapes (n, d) and (m, d). None of them notices copies of the
training part: see `latente.evaluation.metrics.neighbours.memorisation`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from latente.errors import DataError
from latente.evaluation.findings.measures import LEVEL, Estimate
from latente.evaluation.metrics.balls import membership, radii
from latente.evaluation.metrics.checks import rows, whole
from latente.evaluation.metrics.neighbours import MEMORY, blocks
from latente.evaluation.metrics.resample import (
    GROUPS,
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

Floats = NDArray[np.float64]


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
    around_real = membership(s, of_samples, r, of_real, radii(r, k, of_real, count), memory=memory)
    around_samples = membership(r, of_real, s, of_samples, radii(s, k, of_samples, count), memory=memory)

    def score(values: NDArray[np.int64], group: NDArray[np.int64], *, share: bool) -> Estimate:
        v, unit = (values > 0, 1) if share else (values, k)
        left = [float(v[group != g, 1 + g].mean()) / unit for g in range(count)]
        found = bounded(from_groups(float(v[:, 0].mean()) / unit, left, level=level), 0, 1 if share else math.inf)
        return widest(found, wilson(found.value, len(v), level=level)) if share else found

    return Manifold(
        precision=score(around_real.balls, of_samples, share=True),
        recall=score(around_samples.balls, of_real, share=True),
        density=score(around_real.balls, of_samples, share=False),
        coverage=score(around_real.points, of_real, share=True),
        k=k,
    )


def expected_coverage(n: int, m: int, k: int) -> float:
    """Coverage expected of n real examples and m samples of one distribution (Naeem et al. 2020).

    Raises:
        DataError: k is not below n, or there are no samples.
    """
    if not 1 <= k < n or m < 1:
        raise DataError(f"expected coverage: got n={n}, m={m}, k={k}; allowed: 1 <= k < n and m >= 1")
    return 1 - math.prod((n - i) / (n + m - i) for i in range(1, k + 1))


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
    own = [_kernel_sums_of_itself(x), _kernel_sums_of_itself(y)]
    by_x, by_y = xx[0] - own[0], yy[0] - own[1]
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


def _kernel_sums_of_itself(x: Floats) -> Floats:
    own: Floats = ((x**2).sum(axis=1) / x.shape[1] + 1) ** 3
    return own
