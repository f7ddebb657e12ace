"""How well scores tell outliers from inliers: AUROC and average precision, with intervals.

Scores are higher for what is more anomalous: a negative log-likelihood, a reconstruction error.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import norm, rankdata

from latente.errors import DataError
from latente.evaluation.metrics.checks import vector, whole
from latente.evaluation.metrics.differences import Difference
from latente.evaluation.metrics.intervals import LEVEL, Estimate, bounded, check_level, normal_interval, wilson

Scores = NDArray[np.float64]

DRAWS = 1000
"""Of the bootstrap."""


@dataclass(frozen=True)
class Detection:
    """How well a score tells outliers from inliers.

    Attributes:
        auroc: probability that an outlier scores above an inlier, in 0..1; ½ is chance, below it the wrong way round.
        average_precision: in 0..1, outliers being what is looked for; chance is ``prevalence``.
        prevalence: the outliers' share.
        inliers, outliers: counts.
    """

    auroc: Estimate
    average_precision: Estimate
    prevalence: float
    inliers: int
    outliers: int

    @property
    def reversed(self) -> bool:
        """Whether the score surely ranks outliers below inliers: the known failure of likelihoods."""
        return self.auroc.high < 0.5


def detect(
    inliers: ArrayLike, outliers: ArrayLike, *, draws: int = DRAWS, seed: int = 0, level: float = LEVEL
) -> Detection:
    """AUROC and average precision of scores of inliers, shape (n,), and of outliers, shape (m,).

    Raises:
        DataError: fewer than two of either, or scores that are not finite.
        SpecError: a level or a number of draws out of range.
    """
    precision = average_precision(inliers, outliers, draws=draws, seed=seed, level=level)
    n, m = len(np.asarray(inliers)), len(np.asarray(outliers))
    return Detection(auroc(inliers, outliers, level=level), precision, m / (n + m), n, m)


def auroc(inliers: ArrayLike, outliers: ArrayLike, *, level: float = LEVEL) -> Estimate:
    """P(outlier's score > inlier's) + ½ P(equal), with DeLong's interval (DeLong et al. 1988), cut to 0..1.

    Where the sets do not overlap at all that variance is zero; then the interval is Wilson's for a share of so many
    examples as the smaller set has, which is too wide rather than too narrow.

    Raises:
        DataError, SpecError: as `detect`.
    """
    check_level(level)
    low, high = _scores(inliers, outliers)
    value, error = _delong(low, high)
    if error == 0:
        return wilson(value, min(len(low), len(high)), level=level)
    return bounded(normal_interval(value, error, level=level), 0, 1)


def auroc_error(inliers: ArrayLike, outliers: ArrayLike) -> float:
    """The standard error of `auroc` (DeLong et al. 1988); zero where the sets do not overlap at all.

    Raises:
        DataError: as `detect`.
    """
    return _delong(*_scores(inliers, outliers))[1]


def auroc_difference(
    first: tuple[ArrayLike, ArrayLike], second: tuple[ArrayLike, ArrayLike], *, level: float = LEVEL
) -> Difference:
    """How much a second score's AUROC is above a first's on the same examples (DeLong et al. 1988): paired.

    Args:
        first, second: (scores of inliers, scores of outliers), the examples in the same order in both.
        level: of the interval.

    Raises:
        DataError: as `detect`, or different numbers of examples.
        SpecError: a level out of range.
    """
    check_level(level)
    found = [_scores(*scores) for scores in (first, second)]
    sizes = [(len(a), len(b)) for a, b in found]
    if sizes[0] != sizes[1]:
        raise DataError(f"scores: the first are of {sizes[0]} examples and the second of {sizes[1]}; give the same")
    (v1, w1), (v2, w2) = (placements(*scores) for scores in found)
    v, w = v2 - v1, w2 - w1
    error = math.sqrt(v.var(ddof=1) / len(v) + w.var(ddof=1) / len(w))
    value = float(v.mean())
    p = 2 * float(norm.sf(abs(value) / error)) if error > 0 else float(value == 0)
    return Difference(bounded(normal_interval(value, error, level=level), -1, 1), p)


def placements(inliers: Scores, outliers: Scores) -> tuple[Scores, Scores]:
    """For each outlier the share of inliers below it, for each inlier the share of outliers above; ties count half.

    From mid-ranks, in O(n log n) (Sun & Xu 2014).
    """
    n, m = len(inliers), len(outliers)
    ranks = rankdata(np.concatenate([inliers, outliers]))
    by_outlier = (ranks[n:] - rankdata(outliers)) / n
    by_inlier = 1 - (ranks[:n] - rankdata(inliers)) / m
    return by_outlier, by_inlier


def average_precision(
    inliers: ArrayLike, outliers: ArrayLike, *, draws: int = DRAWS, seed: int = 0, level: float = LEVEL
) -> Estimate:
    """Σ (Rₖ − Rₖ₋₁) Pₖ over the distinct scores as thresholds, with a bootstrap interval over both sets.

    It depends on how many outliers there are to each inlier: compare it at one prevalence only.

    Raises:
        DataError, SpecError: as `detect`.
    """
    check_level(level)
    whole("draws", draws, 2)
    low, high = _scores(inliers, outliers)
    # One sort serves all draws: a draw only changes how often each score counts.
    order = np.argsort(-np.concatenate([low, high]), kind="stable")
    scores = np.concatenate([low, high])[order]
    last = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    is_high = order >= len(low)
    rng = np.random.default_rng(seed)
    value = _precision(np.ones(len(order)), is_high, last)
    found = []
    for _ in range(draws):
        drawn = (np.bincount(rng.integers(n, size=n), minlength=n) for n in (len(low), len(high)))
        found.append(_precision(np.concatenate(list(drawn))[order].astype(np.float64), is_high, last))
    ends = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    estimate = Estimate(value, float(ends[0]), float(ends[1]))
    # A perfect ranking stays perfect in every draw.
    return wilson(value, min(len(low), len(high)), level=level) if value == 1 else estimate


def _delong(inliers: Scores, outliers: Scores) -> tuple[float, float]:
    """The AUROC and its standard error."""
    by_outlier, by_inlier = placements(inliers, outliers)
    variance = by_outlier.var(ddof=1) / len(outliers) + by_inlier.var(ddof=1) / len(inliers)
    return float(by_outlier.mean()), math.sqrt(variance)


def _scores(inliers: ArrayLike, outliers: ArrayLike) -> tuple[Scores, Scores]:
    return vector("inliers' scores", inliers, least=2), vector("outliers' scores", outliers, least=2)


def _precision(weight: Scores, is_high: NDArray[np.bool_], last: NDArray[np.int64]) -> float:
    """Average precision of examples sorted by falling score; ``last`` ends each run of equal scores."""
    found = np.cumsum(weight * is_high)[last]
    seen = np.cumsum(weight)[last]
    gained = np.diff(found, prepend=0.0)
    return float((gained * found / np.maximum(seen, 1)).sum() / found[-1])
